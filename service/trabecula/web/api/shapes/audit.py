"""The audit log as the API tells it."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from trabecula.domain.audit.entry import ActorKind, AuditAction, AuditOutcome


class AuditShown(BaseModel):
    """An entry; `number` is its place in the chain of seals, null where the sealer has not come to it."""

    id: int
    number: int | None
    at: datetime
    action: AuditAction
    outcome: AuditOutcome
    who: str
    who_kind: ActorKind
    address: str
    studies: list[str]
    patients: list[dict[str, str]] = Field(description="Patient ID and issuer, or the pseudonym alone.")
    subject: str
    detail: str


class AuditList(BaseModel):
    """Entries, the newest first."""

    entries: list[AuditShown]
    next: int | None = Field(description="Give it as `before` for the next page; null at the end.")
