"""``trabecula database``: its commands, put together."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "show": CommandPlace(
        "trabecula.cli.database.show:show", "Tell which ledger this is, how large, and how to reach it with psql."
    ),
    "add-reader": CommandPlace(
        "trabecula.cli.database.readers:add_reader",
        "Make a role that reads the published views and nothing else, or set its limits anew.",
    ),
    "remove-reader": CommandPlace("trabecula.cli.database.readers:remove_reader", "Take a reading role away."),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS), help="Which ledger this is, and who else may read it.", no_args_is_help=True
)
