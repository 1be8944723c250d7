"""``trabecula listeners``: its commands, put together."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "list": CommandPlace(
        "trabecula.cli.listeners.listing:list_",
        "List the listeners that keep a journal: how far each is, what waits there, and how wrong its clock is.",
    ),
    "forget": CommandPlace(
        "trabecula.cli.listeners.forgetting:forget",
        "Say that a listener is gone for good: no study waits for it any more, and no result mentions it.",
    ),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS), help="Who receives, and how far each listener's rows are.", no_args_is_help=True
)
