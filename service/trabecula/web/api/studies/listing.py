"""Studies: lists, one study, its trail; every answer that names persons stands in the audit log first."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction, PatientKey
from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.search import search
from trabecula.ledger.desk.tags import tags_of
from trabecula.ledger.queries.activity import Activities
from trabecula.ledger.queries.studies import study_events
from trabecula.ledger.queries.study_document import study_document
from trabecula.ledger.readings.readings import readings_of
from trabecula.web.access.asked import Asked
from trabecula.web.api.door import Viewer
from trabecula.web.api.problems import refusals
from trabecula.web.api.shapes.studies import (
    ListedStudy,
    PatientShown,
    ReadingDone,
    Readings,
    StudyDocument,
    StudyEvents,
    StudyList,
)
from trabecula.web.api.shapes.words import StudyUidInPath
from trabecula.web.api.studies.filters import PageInAddress, cursor_of
from trabecula.web.desk.pages.visible import visible_study

router = APIRouter(prefix="/studies", tags=["studies"])


@router.get("")
def list_studies(door: Viewer, wanted: PageInAddress) -> StudyList:
    """List studies of a filter, page by page.

    The newest first. Reads a bounded number of rows: look at `complete`, and go on with `next`.
    """
    with door.opened() as asked:
        found = search(
            driver_connection(asked.connection),
            wanted.search(asked, Permission.VIEW_STUDIES),
            after=cursor_of(wanted.after),
            limit=wanted.limit,
        )
        if found.rows:
            asked.audit(AuditAction.STUDIES_LISTED, studies=[row.study_uid for row in found.rows])
        return StudyList(
            studies=[ListedStudy.model_validate(row) for row in found.rows],
            next=str(found.next) if found.next else None,
            complete=found.complete,
            searched_back_to=found.searched_back_to,
            prepared=found.prepared,
        )


@router.get("/{study_uid}", responses=refusals(404))
def show_study(door: Viewer, study_uid: StudyUidInPath) -> StudyDocument:
    """Show everything about a study.

    The JSON of `trabecula studies show --json`, its tags and the person.
    """
    with door.opened() as asked:
        return StudyDocument.model_validate(document_of(asked))


@router.get("/{study_uid}/events", responses=refusals(404))
def list_study_events(door: Viewer, study_uid: StudyUidInPath) -> StudyEvents:
    """Show a study's trail in order."""
    with door.opened() as asked:
        uid, person = visible_study(asked)
        asked.audit(AuditAction.STUDY_VIEWED, studies=[uid], patients=[PatientKey(person.patient_id, person.issuer)])
        return StudyEvents.model_validate({"study_uid": uid, "events": study_events(asked.connection.engine, uid)})


@router.get("/{study_uid}/readings", responses=refusals(404))
def list_readings(door: Viewer, study_uid: StudyUidInPath) -> Readings:
    """Show what readers think of a study's results, the newest opinion first."""
    with door.opened() as asked:
        uid, _ = visible_study(asked)
        asked.audit(AuditAction.STUDY_VIEWED, studies=[uid], subject="readings")
        done = [ReadingDone.model_validate(item) for item in readings_of(asked.connection, uid)]
        return Readings(study_uid=uid, readings=done)


def document_of(asked: Asked) -> dict[str, Any]:
    """Return the published JSON of the study in the path with its tags and person; that it was seen is audited."""
    uid, person = visible_study(asked)
    asked.audit(AuditAction.STUDY_VIEWED, studies=[uid], patients=[PatientKey(person.patient_id, person.issuer)])
    document = study_document(asked.connection, uid)
    assert document is not None, "whom it is of was known just now"
    connection = driver_connection(asked.connection)
    document |= Activities(connection, [uid]).of(uid, document["state"])
    tags = [item.tag for item in tags_of(connection, uid)]
    return document | {"tags": tags, "person": PatientShown.model_validate(person)}
