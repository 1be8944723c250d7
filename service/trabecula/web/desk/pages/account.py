"""One's own account: password, sessions, API tokens."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import RedirectResponse, Response

from trabecula.domain.access.account import AccountSource
from trabecula.domain.access.roles import Permission
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.errors_of.access import PasswordTooWeak, SignInPaused, SignInRefused, TokenUnknown
from trabecula.ledger.access.api_tokens import list_tokens, revoke_token
from trabecula.ledger.access.sessions import end_session, list_sessions
from trabecula.web.access.asked import Asked, origin_of
from trabecula.web.access.signing_in import change_password
from trabecula.web.access.tokens_made import chosen_scopes, make_token
from trabecula.web.desk.failures import status_of
from trabecula.web.desk.parts import DeskParts
from trabecula.web.desk.rendering import page

LIFETIMES_DAYS = (30, 90, 365)


def show_account(parts: DeskParts, asked: Asked) -> Response:
    """Show sessions and tokens."""
    return _account(parts, asked)


def show_password(parts: DeskParts, asked: Asked) -> Response:
    """Show the form for a new password."""
    return page(parts, asked, "password.html", {"error": None, "rule": PasswordTooWeak.next_step})


def take_password(parts: DeskParts, asked: Asked) -> Response:
    """Change the password, or show the form again with the reason."""
    current, new, again = (asked.form.get(name) for name in ("current", "new", "again"))
    error: TrabeculaError
    if not (isinstance(current, str) and isinstance(new, str)):
        error = PasswordTooWeak("none was given")
    elif new != again:
        error = PasswordTooWeak("the two new ones differ")
    else:
        try:
            change_password(asked.connection, asked.visitor, current, new, origin_of(asked.request))
        except (SignInRefused, SignInPaused, PasswordTooWeak) as refused:
            error = refused
        else:
            asked.audit(AuditAction.PASSWORD_CHANGED, subject=asked.actor.account)
            return RedirectResponse("/account?done=password", 303)
    values = {"error": error, "rule": PasswordTooWeak.next_step}
    return page(parts, asked, "password.html", values, status=status_of(error))


def end_own_session(parts: DeskParts, asked: Asked) -> Response:
    """End a session of one's own, in another browser or in this one."""
    number = number_of(asked)
    end_session(asked.connection, number, asked.actor.account)
    asked.audit(AuditAction.SESSION_REVOKED, subject=f"session {number} of {asked.actor.account}")
    here = asked.visitor.session is not None and asked.visitor.session.number == number
    return RedirectResponse("/sign-in" if here else "/account", 303)


def create_own_token(parts: DeskParts, asked: Asked) -> Response:
    """Make a token and show it this once."""
    days = asked.field("days")
    lifetime = timedelta(days=int(days) if days.isdigit() and int(days) in LIFETIMES_DAYS else LIFETIMES_DAYS[0])
    scopes = chosen_scopes(asked.fields("scope"))
    token, made = make_token(asked.connection, asked.visitor.account, asked.field("name"), scopes, lifetime)
    asked.audit(AuditAction.TOKEN_CREATED, subject=f"token {made.number} of {asked.actor.account}", detail=made.name)
    return _account(parts, asked, shown_token=token)


def revoke_own_token(parts: DeskParts, asked: Asked) -> Response:
    """Revoke a token of one's own."""
    revoked = revoke_token(asked.connection, number_of(asked), asked.actor.account)
    subject = f"token {revoked.number} of {asked.actor.account}"
    asked.audit(AuditAction.TOKEN_REVOKED, subject=subject, detail=revoked.name)
    return RedirectResponse("/account", 303)


def _account(parts: DeskParts, asked: Asked, shown_token: str = "") -> Response:
    name = asked.actor.account
    values = {
        "sessions": list_sessions(asked.connection, parts.limits, name),
        "tokens": list_tokens(asked.connection, name),
        "scopes": [permission for permission in Permission if asked.actor.may(permission)],
        "lifetimes": LIFETIMES_DAYS,
        "shown_token": shown_token,
        "has_password": asked.visitor.account.source is AccountSource.LOCAL,
    }
    return page(parts, asked, "account.html", values)


def number_of(asked: Asked) -> int:
    """Return the number in the path. Raises TokenUnknown for what is none."""
    text = str(asked.parameters["number"])
    if not text.isdigit() or len(text) > 18:
        raise TokenUnknown(text[:20])
    return int(text)
