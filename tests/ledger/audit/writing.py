"""Studies and audit entries of tests."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text

from trabecula.domain.audit.entry import ActorKind, AuditAction, AuditEntry
from trabecula.domain.uids import StudyUid
from trabecula.ledger.audit.appending import append

STUDY, OTHER = StudyUid("1.2.826.0.1.3680043.8.498.1"), StudyUid("1.2.826.0.1.3680043.8.498.2")
PERSON = "MRN-4711"


def add_study(engine: Engine, uid: StudyUid = STUDY, patient_id: str = PERSON, issuer: str = "HOSPITAL") -> None:
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO studies (study_uid, patient_id, patient_id_issuer) VALUES (:uid, :id, :issuer)"),
            {"uid": uid, "id": patient_id, "issuer": issuer},
        )


def entry(action: AuditAction = AuditAction.STUDY_VIEWED, **values: Any) -> AuditEntry:
    return AuditEntry(**{"action": action, "who": "anna", "who_kind": ActorKind.ACCOUNT} | values)


def write(engine: Engine, *entries: AuditEntry) -> list[int]:
    """Append each in a transaction of its own; return their ids."""
    numbers = []
    for item in entries:
        with engine.begin() as connection:
            numbers.append(append(connection, item))
    return numbers


def rows(engine: Engine, query: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text(query)).mappings())
