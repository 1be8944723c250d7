"""``trabecula studies``: the ledger as admins and coordinators ask it."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from trabecula import bootstrap
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.results.result_table import show_result
from trabecula.cli.studies.adopt import adopt
from trabecula.cli.studies.conflicts import conflict_documents, show_conflicts
from trabecula.cli.studies.references import import_references_command
from trabecula.cli.studies.reprocess import reprocess
from trabecula.cli.study_options import (
    AsJson,
    From,
    Model,
    OfCategory,
    Reason,
    Scanner,
    State,
    StudyUidArgument,
    To,
    opened_ledger,
    operator,
    study_filter,
)
from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries import studies as queries
from trabecula.pipeline import cancel_study, retry_study, settle_now, study_conflicts

app = typer.Typer(help="Look into the ledger of studies, and act on them.", no_args_is_help=True)
app.command("reprocess")(reprocess)
app.command("import-references")(import_references_command)
app.command("adopt")(adopt)


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
    """List studies, the newest first; conflicts counts images that came again with other headers."""
    with opened_ledger() as (_, engine):
        wanted = study_filter(
            received_from,
            received_to,
            state=state,
            category=category,
            scanner=scanner,
            model=model,
            reason=reason,
            limit=limit,
        )
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
    shown = [[_cell((row | {"state": _standing(row)}).get(name)) for name in columns] for row in rows]
    print_table("", [name.replace("_", " ") for name in columns], shown)
    console.print(f"{len(rows)} of {total}", highlight=False)


@app.command()
def show(study_uid: StudyUidArgument, as_json: AsJson = False) -> None:
    """Show one study: result, objects, what each destination answered, and its audit trail."""
    with opened_ledger() as (settings, engine):
        document = queries.show_study(engine, study_uid)
        events = queries.study_events(engine, study_uid)
        if document["conflicts"]:
            compared = study_conflicts(bootstrap.services_of(settings, engine), study_uid)
            document = document | {"conflicts": conflict_documents(compared)}
    if as_json:
        print_json(document | {"events": events})
        return
    show_result(document)
    if document["activity"]:
        console.print(activity_in_words(document), highlight=False)
    show_conflicts(document["conflicts"], study_uid)
    if document["failure"]:
        failure = document["failure"]
        console.print(
            f"failed: {failure['stage']}, {failure['code']}: {failure['sentence']}", style="bold", markup=False
        )
        console.print(f"  {failure['next_step']}", markup=False, highlight=False)
    rows = [(item["at"], item["revision"], item["what"], item["detail"], item["who"]) for item in events]
    print_table("audit trail", ("when", "revision", "what", "detail", "who"), rows)


@app.command()
def retry(study_uid: StudyUidArgument, as_json: AsJson = False) -> None:
    """Run the step that failed again, or go on where a cancelled study stopped."""
    with opened_ledger() as (_, engine):
        retry_study(bootstrap.ledger_of(engine), study_uid, operator())
        _tell_standing(engine, study_uid, as_json)


@app.command()
def cancel(study_uid: StudyUidArgument, as_json: AsJson = False) -> None:
    """Stop a study where it is."""
    with opened_ledger() as (_, engine):
        cancel_study(bootstrap.ledger_of(engine), study_uid, operator())
        _tell_standing(engine, study_uid, as_json)


@app.command()
def settle(study_uid: StudyUidArgument, as_json: AsJson = False) -> None:
    """Take a study as complete without waiting for the quiet time."""
    with opened_ledger() as (settings, engine):
        settle_now(bootstrap.services_of(settings, engine), study_uid, operator())
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
    with opened_ledger() as (_, engine):
        wanted = study_filter(
            received_from,
            received_to,
            state=state,
            category=category,
            scanner=scanner,
            model=model,
            reason=reason,
            limit=sys.maxsize,
        )
        if as_json:
            print_json(queries.list_studies(engine, wanted))
            return
        target = out.open("w", newline="", encoding="utf-8") if out else sys.stdout
        try:
            csv.writer(target).writerows(queries.export_rows(engine, wanted))
        finally:
            if out:
                target.close()


def _tell_standing(engine: Engine, study_uid: StudyUid, as_json: bool) -> None:
    document = queries.show_study(engine, study_uid)
    standing = {key: document[key] for key in ("study_uid", "state", "revision")}
    if as_json:
        print_json(standing)
    else:
        console.print(f"{study_uid} is {standing['state']}, revision {standing['revision']}", highlight=False)


def activity_in_words(row: Mapping[str, Any]) -> str:
    """Return what the queue does with a study: running since when, or its place in line; nothing for other states."""
    if row["activity"] == "running":
        return f"running since {datetime.fromisoformat(row['since']).astimezone():%Y-%m-%d %H:%M:%S}"
    if row["activity"] == "waiting":
        return f"waiting, place {row['place']} in line" if row["place"] else "waiting, tried again after a pause"
    return ""


def _standing(row: Mapping[str, Any]) -> str:
    told = [activity_in_words(row), f"{row['conflicts']} conflicts" if row["conflicts"] else ""]
    words = "; ".join(word for word in told if word)
    return f"{row['state']} ({words})" if words else str(row["state"])


def _cell(value: object) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
