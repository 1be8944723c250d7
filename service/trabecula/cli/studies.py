"""``trabecula studies`` and ``trabecula quarantine``: the ledger as admins and coordinators ask it."""

from __future__ import annotations

import csv
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Engine

from trabecula import bootstrap
from trabecula.cli.output import console, errors_as_exit_code, print_json, print_table
from trabecula.cli.result_table import show_result
from trabecula.domain.eligibility import ReasonCode
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.result import Category
from trabecula.domain.study import StudyState
from trabecula.ledger import queries
from trabecula.ledger.queries import StudyFilter
from trabecula.pipeline import cancel_study, reprocess_study, retry_study, settle_now
from trabecula.settings import Settings, load_settings

app = typer.Typer(help="Look into the ledger of studies, and act on them.", no_args_is_help=True)
quarantine = typer.Typer(help="What was acknowledged but cannot be used.", no_args_is_help=True)

StudyUid = Annotated[str, typer.Argument(help="Study Instance UID.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
From = Annotated[
    datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First image on or after this day.")
]
To = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="First image on or before this day.")]
State = Annotated[StudyState | None, typer.Option(case_sensitive=False, help="Only studies in this state.")]
OfCategory = Annotated[Category | None, typer.Option("--category", case_sensitive=False, help="Only this answer.")]
Scanner = Annotated[str, typer.Option(help="Part of manufacturer, model or station name.")]
Model = Annotated[str, typer.Option(help="Only studies scored by this model bundle.")]
Reason = Annotated[str, typer.Option(help="Only studies with this reason code, e.g. TOO_FEW_LEVELS.")]


@app.command("list")
def list_(
    received_from: From = None,
    received_to: To = None,
    state: State = None,
    category: OfCategory = None,
    scanner: Scanner = "",
    model: Model = "",
    reason: Reason = "",
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List studies, the newest first."""
    with _engine() as (_, engine):
        wanted = _filter(received_from, received_to, state, category, scanner, model, reason, limit)
        rows = queries.list_studies(engine, wanted)
        total = queries.count_studies(engine, wanted)
    if as_json:
        print_json({"total": total, "studies": rows})
        return
    columns = (
        "study_uid",
        "received_at",
        "patient_id",
        "scanner_model",
        "state",
        "category",
        "reasons",
        "failure_code",
    )
    shown = [[_cell(row.get(name)) for name in columns] for row in rows]
    print_table("", [name.replace("_", " ") for name in columns], shown)
    console.print(f"{len(rows)} of {total}", highlight=False)


@app.command()
def show(study_uid: StudyUid, as_json: AsJson = False) -> None:
    """Show one study: result, objects, what each destination answered, and its audit trail."""
    with _engine() as (_, engine):
        document = queries.show_study(engine, study_uid)
        events = queries.study_events(engine, study_uid)
    if as_json:
        print_json(document | {"events": events})
        return
    show_result(document)
    rows = [(item["at"], item["revision"], item["what"], item["detail"], item["who"]) for item in events]
    print_table("audit trail", ("when", "revision", "what", "detail", "who"), rows)


@app.command()
def retry(study_uid: StudyUid, as_json: AsJson = False) -> None:
    """Run the step that failed again, or go on where a cancelled study stopped."""
    with _engine() as (_, engine):
        retry_study(bootstrap.ledger_of(engine), study_uid, _who())
        _tell_standing(engine, study_uid, as_json)


@app.command()
def cancel(study_uid: StudyUid, as_json: AsJson = False) -> None:
    """Stop a study where it is."""
    with _engine() as (_, engine):
        cancel_study(bootstrap.ledger_of(engine), study_uid, _who())
        _tell_standing(engine, study_uid, as_json)


@app.command()
def reprocess(study_uid: StudyUid, as_json: AsJson = False) -> None:
    """Measure a study anew as its next revision; its report names the one before."""
    with _engine() as (_, engine):
        reprocess_study(bootstrap.ledger_of(engine), study_uid, _who())
        _tell_standing(engine, study_uid, as_json)


@app.command()
def settle(study_uid: StudyUid, as_json: AsJson = False) -> None:
    """Take a study as complete without waiting for the quiet time."""
    with _engine() as (settings, engine):
        settle_now(bootstrap.services_of(settings, engine), study_uid, _who())
        _tell_standing(engine, study_uid, as_json)


@app.command()
def export(
    received_from: From = None,
    received_to: To = None,
    state: State = None,
    category: OfCategory = None,
    scanner: Scanner = "",
    model: Model = "",
    reason: Reason = "",
    out: Annotated[Path | None, typer.Option(help="CSV file; standard output without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Export the screening log as CSV (or JSON)."""
    with _engine() as (_, engine):
        wanted = _filter(received_from, received_to, state, category, scanner, model, reason, sys.maxsize)
        if as_json:
            print_json(queries.list_studies(engine, wanted))
            return
        target = out.open("w", newline="", encoding="utf-8") if out else sys.stdout
        try:
            csv.writer(target).writerows(queries.export_rows(engine, wanted))
        finally:
            if out:
                target.close()


@quarantine.command("list")
def list_quarantine(
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List instances that could not be parsed, or came twice with different content."""
    with _engine() as (_, engine):
        rows = queries.list_quarantine(engine, limit)
    if as_json:
        print_json(rows)
    elif rows:
        print_table("", list(rows[0]), [list(row.values()) for row in rows])
    else:
        console.print("the quarantine is empty")


def _tell_standing(engine: Engine, study_uid: str, as_json: bool) -> None:
    document = queries.show_study(engine, study_uid)
    standing = {key: document[key] for key in ("study_uid", "state", "revision")}
    if as_json:
        print_json(standing)
    else:
        console.print(f"{study_uid} is {standing['state']}, revision {standing['revision']}", highlight=False)


@contextmanager
def _engine() -> Iterator[tuple[Settings, Engine]]:
    with errors_as_exit_code():
        settings = load_settings()
        with bootstrap.opened_database(settings) as url, bootstrap.opened_engine(url) as engine:
            yield settings, engine


def _filter(
    received_from: datetime | None,
    received_to: datetime | None,
    state: StudyState | None,
    category: Category | None,
    scanner: str,
    model: str,
    reason: str,
    limit: int,
) -> StudyFilter:
    if reason and reason not in ReasonCode.__members__:
        raise ConfigurationInvalid(
            f"--reason: {reason} is not a reason code; known are {', '.join(ReasonCode.__members__)}"
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
    )


def _who() -> str:
    return f"{getpass.getuser()} (command line)"


def _cell(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
