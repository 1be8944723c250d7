"""``trabecula tokens list``, ``create`` and ``revoke``."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_hint, print_json, print_line, print_table
from trabecula.cli.study_options import AsJson
from trabecula.cli.users.options import changing, name_of
from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction
from trabecula.ledger.access.accounts import find_account
from trabecula.ledger.access.api_tokens import list_tokens, revoke_token
from trabecula.ledger.database import database_errors
from trabecula.web.access.tokens_made import chosen_scopes, make_token

_SCOPES = ", ".join(Permission)


def create(
    account: Annotated[str, typer.Argument(help="Account whose roles bound what the token may do.")],
    name: Annotated[str, typer.Option(help="What it is for.")],
    scope: Annotated[list[str], typer.Option(help=f"What it may do; may be repeated: {_SCOPES}.")],
    days: Annotated[int, typer.Option(min=1, max=3650, help="It ends after so many days.")] = 90,
) -> None:
    """Make a token and print it, this once; only its hash is kept."""
    with changing() as change:
        owner = find_account(change.connection, name_of(account))
        token, made = make_token(change.connection, owner, name, chosen_scopes(scope), timedelta(days=days))
        change.audit(AuditAction.TOKEN_CREATED, f"token {made.number} of {owner.name}", made.name)
    print_hint(f"token {made.number} of {owner.name}, until {made.expires_at:%Y-%m-%d}; it cannot be shown again")
    print_line(token)


def list_(
    account: Annotated[str, typer.Option(help="Only those of this account.")] = "", as_json: AsJson = False
) -> None:
    """List the tokens, without what opens."""
    with opened_ledger() as (_, engine), database_errors(), engine.connect() as connection:
        found = list_tokens(connection, account.strip().lower() or None)
    if as_json:
        print_json([vars(token) | {"scopes": sorted(token.scopes)} for token in found])
    elif found:
        rows = [
            (
                each.number, each.account, each.name, f"{each.prefix}…", ", ".join(sorted(each.scopes)),
                f"revoked {each.revoked_at:%Y-%m-%d}" if each.revoked_at else f"{each.expires_at:%Y-%m-%d}",
            )
            for each in found
        ]  # fmt: skip
        print_table("", ("number", "account", "name", "begins with", "may", "ends"), rows)
    else:
        console.print("there is no token", highlight=False)


def revoke(number: Annotated[int, typer.Argument(help="Number of the token in `tokens list`.")]) -> None:
    """Revoke a token."""
    with changing() as change:
        revoked = revoke_token(change.connection, number)
        change.audit(AuditAction.TOKEN_REVOKED, f"token {number} of {revoked.account}", revoked.name)
    console.print(f"token {number} of {revoked.account} is revoked", markup=False, highlight=False)
