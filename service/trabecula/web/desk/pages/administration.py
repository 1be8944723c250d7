"""Administration: destinations, settings in force, the doctor."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.errors_of.access import ChoiceInvalid
from trabecula.ledger.database import driver_connection
from trabecula.ledger.queries.backlog import list_lanes
from trabecula.web.access.asked import Asked
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page


def show_destinations(parts: DeskParts, asked: Asked) -> Response:
    """Show where results go, and what is held."""
    return _destinations(parts, asked)


def act_on_destination(parts: DeskParts, asked: Asked) -> Response:
    """Ask a destination for an echo, hold it, or let it go on. Raises DestinationUnknown, ChoiceInvalid."""
    name, action = str(asked.parameters["name"]), str(asked.parameters["action"])
    engine = asked.connection.engine
    if action == "echo":
        asked.audit(AuditAction.DESTINATION_TESTED, subject=name[:64])
        asked.connection.commit()
        try:
            parts.operation.echo(name)
        except TrabeculaError as error:
            return _destinations(parts, asked, echoed=name, error=error)
        return _destinations(parts, asked, echoed=name)
    if action not in ("pause", "resume"):
        raise ChoiceInvalid(f"{action[:20]!r} is nothing that is done to a destination")
    asked.connection.commit()
    if action == "pause":
        parts.operation.pause(engine, name, asked.actor.who)
    else:
        parts.operation.resume(engine, name, asked.actor.who)
    return RedirectResponse("/administration", 303)


def show_settings(parts: DeskParts, asked: Asked) -> Response:
    """Show every setting in force and where it comes from; secrets are not among them."""
    asked.audit(AuditAction.SETTINGS_VIEWED)
    changed_only = asked.field("all") == ""
    lines = [line for line in parts.operation.settings() if not changed_only or line.origin != "default"]
    return page(parts, asked, "settings.html", {"lines": lines, "changed_only": changed_only})


def show_doctor(parts: DeskParts, asked: Asked) -> Response:
    """Offer an examination."""
    return page(parts, asked, "doctor.html", {"checks": None})


def examine(parts: DeskParts, asked: Asked) -> Response:
    """Run the doctor's quick checks and show what they found. Raises ExaminationFailed."""
    asked.connection.commit()
    return page(parts, asked, "doctor.html", {"checks": parts.operation.examine()})


def _destinations(parts: DeskParts, asked: Asked, *, echoed: str = "", error: TrabeculaError | None = None) -> Response:
    held = list_lanes(driver_connection(asked.connection))["paused"]
    values = {
        "destinations": parts.operation.destinations(),
        "paused": {item["destination"]: item for item in held if item["destination"]},
        "queues": [item for item in held if not item["destination"]],
        "echoed": echoed,
        "error": error,
    }
    return page(parts, asked, "destinations.html", values)
