"""The first page: what came today, what waits and runs, how destinations and disks stand, figures of 30 days."""

from __future__ import annotations

from datetime import UTC, datetime

from starlette.responses import Response

from trabecula.domain.access.roles import Permission
from trabecula.domain.notification.troubles import TroubleKind
from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.overview import Overview, overview
from trabecula.ledger.notifications.rows import told_troubles
from trabecula.web.access.asked import Asked
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page

_FRAGMENT = "x-fragment"


def show_overview(parts: DeskParts, asked: Asked) -> Response:
    """Show the figures of the sites that the visitor may see; asked for by our script, only the part that changes."""
    figures = overview(driver_connection(asked.connection), asked.sites(), datetime.now(UTC))
    known = {item.name for item in figures.destinations}
    values = {
        "troubles": _troubles(asked),
        "figures": figures,
        "silent": [name for name in sorted(parts.services(asked.connection.engine).destinations) if name not in known],
        "disks": parts.operation.disks(asked.connection.engine),
        "bars": [category_bar(item) for item in windows_of(figures)],
    }
    return page(parts, asked, "overview_part.html" if _FRAGMENT in asked.request.headers else "overview.html", values)


_WORDS = {
    TroubleKind.STUDIES_FAILED: "Studies failed for good and wait for a person",
    TroubleKind.DESTINATION_DOWN: "A destination takes nothing",
    TroubleKind.DISK_LOW: "The disk has little room left",
    TroubleKind.NOTHING_RECEIVED: "No image came for many working hours",
}


def _troubles(asked: Asked) -> list[tuple[str, str, datetime]]:
    """Return what is wrong now (words, subject, since), for who sees the operation of the whole installation."""
    if not asked.actor.may(Permission.VIEW_OPERATION):
        return []
    found = told_troubles(driver_connection(asked.connection))
    return [(_WORDS[item.kind], item.subject, item.since) for item in sorted(found, key=lambda item: item.since)]


def windows_of(figures: Overview) -> list[tuple[int, int, int, int]]:
    """Return the four categories of each window, in the order of the picture."""
    return [(item.suspected, item.indeterminate, item.no_flag, item.not_evaluable) for item in figures.windows]


def category_bar(counts: tuple[int, int, int, int], width: int = 240) -> list[tuple[str, int, int]]:
    """Return the pieces of a bar: category, left edge and width in its units; the rest of rounding goes to the last."""
    names = ("LOW_BONE_DENSITY_SUSPECTED", "INDETERMINATE", "NO_FLAG", "NOT_EVALUABLE")
    whole = sum(counts)
    pieces: list[tuple[str, int, int]] = []
    left = 0
    passed = 0
    for name, count in zip(names, counts, strict=True):
        passed += count
        edge = round(width * passed / whole) if whole else 0
        if edge > left:
            pieces.append((name, left, edge - left))
        left = edge
    return pieces
