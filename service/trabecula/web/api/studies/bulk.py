"""What is done to every study of a filter: recorded here, done by workers, looked at as it goes on."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.desk.bulk import BulkAction, BulkOutcome
from trabecula.domain.errors_of.bulk import BulkUnknown
from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.actions import bulk_action, bulk_actions
from trabecula.ledger.desk.actions import refusals as refused_studies
from trabecula.pipeline.operators.bulk import begin_bulk, stop_bulk
from trabecula.web.access.asked import Asked
from trabecula.web.api.door import Operator
from trabecula.web.api.problems import refusals
from trabecula.web.api.shapes.bulk import BulkList, BulkRefusal, BulkShown, BulkWish
from trabecula.web.api.shapes.words import Number

router = APIRouter(prefix="/bulk-actions", tags=["bulk"])


@router.get("")
def list_bulk_actions(door: Operator) -> BulkList:
    """List the newest bulk actions of the sites where one may act."""
    with door.opened() as asked:
        found = bulk_actions(driver_connection(asked.connection))
        return BulkList(bulk_actions=[_shown(item) for item in found if _visible(asked, item)])


@router.post("", status_code=202, responses=refusals(404))
def begin_bulk_action(door: Operator, wish: BulkWish) -> BulkShown:
    """Do something to every study of a filter, at the sites where one may act.

    It is recorded and done by workers, a transaction for each study; ask for its number to see how far it is.
    """
    with door.opened() as asked:
        search = wish.studies.search(asked, Permission.OPERATE_STUDIES)
        asked.audit(AuditAction.STUDY_CHANGED, subject="bulk action", detail=str(wish.kind))
        services = door.parts.services(asked.connection.engine)
        number = begin_bulk(services, wish.kind, wish.argument, search, who=asked.actor.who, most=wish.most)
        return _shown(bulk_action(driver_connection(asked.connection), number))


@router.get("/{number}", responses=refusals(404))
def show_bulk_action(door: Operator, number: Number) -> BulkShown:
    """Show how far a bulk action is, and the studies to which it could not be done."""
    with door.opened() as asked:
        return _one(asked, number)


@router.post("/{number}/stop", responses=refusals(404))
def stop_bulk_action(door: Operator, number: Number) -> BulkShown:
    """Let a bulk action end where it is."""
    with door.opened() as asked:
        _one(asked, number)
        asked.audit(AuditAction.STUDY_CHANGED, subject=f"bulk action {number}", detail="stopped")
        stop_bulk(door.parts.services(asked.connection.engine), number)
        return _one(asked, number)


def _one(asked: Asked, number: int) -> BulkShown:
    connection = driver_connection(asked.connection)
    action = bulk_action(connection, number)
    if not _visible(asked, action):
        raise BulkUnknown(str(number))
    outcomes = refused_studies(connection, number)
    if outcomes:
        asked.audit(AuditAction.STUDIES_LISTED, studies=[item.study_uid for item in outcomes], subject="bulk action")
    return _shown(action, outcomes)


def _visible(asked: Asked, action: BulkAction) -> bool:
    """Return whether all sites of an action are among those where the visitor may act."""
    mine = asked.sites(Permission.OPERATE_STUDIES)
    return mine is None or (action.wanted.sites is not None and action.wanted.sites <= mine)


def _shown(action: BulkAction, outcomes: Sequence[BulkOutcome] = ()) -> BulkShown:
    return BulkShown(
        number=action.number,
        kind=action.kind,
        argument=action.argument,
        who=action.who,
        state=action.state,
        begun_at=action.begun_at,
        ended_at=action.ended_at,
        done=action.done,
        refused=action.refused,
        refusals=[BulkRefusal(study_uid=item.study_uid, code=item.code, sentence=item.sentence) for item in outcomes],
    )
