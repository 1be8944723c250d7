"""``trabecula bulk``: its commands, put together."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "begin": CommandPlace(
        "trabecula.cli.bulk.acting:begin", "Record an action on every study that filters find; workers do it."
    ),
    "stop": CommandPlace("trabecula.cli.bulk.acting:stop", "Let an action end where it is."),
    "list": CommandPlace("trabecula.cli.bulk.looking:list_", "List the newest actions and how far they are."),
    "show": CommandPlace("trabecula.cli.bulk.looking:show", "Show an action, and the studies that refused it."),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    help="Something done to every study that filters find; it goes on when the command has ended.",
    no_args_is_help=True,
)
