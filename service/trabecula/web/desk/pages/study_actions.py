"""What a page does to one study.

The use case writes who did it into the study's own trail and into the audit log, in the transaction of the change; the
door has told it who asks and from where, and writes what was refused.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import RedirectResponse, Response

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors_of.access import ChoiceInvalid
from trabecula.domain.errors_of.copies import ReasonMissing
from trabecula.domain.spine import Level
from trabecula.domain.study.reading import ReaderVerdict
from trabecula.domain.study.study import StudyPriority
from trabecula.domain.uids import StudyUid
from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.tags import add_tag, remove_tag
from trabecula.ledger.queries.study_document import shown_revision
from trabecula.ledger.readings.readings import note_reading
from trabecula.pipeline import (
    OperatorServices,
    cancel_study,
    prioritise_study,
    release_entry,
    reprocess_study,
    resend_study,
    retry_study,
    settle_now,
)
from trabecula.pipeline.operators.naming_levels import name_levels, withdraw_names
from trabecula.web.access.asked import Asked
from trabecula.web.desk.pages.visible import visible_study
from trabecula.web.desk.parts import DeskParts

Act = Callable[[OperatorServices, StudyUid, Asked], None]


def _retry(services: OperatorServices, study_uid: StudyUid, asked: Asked) -> None:
    retry_study(services.open_ledger, study_uid, asked.actor.who)


def _cancel(services: OperatorServices, study_uid: StudyUid, asked: Asked) -> None:
    cancel_study(services.open_ledger, study_uid, asked.actor.who)


def _reprocess(services: OperatorServices, study_uid: StudyUid, asked: Asked) -> None:
    reprocess_study(services.open_ledger, study_uid, asked.actor.who)


def _complete(services: OperatorServices, study_uid: StudyUid, asked: Asked) -> None:
    settle_now(services, study_uid, asked.actor.who)


def _urgent(services: OperatorServices, study_uid: StudyUid, asked: Asked) -> None:
    prioritise_study(services.open_ledger, study_uid, StudyPriority.URGENT, asked.actor.who)


def _resend(services: OperatorServices, study_uid: StudyUid, asked: Asked) -> None:
    resend_study(services, study_uid, asked.field("destination"), asked.actor.who)


_ACTS: dict[str, Act] = {
    "retry": _retry,
    "cancel": _cancel,
    "reprocess": _reprocess,
    "complete": _complete,
    "urgent": _urgent,
    "resend": _resend,
}


def act_on_study(parts: DeskParts, asked: Asked) -> Response:
    """Do what the path names. Raises ChoiceInvalid for what is no action, and what the use case raises."""
    study_uid, _ = visible_study(asked, Permission.OPERATE_STUDIES)
    name = str(asked.parameters["action"])
    act = _ACTS.get(name)
    if act is None:
        raise ChoiceInvalid(f"{name[:20]!r} is nothing that is done to a study; there are {', '.join(_ACTS)}")
    asked.connection.commit()
    act(parts.services(asked.connection.engine), study_uid, asked)
    return _back(study_uid, name)


def note_opinion(_parts: DeskParts, asked: Asked) -> Response:
    """Write down whether a reader agrees. Raises ChoiceInvalid, ReasonMissing where somebody disagrees without why."""
    study_uid, _ = visible_study(asked, Permission.READ_STUDIES)
    try:
        verdict = ReaderVerdict(asked.field("verdict"))
    except ValueError as error:
        raise ChoiceInvalid("a reading is AGREE or DISAGREE") from error
    comment = asked.field("comment")
    if verdict is ReaderVerdict.DISAGREE and not comment:
        raise ReasonMissing
    revision = shown_revision(asked.connection, study_uid)
    note_reading(asked.connection, study_uid, revision, asked.actor.account, verdict, comment)
    asked.audit(AuditAction.READING_RECORDED, studies=[study_uid], detail=str(verdict))
    return _back(study_uid, "reading")


def name_level(parts: DeskParts, asked: Asked) -> Response:
    """Name one vertebra as the reader sees it, or take a reader's names back; the study is measured anew."""
    study_uid, _ = visible_study(asked, Permission.READ_STUDIES)
    who, reason = asked.actor.who, asked.field("reason")
    wanted = asked.field("level")
    if wanted not in (*Level.__members__, "withdraw"):
        raise ChoiceInvalid(f"{wanted[:20]!r} is no level")
    asked.connection.commit()
    services = parts.services(asked.connection.engine)
    if wanted == "withdraw":
        withdraw_names(services, study_uid, who=who, reason=reason)
    else:
        called = asked.field("called")
        name_levels(services, parts.label_maps(), study_uid, called, Level[wanted], who=who, reason=reason)
    return _back(study_uid, "name-levels")


def add_study_tag(_parts: DeskParts, asked: Asked) -> Response:
    """Put a tag on a study. Raises TagRefused."""
    study_uid, _ = visible_study(asked, Permission.OPERATE_STUDIES)
    add_tag(driver_connection(asked.connection), study_uid, asked.field("tag"), asked.actor.account)
    asked.audit(AuditAction.STUDY_CHANGED, studies=[study_uid], detail="tag")
    return _back(study_uid, "tag")


def remove_study_tag(_parts: DeskParts, asked: Asked) -> Response:
    """Take a tag off a study."""
    study_uid, _ = visible_study(asked, Permission.OPERATE_STUDIES)
    remove_tag(driver_connection(asked.connection), study_uid, asked.field("tag"))
    asked.audit(AuditAction.STUDY_CHANGED, studies=[study_uid], detail="tag removed")
    return _back(study_uid, "tag")


def release_from_quarantine(parts: DeskParts, asked: Asked) -> Response:
    """Take a quarantined image of this study into it."""
    study_uid, _ = visible_study(asked, Permission.RELEASE_QUARANTINE)
    number = asked.field("number")
    if not number.isdigit():
        raise ChoiceInvalid("an entry of the quarantine has a number")
    asked.connection.commit()
    services = parts.services(asked.connection.engine)
    release_entry(services, int(number), asked.actor.who, asked.field("reason"))
    return _back(study_uid, "release")


def _back(study_uid: StudyUid, done: str) -> Response:
    return RedirectResponse(f"/studies/{study_uid}?done={done}", 303)
