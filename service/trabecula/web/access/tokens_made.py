"""Making API tokens: what they may do is at most what their account may, at each use anew."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import Connection

from trabecula.domain.access.account import Account, ApiToken
from trabecula.domain.access.actor import Principal
from trabecula.domain.access.roles import Permission
from trabecula.domain.errors_of.access import ScopeUnknown
from trabecula.ledger.access.api_tokens import NewToken, create_token
from trabecula.web.access.secrets_kept import digest, new_token, shown_part

_LONGEST_NAME = 80


def make_token(
    connection: Connection, account: Account, name: str, scopes: frozenset[Permission], lifetime: timedelta
) -> tuple[str, ApiToken]:
    """Make a token and return it, this once, with how it is listed.

    Raises ScopeUnknown where it could do nothing, also with a scope that the account itself does not hold anywhere.
    """
    if not scopes:
        raise ScopeUnknown("no scope was chosen")
    owner = Principal(account=account.name, grants=account.grants)
    if lacking := sorted(scope for scope in scopes if not owner.may(scope)):
        raise ScopeUnknown(f"{account.name} does not hold {', '.join(lacking)}, so a token of theirs cannot")
    token = new_token()
    new = NewToken(
        account=account.name,
        name=name.strip()[:_LONGEST_NAME] or "unnamed",
        prefix=shown_part(token),
        token_hash=digest(token),
        scopes=scopes,
        lifetime=lifetime,
    )
    return token, create_token(connection, new)


def chosen_scopes(words: Iterable[str]) -> frozenset[Permission]:
    """Return the scopes of their names. Raises ScopeUnknown."""
    known = {str(permission): permission for permission in Permission}
    words = list(words)
    if unknown := [word for word in words if word not in known]:
        raise ScopeUnknown(f"{unknown[0][:40]!r}; there are {', '.join(known)}")
    return frozenset(known[word] for word in words)
