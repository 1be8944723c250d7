"""Models: what is installed, what is in use, what each was measured to do; giving roles and rolling back."""

from __future__ import annotations

from dataclasses import replace

from starlette.responses import RedirectResponse, Response

from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors import BundleUnknown
from trabecula.domain.errors_of.copies import ReasonMissing
from trabecula.ledger.database import driver_connection
from trabecula.ledger.queries.agreement import model_agreement
from trabecula.web.access.asked import Asked
from trabecula.web.desk.operation import ModelLine, RoleWish
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page

ROLES = ("active", "challenger", "off")


def show_models(parts: DeskParts, asked: Asked) -> Response:
    """Show the bundles, who is in use, and the last changes."""
    values = {
        "models": sorted(parts.operation.models(), key=lambda item: (_rank(item), item.modality, item.model_id)),
        "activations": parts.operation.activations(),
        "done": asked.field("done"),
    }
    return page(parts, asked, "models.html", values)


def show_model(parts: DeskParts, asked: Asked) -> Response:
    """Show one bundle: its card, its figures, what would change, and how it agrees with the measurement here."""
    line = _model(parts, asked)
    in_use = parts.operation.activations().in_use
    same = [item for item in parts.operation.models() if item.modality == line.modality and item.role == "active"]
    values = {
        "model": line,
        "roles": [role for role in ROLES if role != line.role],
        "replaces": [item.model_id for item in same if item.model_id != line.model_id],
        "in_use": in_use,
        "agreement": model_agreement(driver_connection(asked.connection), line.model_id, asked.sites()),
    }
    return page(parts, asked, "model.html", values)


def give_model_role(parts: DeskParts, asked: Asked) -> Response:
    """Give a bundle a role. Raises ReasonMissing, and what the use case raises."""
    line = _model(parts, asked)
    wish = RoleWish(model_id=line.model_id, role=asked.field("role"), reason=asked.field("reason"))
    if not wish.reason:
        raise ReasonMissing
    if asked.field("decides"):
        wish = replace(wish, validation=asked.field("validation"), despite_verdict=bool(asked.field("despite_verdict")))
    wish = replace(wish, despite_recall=bool(asked.field("despite_recall")))
    action = AuditAction.MODEL_DEACTIVATED if wish.role == "off" else AuditAction.MODEL_ACTIVATED
    asked.audit(action, subject=line.model_id, detail=f"{wish.role}: {wish.reason}")
    parts.operation.give_role(wish, asked.actor.who)
    return RedirectResponse("/models?done=role", 303)


def roll_models_back(parts: DeskParts, asked: Asked) -> Response:
    """Return to the models before the last change."""
    reason = asked.field("reason")
    if not reason:
        raise ReasonMissing
    asked.audit(AuditAction.MODEL_ACTIVATED, subject="roll-back", detail=reason)
    parts.operation.roll_back(asked.actor.who, reason)
    return RedirectResponse("/models?done=roll-back", 303)


def _model(parts: DeskParts, asked: Asked) -> ModelLine:
    wanted = str(asked.parameters["model_id"])
    for line in parts.operation.models():
        if line.model_id == wanted:
            return line
    raise BundleUnknown(wanted[:64])


def _rank(line: ModelLine) -> int:
    return ROLES.index(line.role) if line.role in ROLES else len(ROLES)
