"""What was refused has its entry in the audit log: who asked, for what, and why not; in a transaction of its own."""

from __future__ import annotations

from sqlalchemy import Engine, select
from starlette.requests import Request

from trabecula.domain.audit.entry import ActorKind, AuditAction, AuditEntry, AuditOutcome
from trabecula.domain.errors import StudyUnknown, TrabeculaError
from trabecula.domain.errors_of.access import NotSignedIn, PermissionMissing, RequestForged, TokenRefused
from trabecula.domain.uids import StudyUid
from trabecula.ledger.audit.appending import append
from trabecula.ledger.database import database_errors
from trabecula.ledger.tables import Study
from trabecula.web.access.asked import origin_of
from trabecula.web.access.forgery import SAFE_METHODS
from trabecula.web.access.signing_in import Visitor


def note_refusal(engine: Engine, visitor: Visitor, request: Request, template: str, error: TrabeculaError) -> None:
    """Write that a request ended in ``error``, where it was refused; ``template`` is the path without its values.

    ACCESS_REFUSED where the visitor lacks a permission, where a form was not of this session, and where a study is of a
    site that they do not see (they are told that it is unknown). STUDY_CHANGED with the outcome REFUSED where a study
    does not stand so that this can be done to it. What merely looked and found nothing, or was written wrongly, has no
    entry.
    """
    study_uid = StudyUid(str(request.path_params.get("study_uid", "")).replace("\0", ""))
    if isinstance(error, (NotSignedIn, TokenRefused)):
        return
    with database_errors(), engine.begin() as connection:
        known = bool(study_uid) and connection.scalar(select(Study.study_uid).where(Study.study_uid == study_uid))
        if isinstance(error, (PermissionMissing, RequestForged)) or (isinstance(error, StudyUnknown) and known):
            action = AuditAction.ACCESS_REFUSED
        elif known and request.method not in SAFE_METHODS:
            action = AuditAction.STUDY_CHANGED
        else:
            return
        actor = visitor.actor
        entry = AuditEntry(
            action=action,
            outcome=AuditOutcome.REFUSED,
            who=actor.who,
            who_kind=ActorKind.TOKEN if actor.token else ActorKind.ACCOUNT,
            address=origin_of(request).address,
            studies=(study_uid,) if known else (),
            subject=f"{request.method} {template}",
            detail=error.code,
        )
        append(connection, entry)
