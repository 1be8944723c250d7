"""Accounts of others, for administrators: make, list, give roles, disable, unlock, end sessions."""

from __future__ import annotations

from fastapi import APIRouter

from trabecula.domain.access.account import AccountSource, account_name
from trabecula.domain.access.actor import Grant, grants_of
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors_of.access import ScopeUnknown
from trabecula.ledger.access.accounts import (
    NewAccount,
    create_account,
    disable_account,
    enable_account,
    find_account,
    list_accounts,
    set_grants,
)
from trabecula.ledger.access.failures import forget_failures
from trabecula.ledger.access.sessions import end_session, list_sessions
from trabecula.web.access.asked import Asked
from trabecula.web.access.secrets_kept import hash_password, new_password
from trabecula.web.api.door import UserManager
from trabecula.web.api.problems import refusals
from trabecula.web.api.shapes.accounts import (
    AccountList,
    AccountMade,
    AccountShown,
    NewAccountWish,
    Roles,
    SessionList,
    SessionShown,
    account_shown,
)
from trabecula.web.api.shapes.words import AccountInPath, Number

router = APIRouter(tags=["users"])


@router.get("/users")
def list_users(door: UserManager) -> AccountList:
    """List all accounts."""
    with door.opened() as asked:
        return AccountList(accounts=[account_shown(item) for item in list_accounts(asked.connection)])


@router.post("/users", status_code=201, responses=refusals(409))
def create_user(door: UserManager, wish: NewAccountWish) -> AccountMade:
    """Make an account with a password of its own; the answer shows it this once."""
    name, grants, password = account_name(wish.name), _grants(wish.roles), new_password()
    new = NewAccount(
        name=name,
        full_name=wish.full_name.strip(),
        source=AccountSource.LOCAL,
        password_hash=hash_password(password),
        must_change_password=True,
        created_by=door.visitor.actor.who,
    )
    with door.opened() as asked:
        asked.actor.demand_grants(grants)
        create_account(asked.connection, new, grants)
        asked.audit(AuditAction.USER_CREATED, subject=name, detail=", ".join(map(str, sorted(grants))))
        return AccountMade(account=account_shown(find_account(asked.connection, name)), password=password)


@router.put("/users/{name}/roles", responses=refusals(404, 409))
def put_roles(door: UserManager, name: AccountInPath, wish: Roles) -> AccountShown:
    """Replace what an account may do."""
    grants = _grants(wish.roles)
    with door.opened() as asked:
        asked.actor.demand_grants(grants - find_account(asked.connection, account_name(name)).grants)
        changed = set_grants(asked.connection, account_name(name), grants)
        given = ", ".join(map(str, sorted(grants))) or "no role"
        asked.audit(AuditAction.USER_CHANGED, subject=changed.name, detail=f"now {given}")
        return account_shown(changed)


@router.post("/users/{name}/disable", responses=refusals(404, 409))
def disable_user(door: UserManager, name: AccountInPath) -> AccountShown:
    """Let nobody in under this name any more; its sessions and tokens stop working."""
    with door.opened() as asked:
        disable_account(asked.connection, account_name(name))
        return _changed(asked, name, "disabled")


@router.post("/users/{name}/enable", responses=refusals(404))
def enable_user(door: UserManager, name: AccountInPath) -> AccountShown:
    """Let an account in again that was disabled."""
    with door.opened() as asked:
        enable_account(asked.connection, account_name(name))
        return _changed(asked, name, "enabled")


@router.post("/users/{name}/unlock", responses=refusals(404))
def unlock_user(door: UserManager, name: AccountInPath) -> AccountShown:
    """Forget the failed attempts to sign in."""
    with door.opened() as asked:
        forget_failures(asked.connection, find_account(asked.connection, account_name(name)).name)
        return _changed(asked, name, "unlocked")


@router.get("/sessions")
def list_all_sessions(door: UserManager) -> SessionList:
    """List who is signed in."""
    with door.opened() as asked:
        found = list_sessions(asked.connection, door.parts.limits)
        return SessionList(sessions=[SessionShown.model_validate(item) for item in found])


@router.delete("/sessions/{number}", status_code=204, responses=refusals(404))
def end_any_session(door: UserManager, number: Number) -> None:
    """End a session."""
    with door.opened() as asked:
        whose = end_session(asked.connection, number)
        asked.audit(AuditAction.SESSION_REVOKED, subject=f"session {number} of {whose}")


def _changed(asked: Asked, name: str, what: str) -> AccountShown:
    asked.audit(AuditAction.USER_CHANGED, subject=account_name(name), detail=what)
    return account_shown(find_account(asked.connection, account_name(name)))


def _grants(words: list[str]) -> frozenset[Grant]:
    try:
        return grants_of(words)
    except ValueError as error:
        raise ScopeUnknown(str(error)) from error
