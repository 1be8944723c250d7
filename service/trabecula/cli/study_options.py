"""What the commands on studies share: their options, and the filter these become."""

from __future__ import annotations

import getpass
import os
import re
from datetime import datetime, timedelta
from typing import Annotated

import typer

from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.errors_of.by_code import errors_by_code
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries.study_list import StudyFilter

StudyUidArgument = Annotated[
    StudyUid,
    typer.Argument(parser=StudyUid, metavar="STUDY_UID", help="Study Instance UID, or how the only one begins."),
]
Operator = Annotated[str, typer.Option("--operator", help="Who decides, for the audit trail; else the login name.")]
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
Since = Annotated[str, typer.Option(help="Only studies whose first image came within this time: 90m, 24h, 7d.")]
Reason = Annotated[
    str,
    typer.Option(help="Only studies with this reason, or failed with this error, by its code."),
]


def study_filter(
    received_from: datetime | None,
    received_to: datetime | None,
    state: StudyState | None,
    category: Category | None,
    scanner: str,
    model: str,
    reason: str,
    limit: int,
    patient: str = "",
    accession: str = "",
    since: str = "",
) -> StudyFilter:
    """Return the filter that the options stand for. Raises ConfigurationInvalid for an unknown code."""
    if reason and reason.upper() not in {*ReasonCode.__members__, *errors_by_code()}:
        raise ConfigurationInvalid(
            f"--reason: {reason} is neither the code of an error nor of a reason; known reasons are "
            f"{', '.join(ReasonCode.__members__)}"
        )
    return StudyFilter(
        received_from=received_from.date() if received_from else None,
        received_to=received_to.date() if received_to else None,
        state=state,
        category=category,
        scanner=scanner,
        model=model,
        reason=reason,
        limit=limit,
        patient=patient,
        accession=accession,
        since=_duration(since),
    )


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
