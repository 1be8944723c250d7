"""What the commands on studies share: their options, and the filter these become."""

from __future__ import annotations

import getpass
import inspect
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import wraps
from typing import Annotated, Any, get_type_hints

import typer

from trabecula.domain.desk.search import StudySearch, midnight, next_midnight
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.errors_of.by_code import errors_by_code
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid

StudyUidArgument = Annotated[
    StudyUid,
    typer.Argument(parser=StudyUid, metavar="STUDY_UID", help="Study Instance UID, or how the only one begins."),
]
Operator = Annotated[str, typer.Option("--operator", help="Who decides, for the audit trail; else the login name.")]
Limit = Annotated[int, typer.Option(min=1, help="At most this many, the newest first.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
From = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First image on or after this day.")
]
To = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="First image on or before this day.")]
State = Annotated[StudyState | None, typer.Option(case_sensitive=False, help="Only studies in this state.")]
OfCategory = Annotated[Category | None, typer.Option("--category", case_sensitive=False, help="Only this answer.")]
Scanner = Annotated[str, typer.Option(help="Part of manufacturer, model or station name.")]
Model = Annotated[str, typer.Option(help="Only studies scored by this model bundle.")]
Patient = Annotated[str, typer.Option(help="Only studies of this Patient ID.")]
Accession = Annotated[str, typer.Option(help="Only studies with this Accession Number.")]
Begins = Annotated[
    str, typer.Option("--text", help="How a Patient ID, an Accession Number or a Study Instance UID begins.")
]
Site = Annotated[str, typer.Option(help="Only studies that this calling AE title sent.")]
Tag = Annotated[str, typer.Option(help="Only studies with this tag.")]
Undelivered = Annotated[str, typer.Option(help="Only studies whose report this destination refused or never got.")]
Since = Annotated[str, typer.Option(help="Only studies whose first image came within this time: 90m, 24h, 7d.")]
Reason = Annotated[
    str,
    typer.Option(help="Only studies with this reason, or failed with this error, by its code."),
]


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """The filters that commands on studies take, each an option of the command line (see ``takes_filters``)."""

    received_from: From = None
    received_to: To = None
    state: State = None
    category: OfCategory = None
    scanner: Scanner = ""
    model: Model = ""
    reason: Reason = ""
    patient: Patient = ""
    accession: Accession = ""
    since: Since = ""
    text: Begins = ""
    site: Site = ""
    tag: Tag = ""
    undelivered: Undelivered = ""

    @property
    def given(self) -> bool:
        """Whether any filter is."""
        return self != FilterOptions()

    def search(self) -> StudySearch:
        """Return the search that the options stand for. Raises ConfigurationInvalid for an unknown code or time."""
        if self.reason and self.reason.upper() not in {*ReasonCode.__members__, *errors_by_code()}:
            raise ConfigurationInvalid(
                f"--reason: {self.reason} is neither the code of an error nor of a reason; known reasons are "
                f"{', '.join(ReasonCode.__members__)}"
            )
        since = _duration(self.since)
        earliest = [midnight(self.received_from.date())] if self.received_from else []
        earliest += [datetime.now().astimezone() - since] if since else []
        return StudySearch(
            text=self.text,
            patient_id=self.patient,
            accession_number=self.accession,
            received_from=max(earliest, default=None),
            received_to=next_midnight(self.received_to.date()) if self.received_to else None,
            state=self.state,
            category=self.category,
            scanner=self.scanner,
            model=self.model,
            reason=self.reason,
            site=self.site,
            tag=self.tag.strip().lower(),
            undelivered=self.undelivered,
        )


def takes_filters(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of all filters in place of its parameter ``filters``, but those named."""
    annotations = get_type_hints(FilterOptions, include_extras=True)
    options = [
        inspect.Parameter(
            item.name, inspect.Parameter.KEYWORD_ONLY, default=item.default, annotation=annotations[item.name]
        )
        for item in fields(FilterOptions)
        if item.name not in without
    ]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def run(**values: Any) -> None:
            filters = FilterOptions(**{item.name: values.pop(item.name) for item in options})
            command(**values, filters=filters)

        own = inspect.signature(command, eval_str=True).parameters.values()
        kept = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own if item.name != "filters"]
        signature = inspect.Signature([*kept, *options])
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {item.name: item.annotation for item in signature.parameters.values()}
        return run

    return decorate


_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def _duration(text: str) -> timedelta | None:
    """``24h`` as a time; None for nothing. Raises ConfigurationInvalid."""
    match = re.fullmatch(r"(\d{1,5})([mhd])", text.strip().lower())
    if text.strip() and match is None:
        raise ConfigurationInvalid(f"--since: {text} is not a time such as 90m, 24h or 7d")
    return int(match[1]) * _UNITS[match[2]] if match else None


def operator(name: str = "") -> str:
    """Return who acts, as audit trails name them: the login name, also where another ``name`` is given."""
    try:
        login = getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        login = f"user {os.getuid()}"
    return f"{name.strip()} (command line as {login})" if name.strip() else f"{login} (command line)"
