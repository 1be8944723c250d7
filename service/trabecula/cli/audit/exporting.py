"""``trabecula audit export``: sealed entries for an archive, one a line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Annotated, Any

import psycopg
import typer

from trabecula.bootstrap.keeping.audit import installation_uid, source_of
from trabecula.cli.connection import opened_connection
from trabecula.cli.output import print_line
from trabecula.cli.study_options import operator
from trabecula.domain.audit.acting import entry_of
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.audit.wire import AuditSource, NumberedEntry
from trabecula.ledger.audit.sealing import seal_waiting
from trabecula.ledger.audit.wires import entries_after
from trabecula.ledger.audit.writing import write_entry
from trabecula.settings import load_settings

_BATCH = 1000


class ExportFormat(StrEnum):
    """How an entry is written."""

    KEPT = "kept"
    """The canonical JSON array whose SHA-256 is sealed, after its number."""
    DICOM = "dicom"
    """DICOM audit message (PS3.15 A.5)."""
    FHIR = "fhir"
    """FHIR R4 AuditEvent."""


def export(
    form: Annotated[ExportFormat, typer.Option("--format", help="kept: what is sealed, for an archive.")] = (
        ExportFormat.KEPT
    ),
    after: Annotated[int, typer.Option(min=0, help="Only seals after this number: to go on where one ended.")] = 0,
) -> None:
    """Write sealed entries to standard output, the oldest first, one a line; studies and persons are pseudonyms."""
    with opened_connection() as connection:
        connection.autocommit = True
        write_entry(connection, entry_of(AuditAction.AUDIT_EXPORTED, operator(), detail=f"{form} after {after}"))
        seal_waiting(connection)
        write = _writer(form, source_of(load_settings(), installation_uid(connection)))
        for numbered in _entries(connection, after):
            for line in write(numbered):
                print_line(line)
    sys.stdout.flush()


def _entries(connection: psycopg.Connection[Any], after: int) -> Iterator[NumberedEntry]:
    while True:
        found = entries_after(connection, after, _BATCH)
        yield from found
        if len(found) < _BATCH:
            return
        after = found[-1].number


def _writer(form: ExportFormat, source: AuditSource) -> Callable[[NumberedEntry], Iterator[str]]:
    if form is ExportFormat.FHIR:
        from trabecula.peers.audit.fhir import audit_event

        return lambda numbered: iter((audit_event(numbered, source).model_dump_json(),))
    if form is ExportFormat.DICOM:
        from trabecula.peers.audit.message import messages_of

        return lambda numbered: (line.decode().replace("\n", "&#10;") for line in messages_of(numbered, source))
    return lambda numbered: iter(
        (json.dumps([numbered.number, json.loads(numbered.entry.canonical())], ensure_ascii=False),)
    )
