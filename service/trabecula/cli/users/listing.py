"""``trabecula users list``."""

from __future__ import annotations

from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.study_options import AsJson
from trabecula.domain.access.account import Account
from trabecula.ledger.access.accounts import list_accounts
from trabecula.ledger.database import database_errors


def list_(as_json: AsJson = False) -> None:
    """List the accounts and their roles."""
    with opened_ledger() as (_, engine), database_errors(), engine.connect() as connection:
        accounts = list_accounts(connection)
    if as_json:
        print_json([_document(account) for account in accounts])
    elif accounts:
        print_table("", ("name", "full name", "roles", "password", "last sign-in"), [_row(each) for each in accounts])
    else:
        console.print("nobody may sign in yet; `trabecula users create NAME --role admin`", highlight=False)


def _row(account: Account) -> tuple[str, ...]:
    state = "disabled" if account.disabled_at else "to be changed" if account.must_change_password else account.source
    last = f"{account.last_sign_in_at.astimezone():%Y-%m-%d %H:%M}" if account.last_sign_in_at else "never"
    return account.name, account.full_name, ", ".join(map(str, sorted(account.grants))), state, last


def _document(account: Account) -> dict[str, object]:
    return {
        "name": account.name,
        "full_name": account.full_name,
        "source": account.source,
        "roles": [{"role": grant.role, "site": grant.site or None} for grant in sorted(account.grants)],
        "must_change_password": account.must_change_password,
        "created_at": account.created_at.isoformat(),
        "disabled_at": account.disabled_at and account.disabled_at.isoformat(),
        "last_sign_in_at": account.last_sign_in_at and account.last_sign_in_at.isoformat(),
    }
