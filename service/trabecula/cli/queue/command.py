"""``trabecula queue``: its commands, put together."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "list": CommandPlace(
        "trabecula.cli.queue.listing:list_", "List what waits, in the order in which it is served, and what is paused."
    ),
    "pause": CommandPlace(
        "trabecula.cli.queue.pausing:pause",
        "Start nothing more of a queue, or to a destination, until it is resumed; what runs goes on.",
    ),
    "resume": CommandPlace("trabecula.cli.queue.pausing:resume", "Let a paused queue or destination go on."),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    help="What waits, in which order; pausing and resuming queues and destinations.",
    no_args_is_help=True,
)
