"""Accounts and their grants: make, find, change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from trabecula.domain.access.account import Account, AccountSource
from trabecula.domain.access.actor import ALL_SITES, Grant
from trabecula.domain.access.roles import Role
from trabecula.domain.errors_of.access import AccountExists, AccountUnknown, LastAdministrator
from trabecula.ledger.access.tables import AccountGrant, AccountRow, WebSession

_ADMINISTRATORS_LOCK = 7_203_411
"""Key of the advisory lock under which administrators are counted: two who take each other's role away wait."""


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """An account to be made; ``password_hash`` is empty where an OpenID provider knows the password."""

    name: str
    full_name: str
    source: AccountSource
    subject: str | None = None
    password_hash: str = ""
    must_change_password: bool = False
    created_by: str


def create_account(connection: Connection, new: NewAccount, grants: Iterable[Grant]) -> None:
    """Write a new account. Raises AccountExists."""
    values = {
        "name": new.name,
        "full_name": new.full_name,
        "source": str(new.source),
        "subject": new.subject,
        "password_hash": new.password_hash,
        "must_change_password": new.must_change_password,
        "created_by": new.created_by,
    }
    try:
        with connection.begin_nested():
            connection.execute(insert(AccountRow).values(values))
    except IntegrityError as error:
        raise AccountExists(new.name) from error
    _write_grants(connection, new.name, grants)


def find_account(connection: Connection, name: str) -> Account:
    """Return an account. Raises AccountUnknown."""
    found = _accounts(connection, AccountRow.name == name)
    if not found:
        raise AccountUnknown(name)
    return found[0]


def account_of_subject(connection: Connection, subject: str) -> Account | None:
    """Return the account of somebody whom an OpenID provider knows, None for a stranger."""
    found = _accounts(connection, AccountRow.subject == subject)
    return found[0] if found else None


def list_accounts(connection: Connection) -> list[Account]:
    """Return all accounts by name."""
    return _accounts(connection, text("true"))


def has_accounts(connection: Connection) -> bool:
    """Return whether anybody at all may sign in or could once."""
    return connection.execute(select(AccountRow.name).limit(1)).first() is not None


def password_hash(connection: Connection, name: str) -> str | None:
    """Return the hash of a local account that is not disabled, None where nobody can sign in so."""
    query = select(AccountRow.password_hash).where(
        AccountRow.name == name, AccountRow.source == str(AccountSource.LOCAL), AccountRow.disabled_at.is_(None)
    )
    return connection.execute(query).scalar_one_or_none()


def set_password(connection: Connection, name: str, hashed: str, *, must_change: bool) -> None:
    """Write a new password's hash. Raises AccountUnknown, which is also told of one that a provider keeps."""
    change = (
        update(AccountRow)
        .where(AccountRow.name == name, AccountRow.source == str(AccountSource.LOCAL))
        .values(password_hash=hashed, must_change_password=must_change)
    )
    if connection.execute(change).rowcount == 0:
        raise AccountUnknown(f"{name}, with a password of its own")


def set_grants(connection: Connection, name: str, grants: Iterable[Grant]) -> Account:
    """Replace what an account may do. Raises AccountUnknown, LastAdministrator."""
    find_account(connection, name)
    had = _administrator_held(connection)
    connection.execute(delete(AccountGrant).where(AccountGrant.account == name))
    _write_grants(connection, name, grants)
    _demand_an_administrator(connection, had)
    return find_account(connection, name)


def set_from_provider(connection: Connection, name: str, full_name: str, grants: Iterable[Grant]) -> None:
    """Give an account what its OpenID provider says of it now; the provider decides, also of its administrators."""
    connection.execute(update(AccountRow).where(AccountRow.name == name).values(full_name=full_name))
    connection.execute(delete(AccountGrant).where(AccountGrant.account == name))
    _write_grants(connection, name, grants)


def is_name_taken(connection: Connection, name: str) -> bool:
    """Return whether there is an account of this name, whoever may use it."""
    return connection.execute(select(AccountRow.name).where(AccountRow.name == name)).first() is not None


def disable_account(connection: Connection, name: str) -> None:
    """Let nobody in under this name any more, and end its sessions. Raises AccountUnknown, LastAdministrator."""
    find_account(connection, name)
    had = _administrator_held(connection)
    connection.execute(update(AccountRow).where(AccountRow.name == name).values(disabled_at=func.clock_timestamp()))
    connection.execute(delete(WebSession).where(WebSession.account == name))
    _demand_an_administrator(connection, had)


def enable_account(connection: Connection, name: str) -> None:
    """Take the disabling back. Raises AccountUnknown."""
    if connection.execute(update(AccountRow).where(AccountRow.name == name).values(disabled_at=None)).rowcount == 0:
        raise AccountUnknown(name)


def note_sign_in(connection: Connection, name: str) -> None:
    """Note that somebody came in."""
    connection.execute(update(AccountRow).where(AccountRow.name == name).values(last_sign_in_at=func.clock_timestamp()))


def grants_by_account(connection: Connection, names: Iterable[str]) -> dict[str, frozenset[Grant]]:
    """Return what each account may do."""
    query = select(AccountGrant).where(AccountGrant.account.in_(list(names)))
    found: dict[str, set[Grant]] = {}
    for row in connection.execute(query):
        found.setdefault(row.account, set()).add(Grant(Role(row.role), row.site))
    return {name: frozenset(grants) for name, grants in found.items()}


def _accounts(connection: Connection, condition: object) -> list[Account]:
    query = select(AccountRow.__table__).where(condition).order_by(AccountRow.name)  # type: ignore[arg-type]
    rows = connection.execute(query).all()
    grants = grants_by_account(connection, [row.name for row in rows])
    return [
        Account(
            name=row.name,
            full_name=row.full_name,
            source=AccountSource(row.source),
            grants=grants.get(row.name, frozenset()),
            must_change_password=row.must_change_password,
            created_at=row.created_at,
            created_by=row.created_by,
            disabled_at=row.disabled_at,
            last_sign_in_at=row.last_sign_in_at,
        )
        for row in rows
    ]


def _write_grants(connection: Connection, name: str, grants: Iterable[Grant]) -> None:
    rows = [{"account": name, "role": str(grant.role), "site": grant.site} for grant in sorted(grants)]
    if rows:
        connection.execute(insert(AccountGrant), rows)


def _administrator_held(connection: Connection) -> bool:
    """Whether anybody may manage users now; nobody else changes that until this transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADMINISTRATORS_LOCK})
    return _has_administrator(connection)


def _demand_an_administrator(connection: Connection, had: bool) -> None:
    if had and not _has_administrator(connection):
        raise LastAdministrator


def _has_administrator(connection: Connection) -> bool:
    query = (
        select(AccountRow.name)
        .join(AccountGrant, AccountGrant.account == AccountRow.name)
        .where(AccountGrant.role == str(Role.ADMIN), AccountGrant.site == ALL_SITES, AccountRow.disabled_at.is_(None))
        .limit(1)
    )
    return connection.execute(query).first() is not None
