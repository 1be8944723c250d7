"""Who saw and did what: the audit log, with whom its pseudonyms name as long as their keys are there."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated

from fastapi import APIRouter, Query

from trabecula.domain.audit.entry import AuditAction
from trabecula.ledger.audit.listing import AuditFilter, list_entries
from trabecula.ledger.database import driver_connection
from trabecula.web.api.door import AuditViewer
from trabecula.web.api.shapes.audit import AuditList, AuditShown
from trabecula.web.api.shapes.words import Day, Word

router = APIRouter(tags=["audit"])


@router.get("/audit")
def list_audit(
    door: AuditViewer,
    since: Annotated[Day | None, Query(description="From this day on.")] = None,
    who: Annotated[Word, Query(description="Account, with its tokens.")] = "",
    action: Annotated[AuditAction | None, Query()] = None,
    study_uid: Annotated[Word, Query()] = "",
    patient_id: Annotated[Word, Query()] = "",
    before: Annotated[int | None, Query(ge=1, le=2**53, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 100,
) -> AuditList:
    """List the audit log, the newest entries first; that it was looked at becomes an entry too."""
    wanted = AuditFilter(
        since=datetime.combine(since, time(), door.parts.time_zone) if since else None,
        who=who,
        action=str(action or ""),
        study_uid=study_uid,
        patient_id=patient_id,
        before=before,
        limit=limit,
    )
    with door.opened() as asked:
        rows = list_entries(driver_connection(asked.connection), wanted)
        asked.audit(AuditAction.AUDIT_VIEWED, subject="audit log")
        entries = [AuditShown.model_validate(row) for row in rows]
        return AuditList(entries=entries, next=rows[-1]["id"] if len(rows) == limit else None)
