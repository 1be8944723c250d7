"""The use cases of the login: sign in with a password, take part through a session or a token, change a password.

An attempt that fails is counted under the name that was given, whether an account has it or not, and the answer is the
same and takes as long. Five failures of one name from one address, fifty of one name from anywhere or fifty from one
address pause further attempts for the rest of a quarter of an hour: a stranger elsewhere cannot lock somebody out with
five wrong guesses (OWASP Authentication Cheat Sheet, "Account Lockout").
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from trabecula.domain.access.account import Account, Session, account_name
from trabecula.domain.access.actor import Principal
from trabecula.domain.access.password_rules import LONGEST, check_password
from trabecula.domain.errors_of.access import (
    AccountNameInvalid,
    PasswordTooWeak,
    SignInPaused,
    SignInRefused,
    TokenRefused,
)
from trabecula.ledger.access.accounts import find_account, note_sign_in, password_hash, set_password
from trabecula.ledger.access.api_tokens import live_token
from trabecula.ledger.access.failures import forget_failures, note_failure, recent_failures
from trabecula.ledger.access.sessions import SessionLimits, begin_session, end_sessions_of, live_session
from trabecula.web.access.secrets_kept import digest, hash_password, new_secret, password_matches

FAILURES_HERE, FAILURES_OF_ONE = 5, 50
_LONGEST_NAME = 64


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Somebody who is signed in: the actor, and in person the account and the session with its secret."""

    actor: Principal
    account: Account
    session: Session | None = None
    secret: str = ""


@dataclass(frozen=True)
class RequestOrigin:
    """Where a request comes from: the address (behind a named proxy the one it tells) and the browser's own words."""

    address: str
    agent: str = ""


def sign_in(connection: Connection, name: str, password: str, origin: RequestOrigin, limits: SessionLimits) -> str:
    """Check name and password and begin a session; return the secret for the cookie.

    The caller commits also where SignInRefused is raised: the failure counts. Raises SignInRefused, SignInPaused.
    """
    key = _key(name)
    check_pause(connection, key, origin.address)
    if not password_matches(password[: LONGEST + 1], password_hash(connection, key)):
        note_failure(connection, key, origin.address)
        raise SignInRefused
    forget_failures(connection, key, origin.address)
    return begin(connection, key, origin, limits)


def known_name(connection: Connection, name: str) -> str:
    """Return the account that was meant, empty where there is none: what a stranger typed may be a password."""
    key = _key(name)
    return key if password_hash(connection, key) is not None else ""


def check_pause(connection: Connection, name: str, address: str) -> None:
    """Raises SignInPaused where too much failed lately."""
    failures = recent_failures(connection, name, address)
    if failures.here >= FAILURES_HERE or max(failures.of_account, failures.of_address) >= FAILURES_OF_ONE:
        raise SignInPaused


def begin(connection: Connection, account: str, origin: RequestOrigin, limits: SessionLimits) -> str:
    """Begin a session of somebody whose identity is proven; return the secret for the cookie."""
    secret = new_secret()
    note_sign_in(connection, account)
    begin_session(connection, digest(secret), account, address=origin.address, agent=origin.agent, limits=limits)
    return secret


def visitor_of_session(connection: Connection, secret: str, limits: SessionLimits) -> Visitor | None:
    """Return who has this session, with the roles of now; None where it has ended."""
    session = live_session(connection, digest(secret), limits)
    if session is None:
        return None
    account = find_account(connection, session.account)
    actor = Principal(account=account.name, grants=account.grants)
    return Visitor(actor=actor, account=account, session=session, secret=secret)


def visitor_of_token(connection: Connection, token: str) -> Visitor:
    """Return whose token this is, with the roles of now, limited to its scopes. Raises TokenRefused."""
    found = live_token(connection, digest(token))
    if found is None:
        raise TokenRefused
    account = find_account(connection, found.account)
    actor = Principal(
        account=account.name,
        grants=account.grants,
        scopes=found.scopes,
        token=found.name,
    )
    return Visitor(actor=actor, account=account)


def change_password(connection: Connection, visitor: Visitor, current: str, new: str, origin: RequestOrigin) -> None:
    """Replace one's own password; the other sessions of the account end.

    Raises SignInRefused where ``current`` is not it, SignInPaused, PasswordTooWeak.
    """
    name = visitor.account.name
    check_pause(connection, name, origin.address)
    if not password_matches(current[: LONGEST + 1], password_hash(connection, name)):
        note_failure(connection, name, origin.address)
        raise SignInRefused
    check_password(new, name)
    if new == current:
        raise PasswordTooWeak("it is the one you have")
    set_password(connection, name, hash_password(new), must_change=False)
    end_sessions_of(connection, name, but=visitor.session.number if visitor.session else None)


def _key(name: str) -> str:
    try:
        return account_name(name)
    except AccountNameInvalid:
        return name.strip().lower()[:_LONGEST_NAME]
