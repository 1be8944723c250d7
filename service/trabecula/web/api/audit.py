"""Who saw and did what: the audit log, with whom its pseudonyms name as long as their keys are there."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from trabecula.domain.audit.entry import AuditAction
from trabecula.ledger.audit.listing import AuditFilter, list_entries
from trabecula.ledger.database import driver_connection
from trabecula.web.api.door import AuditViewer
from trabecula.web.api.shapes.audit import AuditList, AuditShown
from trabecula.web.api.shapes.words import Day, Word

router = APIRouter(tags=["audit"])


class AuditQuery(BaseModel):
    """Which entries are asked for."""

    since: Day | None = Field(None, description="From this day on.")
    who: Word = Field("", description="Account, with its tokens.")
    action: AuditAction | None = None
    study_uid: Word = ""
    patient_id: Word = ""
    before: int | None = Field(None, ge=1, le=2**53, description="`next` of the page before.")
    limit: int = Field(100, ge=1, le=200)


@router.get("/audit")
def list_audit(door: AuditViewer, asked_for: Annotated[AuditQuery, Query()]) -> AuditList:
    """List the audit log, the newest entries first; that it was looked at becomes an entry too."""
    since, limit = asked_for.since, asked_for.limit
    wanted = AuditFilter(
        since=datetime.combine(since, time(), door.parts.time_zone) if since else None,
        who=asked_for.who,
        action=str(asked_for.action or ""),
        study_uid=asked_for.study_uid,
        patient_id=asked_for.patient_id,
        before=asked_for.before,
        limit=limit,
    )
    with door.opened() as asked:
        rows = list_entries(driver_connection(asked.connection), wanted)
        asked.audit(AuditAction.AUDIT_VIEWED, subject="audit log")
        entries = [AuditShown.model_validate(row) for row in rows]
        return AuditList(entries=entries, next=rows[-1]["id"] if len(rows) == limit else None)
