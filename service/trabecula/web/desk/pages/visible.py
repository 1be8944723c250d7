"""A study that the visitor may see: one of another site is as unknown as one that does not exist."""

from __future__ import annotations

from trabecula.domain.access.roles import Permission
from trabecula.domain.errors import StudyUnknown
from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries.person import StudyPerson, study_person
from trabecula.web.access.asked import Asked

_LONGEST_UID = 64


def visible_study(asked: Asked, permission: Permission = Permission.VIEW_STUDIES) -> tuple[StudyUid, StudyPerson]:
    """Return the study of the path and whom it is of.

    Raises StudyUnknown where it is none that the visitor may see, PermissionMissing where they may see it and lack
    ``permission`` at its site.
    """
    text = str(asked.parameters["study_uid"])
    if len(text) > _LONGEST_UID:
        raise StudyUnknown(text[:_LONGEST_UID])
    study_uid = StudyUid(text)
    person = study_person(asked.connection, study_uid)
    if not asked.actor.may(Permission.VIEW_STUDIES, person.site):
        raise StudyUnknown(study_uid)
    asked.actor.demand(permission, person.site)
    return study_uid, person
