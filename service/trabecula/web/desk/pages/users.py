"""Users: accounts with their roles, who is signed in, tokens of all."""

from __future__ import annotations

from starlette.responses import RedirectResponse, Response

from trabecula.domain.access.account import AccountSource, account_name
from trabecula.domain.access.actor import Grant, grants_of
from trabecula.domain.access.roles import Role
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors_of.access import ChoiceInvalid, ScopeUnknown
from trabecula.ledger.access.accounts import (
    NewAccount,
    create_account,
    disable_account,
    enable_account,
    find_account,
    list_accounts,
    set_grants,
    set_password,
)
from trabecula.ledger.access.api_tokens import list_tokens, revoke_token
from trabecula.ledger.access.failures import forget_failures
from trabecula.ledger.access.sessions import end_session, end_sessions_of, list_sessions
from trabecula.web.access.asked import Asked
from trabecula.web.access.secrets_kept import hash_password, new_password
from trabecula.web.desk.pages.account import number_of
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page


def show_users(parts: DeskParts, asked: Asked) -> Response:
    """Show accounts, sessions and tokens."""
    return _users(parts, asked)


def create_user(parts: DeskParts, asked: Asked) -> Response:
    """Make a local account and show its password this once; it has to be changed at the first sign-in."""
    name = account_name(asked.field("name"))
    grants = _grants(asked)
    password = new_password()
    new = NewAccount(
        name=name,
        full_name=asked.field("full_name")[:120],
        source=AccountSource.LOCAL,
        password_hash=hash_password(password),
        must_change_password=True,
        created_by=asked.actor.account,
    )
    asked.actor.demand_grants(grants)
    create_account(asked.connection, new, grants)
    asked.audit(AuditAction.USER_CREATED, subject=name, detail=", ".join(map(str, sorted(grants))))
    return _users(parts, asked, shown=(name, password))


def change_user(parts: DeskParts, asked: Asked) -> Response:
    """Change the roles of an account, disable or enable it, unlock it, or set a new password."""
    account = find_account(asked.connection, str(asked.parameters["name"])[:64])
    action = str(asked.parameters["action"])
    if action == "password":
        password = new_password()
        set_password(asked.connection, account.name, hash_password(password), must_change=True)
        end_sessions_of(asked.connection, account.name)
        forget_failures(asked.connection, account.name)
        asked.audit(AuditAction.PASSWORD_CHANGED, subject=account.name)
        return _users(parts, asked, shown=(account.name, password))
    if action == "roles":
        grants = _grants(asked)
        asked.actor.demand_grants(grants - account.grants)
        set_grants(asked.connection, account.name, grants)
        detail = ", ".join(map(str, sorted(grants))) or "no role"
    elif action == "disable":
        disable_account(asked.connection, account.name)
        detail = "disabled"
    elif action == "enable":
        enable_account(asked.connection, account.name)
        detail = "enabled"
    elif action == "unlock":
        forget_failures(asked.connection, account.name)
        detail = "unlocked"
    else:
        raise ChoiceInvalid(f"{action[:20]!r} is nothing that is done to an account")
    asked.audit(AuditAction.USER_CHANGED, subject=account.name, detail=detail)
    return RedirectResponse("/administration/users", 303)


def end_any_session(parts: DeskParts, asked: Asked) -> Response:
    """End somebody's session."""
    number = number_of(asked)
    whose = end_session(asked.connection, number)
    asked.audit(AuditAction.SESSION_REVOKED, subject=f"session {number} of {whose}")
    return RedirectResponse("/administration/users", 303)


def revoke_any_token(parts: DeskParts, asked: Asked) -> Response:
    """Revoke somebody's token."""
    revoked = revoke_token(asked.connection, number_of(asked))
    subject = f"token {revoked.number} of {revoked.account}"
    asked.audit(AuditAction.TOKEN_REVOKED, subject=subject, detail=revoked.name)
    return RedirectResponse("/administration/users", 303)


def _users(parts: DeskParts, asked: Asked, shown: tuple[str, str] | None = None) -> Response:
    values = {
        "accounts": list_accounts(asked.connection),
        "sessions": list_sessions(asked.connection, parts.limits),
        "tokens": [token for token in list_tokens(asked.connection) if token.revoked_at is None],
        "roles": list(Role),
        "shown": shown,
    }
    return page(parts, asked, "users.html", values)


def _grants(asked: Asked) -> frozenset[Grant]:
    words = [word for field in asked.fields("roles") for word in field.split(",") if word.strip()]
    try:
        return grants_of(words)
    except ValueError as error:
        raise ScopeUnknown(f"{', '.join(words)[:80]}; there are {', '.join(Role)}, each also as ROLE@SITE") from error
