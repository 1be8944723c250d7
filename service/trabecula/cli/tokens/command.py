"""``trabecula tokens``: its commands, put together."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "list": CommandPlace("trabecula.cli.tokens.commands:list_", "List the tokens, without what opens."),
    "create": CommandPlace("trabecula.cli.tokens.commands:create", "Make a token and print it, this once."),
    "revoke": CommandPlace("trabecula.cli.tokens.commands:revoke", "Revoke a token."),
}

app = typer.Typer(cls=lazy_group(COMMANDS), help="API tokens: make, list, revoke.", no_args_is_help=True)
"""The command group."""
