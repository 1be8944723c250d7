"""``trabecula users``: its commands, put together."""

from __future__ import annotations

import typer

from trabecula.cli.lazy import CommandPlace, lazy_group

COMMANDS = {
    "list": CommandPlace("trabecula.cli.users.listing:list_", "List the accounts and their roles."),
    "create": CommandPlace("trabecula.cli.users.making:create", "Make an account with a password of its own."),
    "grant": CommandPlace("trabecula.cli.users.roles:grant", "Give an account a role, everywhere or at one site."),
    "withdraw": CommandPlace("trabecula.cli.users.roles:withdraw", "Take a role of an account away."),
    "reset-password": CommandPlace(
        "trabecula.cli.users.making:reset_password", "Set a new password and end the sessions of the account."
    ),
    "unlock": CommandPlace("trabecula.cli.users.roles:unlock", "Forget the failed attempts to sign in."),
    "disable": CommandPlace("trabecula.cli.users.roles:disable", "Let nobody in under this name any more."),
    "enable": CommandPlace("trabecula.cli.users.roles:enable", "Let an account in again that was disabled."),
    "sessions": CommandPlace("trabecula.cli.users.signed_in:sessions", "List who is signed in."),
    "end-session": CommandPlace("trabecula.cli.users.signed_in:end", "End a session."),
}

app = typer.Typer(
    cls=lazy_group(COMMANDS),
    help="Who may sign in at the desk, with which roles, and who is signed in.",
    no_args_is_help=True,
)
"""The command group."""
