"""Accounts, sessions and tokens as the API tells them; a secret stands in the answer that made it and nowhere else."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from trabecula.domain.access.account import Account, AccountSource
from trabecula.domain.access.actor import Grant
from trabecula.domain.access.roles import Permission
from trabecula.web.api.shapes.words import RoleWord

_Name = Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00]*$")]


class Myself(BaseModel):
    """Who asks, and what they may do: each permission with its sites (null: everywhere)."""

    account: str
    full_name: str
    token: str = Field(description="Name of the token that asks; empty in person.")
    permissions: dict[Permission, list[str] | None]


class TokenShown(BaseModel):
    """An API token as its owner sees it."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    name: str
    prefix: str = Field(description="How it begins; opens nothing.")
    scopes: list[Permission]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class TokenList(BaseModel):
    """One's own tokens, the newest first."""

    tokens: list[TokenShown]


class NewTokenWish(BaseModel):
    """A token to be made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "nightly export", "scopes": ["studies:view"], "days": 90}]}
    )

    name: _Name
    scopes: list[Permission] = Field(min_length=1, max_length=len(Permission))
    days: int = Field(90, ge=1, le=365)


class TokenMade(TokenShown):
    """A new token; `token` is shown this once."""

    token: str


class GrantShown(BaseModel):
    """A role, at one site or (empty) everywhere."""

    role: str
    site: str


class AccountShown(BaseModel):
    """An account."""

    name: str
    full_name: str
    source: AccountSource
    roles: list[GrantShown]
    must_change_password: bool
    created_at: datetime
    created_by: str
    disabled_at: datetime | None
    last_sign_in_at: datetime | None


class AccountList(BaseModel):
    """All accounts by name."""

    accounts: list[AccountShown]


class NewAccountWish(BaseModel):
    """An account to be made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "ann", "full_name": "Ann Lee", "roles": ["coordinator@CT_WEST"]}]}
    )

    name: _Name
    full_name: _Name = ""
    roles: list[RoleWord] = Field(min_length=1, max_length=50)


class AccountMade(BaseModel):
    """A new account; `password` is shown this once and has to be changed at the first sign-in."""

    account: AccountShown
    password: str


class Roles(BaseModel):
    """All roles that an account is to have."""

    roles: list[RoleWord] = Field(max_length=50, examples=[["viewer", "coordinator@CT_WEST"]])


class SessionShown(BaseModel):
    """Somebody who is signed in."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    account: str
    address: str
    agent: str
    started_at: datetime
    last_seen_at: datetime
    ends_at: datetime


class SessionList(BaseModel):
    """Sessions that live, the last used first."""

    sessions: list[SessionShown]


def account_shown(account: Account) -> AccountShown:
    """Return an account as it is told."""
    return AccountShown(
        name=account.name,
        full_name=account.full_name,
        source=account.source,
        roles=grants_shown(sorted(account.grants)),
        must_change_password=account.must_change_password,
        created_at=account.created_at,
        created_by=account.created_by,
        disabled_at=account.disabled_at,
        last_sign_in_at=account.last_sign_in_at,
    )


def grants_shown(grants: list[Grant]) -> list[GrantShown]:
    """Return grants as they are told."""
    return [GrantShown(role=str(grant.role), site=grant.site) for grant in grants]
