"""``trabecula retention``: its commands, each imported when it is called."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "show": CommandPlace(
        "trabecula.cli.retention.showing:show",
        "Show the rules, what would go now, what holds the rest back, and when the disk will be full.",
    ),
    "run": CommandPlace(
        "trabecula.cli.retention.running:run",
        "Remove now what the rules let go; the service does the same every ten minutes.",
    ),
    "hold": CommandPlace(
        "trabecula.cli.retention.holding:hold",
        "Keep everything of a study, images and results, until `unhold`; it cannot be deleted either.",
    ),
    "unhold": CommandPlace("trabecula.cli.retention.holding:unhold", "Lift the hold of a study."),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS), help="What rules remove from the disk, and what is held back.", no_args_is_help=True
)
