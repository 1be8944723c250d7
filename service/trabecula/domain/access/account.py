"""Accounts, sessions and tokens as people see them; no secret stands in any of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trabecula.domain.access.actor import Grant
from trabecula.domain.access.roles import Permission
from trabecula.domain.errors_of.access import AccountNameInvalid

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?")


class AccountSource(StrEnum):
    """Who knows the password."""

    LOCAL = "local"
    OIDC = "oidc"


def account_name(text: str) -> str:
    """Return the name of an account in its one form, lower case. Raises AccountNameInvalid."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise AccountNameInvalid(repr(text[:64]))
    return name


@dataclass(frozen=True, kw_only=True)
class Account:
    """Somebody who may sign in."""

    name: str
    full_name: str
    source: AccountSource
    grants: frozenset[Grant]
    must_change_password: bool
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    last_sign_in_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Session:
    """Somebody who is signed in, from one browser. ``number`` names it to its owner; it opens nothing."""

    number: int
    account: str
    address: str
    agent: str
    started_at: datetime
    last_seen_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class ApiToken:
    """A token of an account. ``prefix`` is how its owner knows it again; it opens nothing."""

    number: int
    account: str
    name: str
    prefix: str
    scopes: frozenset[Permission]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
