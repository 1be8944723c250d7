"""Writing entries of the audit log on a plain connection; commands that load no tables write them here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import psycopg

from trabecula.domain.audit.entry import AuditEntry
from trabecula.domain.uids import StudyUid
from trabecula.ledger.audit.pseudonyms import (
    persons_of,
    pseudonyms_of_persons,
    pseudonyms_of_studies,
    storable_person,
)
from trabecula.ledger.texts import storable

_WRITE = """
    INSERT INTO audit_entries (at, action, outcome, who, who_kind, address, studies, patients, subject, detail)
    VALUES (coalesce(%(at)s, clock_timestamp()), %(action)s, %(outcome)s, %(who)s, %(who_kind)s, %(address)s,
            %(studies)s, %(patients)s, %(subject)s, %(detail)s)
"""


def write_entry(connection: psycopg.Connection[Any], entry: AuditEntry, *, at: datetime | None = None) -> int:
    """Write an entry in the connection's transaction and return its id, as ``appending.append`` does.

    Raises psycopg.Error.
    """
    (values,) = _rows(connection, [entry], at)
    row = connection.execute(f"{_WRITE} RETURNING id", values).fetchone()
    assert row is not None, "what was inserted has a number"
    return int(row[0])


def write_entries(connection: psycopg.Connection[Any], entries: Sequence[AuditEntry]) -> None:
    """Write many entries in the connection's transaction, in order; whom they name is looked up once for all.

    Raises psycopg.Error.
    """
    if entries:
        with connection.cursor() as cursor:
            cursor.executemany(_WRITE, list(_rows(connection, entries, None)))


def _rows(
    connection: psycopg.Connection[Any], entries: Sequence[AuditEntry], at: datetime | None
) -> Iterator[dict[str, Any]]:
    person_of = persons_of(connection, [uid for entry in entries for uid in entry.studies])
    persons = [[*entry.patients, *(person_of[uid] for uid in entry.studies if uid in person_of)] for entry in entries]
    studies = pseudonyms_of_studies(connection, [uid for entry in entries for uid in entry.studies])
    patients = pseudonyms_of_persons(connection, [person for one in persons for person in one])
    for entry, of_entry in zip(entries, persons, strict=True):
        uids = dict.fromkeys(StudyUid(storable(uid)) for uid in entry.studies)
        keys = dict.fromkeys(storable_person(person) for person in of_entry)
        yield {
            "at": at,
            "action": str(entry.action),
            "outcome": str(entry.outcome),
            "who": storable(entry.who),
            "who_kind": str(entry.who_kind),
            "address": storable(entry.address),
            "studies": [studies[uid] for uid in uids if uid in studies],
            "patients": [patients[key] for key in keys if key in patients],
            "subject": storable(entry.subject),
            "detail": storable(entry.detail),
        }
