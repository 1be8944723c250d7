"""``trabecula users grant``, ``withdraw``, ``unlock``, ``disable`` and ``enable``."""

from __future__ import annotations

from trabecula.cli.output import console
from trabecula.cli.users.options import Name, RoleWord, changing, grants_from, name_of
from trabecula.domain.access.account import Account
from trabecula.domain.audit.entry import AuditAction
from trabecula.ledger.access.accounts import disable_account, enable_account, find_account, set_grants
from trabecula.ledger.access.failures import forget_failures


def grant(name: Name, role: RoleWord) -> None:
    """Give an account a role, everywhere or at one site."""
    with changing() as change:
        account = find_account(change.connection, name_of(name))
        changed = set_grants(change.connection, account.name, account.grants | grants_from([role]))
        change.audit(AuditAction.USER_CHANGED, account.name, f"given {role}")
    _tell(changed)


def withdraw(name: Name, role: RoleWord) -> None:
    """Take a role of an account away."""
    with changing() as change:
        account = find_account(change.connection, name_of(name))
        changed = set_grants(change.connection, account.name, account.grants - grants_from([role]))
        change.audit(AuditAction.USER_CHANGED, account.name, f"taken {role}")
    _tell(changed)


def unlock(name: Name) -> None:
    """Forget the failed attempts to sign in."""
    with changing() as change:
        account = find_account(change.connection, name_of(name))
        forgotten = forget_failures(change.connection, account.name)
        change.audit(AuditAction.USER_CHANGED, account.name, "unlocked")
    console.print(f"{account.name}: {forgotten} failed attempts are forgotten", markup=False, highlight=False)


def disable(name: Name) -> None:
    """Let nobody in under this name any more; its sessions and tokens stop working."""
    with changing() as change:
        account = name_of(name)
        disable_account(change.connection, account)
        change.audit(AuditAction.USER_CHANGED, account, "disabled")
    console.print(f"{account} is disabled", markup=False, highlight=False)


def enable(name: Name) -> None:
    """Let an account in again that was disabled."""
    with changing() as change:
        account = name_of(name)
        enable_account(change.connection, account)
        change.audit(AuditAction.USER_CHANGED, account, "enabled")
    console.print(f"{account} may sign in again", markup=False, highlight=False)


def _tell(account: Account) -> None:
    roles = ", ".join(map(str, sorted(account.grants))) or "no role"
    console.print(f"{account.name} is now {roles}", markup=False, highlight=False)
