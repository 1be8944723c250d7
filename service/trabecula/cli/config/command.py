"""``trabecula config``: its commands, put together."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "show": CommandPlace(
        "trabecula.cli.config.show:show", "Show every setting in force and where it comes from, without secrets."
    ),
    "conformance": CommandPlace(
        "trabecula.cli.config.conformance:conformance",
        "Write what this configuration accepts, offers and asks of others, in the order of PS3.2.",
    ),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS), help="The settings in force, and where each comes from.", no_args_is_help=True
)
