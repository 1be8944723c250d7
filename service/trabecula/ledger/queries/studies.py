"""What admins ask the ledger of one study: everything in one document, and its audit trail."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, select

from trabecula.domain.errors import StudyAmbiguous, StudyUnknown
from trabecula.domain.uids import StudyUid
from trabecula.ledger.database import database_errors, driver_connection
from trabecula.ledger.queries.activity import Activities
from trabecula.ledger.queries.quarantine import quarantined_count
from trabecula.ledger.queries.study_document import study_document
from trabecula.ledger.tables import EventRow, Study

_SHOWN = 5


def find_study(engine: Engine, text: str) -> StudyUid:
    """Return the study with this Study Instance UID, or the only one whose UID begins so.

    Raises StudyUnknown, and StudyAmbiguous with the first few where several begin so.
    """
    wanted = text.strip().removesuffix("…").removesuffix("...")
    query = select(Study.study_uid).where(Study.study_uid.startswith(wanted, autoescape=True))
    with database_errors(), engine.connect() as connection:
        found = list(connection.execute(query.order_by(Study.study_uid.collate("C")).limit(_SHOWN + 1)).scalars())
    if wanted in found or not found or not wanted:
        return StudyUid(wanted)
    if len(found) > 1:
        more = " and more" if len(found) > _SHOWN else ""
        raise StudyAmbiguous(f"{wanted}: {', '.join(found[:_SHOWN])}{more}")
    return StudyUid(found[0])


def show_study(engine: Engine, study_uid: StudyUid) -> dict[str, Any]:
    """Return everything about one study (the published JSON), and what the queue does with it. Raises StudyUnknown."""
    with database_errors(), engine.connect() as connection:
        document = study_document(connection, study_uid)
        held = quarantined_count(connection, study_uid) if document is None else 0
        if document is not None:
            document |= Activities(driver_connection(connection), [study_uid]).of(study_uid, document["state"])
    if document is None:
        raise StudyUnknown(study_uid + (f"; {held} images that name it lie in quarantine" if held else ""))
    return document


def study_events(engine: Engine, study_uid: StudyUid) -> list[dict[str, Any]]:
    """Return the audit trail of a study in order: when, what, who."""
    query = (
        select(EventRow.at, EventRow.revision, EventRow.what, EventRow.detail, EventRow.who, EventRow.facts)
        .where(EventRow.study_uid == study_uid)
        .order_by(EventRow.id)
    )
    with database_errors(), engine.connect() as connection:
        return [{**row, "at": row["at"].isoformat()} for row in connection.execute(query).mappings()]
