"""``trabecula audit list``: entries by time, person, study, actor and action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

import typer

from trabecula.cli.connection import opened_connection
from trabecula.cli.output import console, print_json, print_line, print_table
from trabecula.cli.study_options import AsJson, operator
from trabecula.domain.audit.acting import entry_of
from trabecula.domain.audit.entry import AuditAction, PatientKey
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.uids import StudyUid
from trabecula.ledger.audit.listing import AuditFilter, kept_entries, list_entries
from trabecula.ledger.audit.writing import write_entry

_TIMES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
_LONGEST = 3
"""Studies or persons that a line of the table names; --json has all."""


def list_(
    since: Annotated[
        datetime | None, typer.Option(formats=_TIMES, help="Only what happened since then (this host's time).")
    ] = None,
    who: Annotated[str, typer.Option(help="Only what this user, token or login did.")] = "",
    action: Annotated[str, typer.Option(help="Only this action, e.g. STUDY_VIEWED.")] = "",
    study: Annotated[str, typer.Option(help="Only what names this study, by its whole UID.")] = "",
    patient: Annotated[
        str, typer.Option(help="Only what names this patient: who looked at them, who changed what.")
    ] = "",
    issuer: Annotated[
        str | None, typer.Option(help="With --patient: the issuer of the ID; without it, any.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the newest first.")] = 200,
    before: Annotated[int | None, typer.Option(help="Only ids below this one: to go on.", show_default=False)] = None,
    as_json: AsJson = False,
    as_fhir: Annotated[
        bool, typer.Option("--fhir", help="As FHIR R4 AuditEvent, one a line, with pseudonyms.")
    ] = False,
) -> None:
    """List entries, the newest first; studies and persons by name where their keys were not destroyed."""
    with opened_connection() as connection:
        wanted = AuditFilter(
            since=since.astimezone() if since else None,
            who=who,
            action=_known(action),
            study_uid=study,
            patient_id=patient,
            issuer=issuer,
            before=before,
            limit=limit,
        )
        studies = (StudyUid(study),) if study else ()
        patients = (PatientKey(patient, issuer or ""),) if patient else ()
        looked = entry_of(AuditAction.AUDIT_VIEWED, operator(), studies=studies, patients=patients)
        if as_fhir:
            lines = list(kept_entries(connection, wanted))
            write_entry(connection, looked)
            connection.commit()
            _print_fhir(connection, lines)
            return
        rows = list_entries(connection, wanted)
        write_entry(connection, looked)
    if as_json:
        print_json(rows)
    elif rows:
        columns = ("id", "when", "who", "what", "of", "detail")
        print_table("", columns, [_line(row) for row in rows])
        if len(rows) == limit:
            console.print(f"older ones: --before {rows[-1]['id']}", highlight=False)
    else:
        console.print("nothing matches" if wanted != AuditFilter(limit=limit) else "the log is empty")


def _known(action: str) -> str:
    wanted = action.strip().upper()
    if wanted and wanted not in AuditAction.__members__:
        raise ConfigurationInvalid(f"--action: {action} is not known; known are {', '.join(AuditAction.__members__)}")
    return wanted


def _line(row: Mapping[str, Any]) -> tuple[object, ...]:
    outcome = "" if row["outcome"] == "SUCCESS" else f" ({row['outcome']})"
    who = row["who"] if not row["address"] else f"{row['who']} at {row['address']}"
    persons = [
        f"patient {one['patient_id']}" if "patient_id" in one else "a person no longer here" for one in row["patients"]
    ]
    studies = [uid if not uid.startswith("pseudonym:") else "a study no longer here" for uid in row["studies"]]
    named = [*persons, *studies, *([row["subject"]] if row["subject"] else [])]
    return row["id"], _moment(row["at"]), who, f"{row['action']}{outcome}", _shortened(named), row["detail"]


def _shortened(names: list[str]) -> str:
    more = f" and {len(names) - _LONGEST} more" if len(names) > _LONGEST else ""
    return ", ".join(names[:_LONGEST]) + more


def _moment(at: datetime) -> str:
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def _print_fhir(connection: Any, entries: Iterable[Any]) -> None:
    from trabecula.bootstrap.keeping.audit import installation_uid, source_of
    from trabecula.peers.audit.fhir import audit_event
    from trabecula.settings import load_settings

    source = source_of(load_settings(), installation_uid(connection))
    for numbered in entries:
        print_line(audit_event(numbered, source).model_dump_json())
