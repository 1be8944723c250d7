"""``trabecula quarantine``: what was acknowledged but is not used is listed, shown, taken in or deleted."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "list": CommandPlace(
        "trabecula.cli.quarantine.listing:list_",
        "List what could not be parsed, or came again with other content; entries of one kind share a line.",
    ),
    "show": CommandPlace(
        "trabecula.cli.quarantine.entries:show",
        "Show one entry: why it is here, what to do, what its header says, and where its file lies.",
    ),
    "release": CommandPlace(
        "trabecula.cli.quarantine.entries:release",
        "Take instances into their studies, e.g. what an earlier version could not read.",
    ),
    "delete": CommandPlace(
        "trabecula.cli.quarantine.entries:delete",
        "Delete files from the quarantine for good; a line with operator and reason stays in the ledger.",
    ),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS), help="What was acknowledged but is not used: look, take in, delete.", no_args_is_help=True
)
