"""What is done to all studies that a filter finds: recorded, worked on by the service, watched here."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import RedirectResponse, Response

from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.desk.bulk import BulkAction, BulkKind
from trabecula.domain.errors_of.access import ChoiceInvalid
from trabecula.domain.errors_of.bulk import BulkUnknown
from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.actions import bulk_action, bulk_actions, refusals
from trabecula.pipeline.operators.bulk import begin_bulk, stop_bulk
from trabecula.web.access.asked import Asked
from trabecula.web.desk.pages.account import number_of
from trabecula.web.desk.pages.studies import search_of
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page

_FRAGMENT = "x-fragment"
SURE = "all of them"
"""What is typed before something is done to many studies."""
_KINDS = {
    "retry": BulkKind.RETRY,
    "reprocess": BulkKind.REPROCESS,
    "cancel": BulkKind.CANCEL,
    "complete": BulkKind.SETTLE,
    "resend": BulkKind.RESEND,
    "tag": BulkKind.TAG,
    "untag": BulkKind.UNTAG,
    "prioritise": BulkKind.PRIORITISE,
}


def begin(parts: DeskParts, asked: Asked) -> Response:
    """Record what is to be done to everything that the filter finds, at the sites where the visitor may do it.

    Raises ChoiceInvalid, BulkRefused, TagRefused, DestinationUnknown.
    """
    kind = _KINDS.get(asked.field("kind"))
    if kind is None:
        raise ChoiceInvalid(f"there are {', '.join(_KINDS)}")
    if asked.field("sure") != SURE:
        raise ChoiceInvalid(f"type {SURE!r} to begin")
    wanted = replace(search_of(asked), sites=asked.sites(Permission.OPERATE_STUDIES))
    asked.audit(AuditAction.STUDY_CHANGED, subject="all that a filter finds", detail=str(kind))
    services = parts.services(asked.connection.engine)
    number = begin_bulk(services, kind, asked.field("argument"), wanted, who=asked.actor.who)
    return RedirectResponse(f"/bulk/{number}", 303)


def show_all(parts: DeskParts, asked: Asked) -> Response:
    """Show the newest bulk actions: those of one's own, all of them to who sees every site."""
    found = bulk_actions(driver_connection(asked.connection))
    return page(parts, asked, "bulk_list.html", {"actions": [item for item in found if _may_see(asked, item)]})


def show(parts: DeskParts, asked: Asked) -> Response:
    """Show how far a bulk action is and what could not be done. Raises BulkUnknown."""
    action = _action(asked)
    values = {
        "action": action,
        "outcomes": refusals(driver_connection(asked.connection), action.number),
    }
    return page(parts, asked, "bulk_part.html" if _FRAGMENT in asked.request.headers else "bulk.html", values)


def stop(parts: DeskParts, asked: Asked) -> Response:
    """Let a bulk action end where it is; what is done stays done."""
    action = _action(asked)
    asked.audit(AuditAction.STUDY_CHANGED, subject=f"bulk action {action.number}", detail="stopped")
    stop_bulk(parts.services(asked.connection.engine), action.number)
    return RedirectResponse(f"/bulk/{action.number}", 303)


def _action(asked: Asked) -> BulkAction:
    action = bulk_action(driver_connection(asked.connection), number_of(asked))
    if not _may_see(asked, action):
        raise BulkUnknown(str(action.number))
    return action


def _may_see(asked: Asked, action: BulkAction) -> bool:
    return asked.sites(Permission.OPERATE_STUDIES) is None or action.who.split(" (")[0] == asked.actor.account
