"""What is done to one study; the use case writes the audit entry in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from fastapi import APIRouter
from sqlalchemy import Connection, select

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors import DestinationUnknown
from trabecula.domain.errors_of.access import ChoiceInvalid
from trabecula.domain.errors_of.copies import ReasonMissing
from trabecula.domain.spine import Level
from trabecula.domain.study.reading import ReaderVerdict
from trabecula.domain.uids import StudyUid
from trabecula.ledger.database import database_errors, driver_connection
from trabecula.ledger.desk.tags import add_tag, remove_tag, tags_of
from trabecula.ledger.queries.study_document import shown_revision
from trabecula.ledger.readings.readings import note_reading, readings_of
from trabecula.ledger.tables import Study
from trabecula.pipeline import (
    OperatorServices,
    cancel_study,
    prioritise_study,
    reprocess_study,
    resend_study,
    retry_study,
    settle_now,
)
from trabecula.pipeline.operators.naming_levels import name_levels, withdraw_names
from trabecula.web.access.asked import Asked
from trabecula.web.api.door import Door, Operator, Reader
from trabecula.web.api.problems import refusals
from trabecula.web.api.shapes.studies import (
    LevelName,
    NewReading,
    Priority,
    ReadingDone,
    Readings,
    Resend,
    Standing,
    Tags,
)
from trabecula.web.api.shapes.words import StudyUidInPath, TagInPath
from trabecula.web.desk.pages.visible import visible_study

router = APIRouter(prefix="/studies/{study_uid}", tags=["actions"])
Act = Callable[[OperatorServices, StudyUid, str], object]


@router.post("/retry", responses=refusals(404, 409))
def retry(door: Operator, study_uid: StudyUidInPath) -> Standing:
    """Run the step that failed again, or go on where a cancelled study stopped."""
    return _done(door, lambda services, uid, who: retry_study(services.open_ledger, uid, who))


@router.post("/cancel", responses=refusals(404, 409))
def cancel(door: Operator, study_uid: StudyUidInPath) -> Standing:
    """Stop a study where it is."""
    return _done(door, lambda services, uid, who: cancel_study(services.open_ledger, uid, who))


@router.post("/reprocess", responses=refusals(404, 409))
def reprocess(door: Operator, study_uid: StudyUidInPath) -> Standing:
    """Measure a finished, failed or cancelled study anew as its next revision."""
    return _done(door, lambda services, uid, who: reprocess_study(services.open_ledger, uid, who))


@router.post("/complete", responses=refusals(404, 409))
def complete(door: Operator, study_uid: StudyUidInPath) -> Standing:
    """Take a study that is being received as complete."""
    return _done(door, settle_now)


@router.post("/prioritise", responses=refusals(404, 409))
def prioritise(door: Operator, study_uid: StudyUidInPath, wish: Priority) -> Standing:
    """Say how soon a study is worked on."""
    return _done(
        door,
        lambda services, uid, who: prioritise_study(services.open_ledger, uid, wish.priority, who),
    )


@router.post("/resend", responses=refusals(404, 409))
def resend(door: Operator, study_uid: StudyUidInPath, wish: Resend) -> Standing:
    """Send the newest report to a destination, again or for the first time."""
    if wish.destination not in door.parts.services(door.parts.engine()).destinations:
        raise DestinationUnknown(wish.destination)
    return _done(
        door,
        lambda services, uid, who: resend_study(services, uid, wish.destination, who),
    )


@router.put("/tags/{tag}", responses=refusals(404))
def put_tag(door: Operator, study_uid: StudyUidInPath, tag: TagInPath) -> Tags:
    """Put a tag on a study; it may be there already."""
    with door.opened() as asked:
        uid, _ = visible_study(asked, Permission.OPERATE_STUDIES)
        connection = driver_connection(asked.connection)
        asked.audit(AuditAction.STUDY_CHANGED, studies=[uid], detail="tagged")
        add_tag(connection, uid, tag, asked.actor.who)
        return Tags(study_uid=uid, tags=[item.tag for item in tags_of(connection, uid)])


@router.delete("/tags/{tag}", responses=refusals(404))
def delete_tag(door: Operator, study_uid: StudyUidInPath, tag: TagInPath) -> Tags:
    """Take a tag off a study; it may be off already."""
    with door.opened() as asked:
        uid, _ = visible_study(asked, Permission.OPERATE_STUDIES)
        connection = driver_connection(asked.connection)
        asked.audit(AuditAction.STUDY_CHANGED, studies=[uid], detail="tag taken off")
        remove_tag(connection, uid, tag)
        return Tags(study_uid=uid, tags=[item.tag for item in tags_of(connection, uid)])


@router.post("/readings", status_code=201, responses=refusals(404))
def add_reading(door: Reader, study_uid: StudyUidInPath, reading: NewReading) -> Readings:
    """Write down whether a reader agrees with the newest result; who disagrees says why."""
    with door.opened() as asked:
        uid, _ = visible_study(asked, Permission.READ_STUDIES)
        comment = reading.comment.strip()
        if reading.verdict is ReaderVerdict.DISAGREE and not comment:
            raise ReasonMissing
        revision = shown_revision(asked.connection, uid)
        note_reading(asked.connection, uid, revision, asked.actor.account, reading.verdict, comment)
        asked.audit(AuditAction.READING_RECORDED, studies=[uid], detail=str(reading.verdict))
        done = [ReadingDone.model_validate(item) for item in readings_of(asked.connection, uid)]
        return Readings(study_uid=uid, readings=done)


@router.post("/levels", responses=refusals(404, 409))
def put_level(door: Reader, study_uid: StudyUidInPath, wish: LevelName) -> Standing:
    """Name one vertebra as the reader sees it, or take the reader's names back; the study is measured anew."""
    if wish.level is not None and wish.level not in Level.__members__:
        raise ChoiceInvalid(f"{wish.level[:20]!r} is no level")
    with _acting(door, Permission.READ_STUDIES) as (asked, uid):
        services = door.parts.services(asked.connection.engine)
        who = asked.actor.who
        if wish.level is None:
            withdraw_names(services, uid, who=who, reason=wish.reason)
        else:
            labels = door.parts.label_maps()
            name_levels(services, labels, uid, wish.called, Level[wish.level], who=who, reason=wish.reason)
        return _standing(asked.connection, uid)


def _done(door: Door, act: Act) -> Standing:
    with _acting(door, Permission.OPERATE_STUDIES) as (asked, uid):
        act(door.parts.services(asked.connection.engine), uid, asked.actor.who)
        return _standing(asked.connection, uid)


@contextmanager
def _acting(door: Door, permission: Permission) -> Iterator[tuple[Asked, StudyUid]]:
    with door.opened() as asked, database_errors():
        uid, _ = visible_study(asked, permission)
        asked.connection.commit()
        yield asked, uid


def _standing(connection: Connection, study_uid: StudyUid) -> Standing:
    row = connection.execute(select(Study.state, Study.revision).where(Study.study_uid == study_uid)).one()
    return Standing(study_uid=study_uid, state=row.state, revision=row.revision)
