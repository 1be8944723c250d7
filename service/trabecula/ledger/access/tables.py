"""The tables of the desk's login."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from trabecula.domain.access.account import AccountSource
from trabecula.domain.access.roles import Role
from trabecula.ledger.tables import Base, one_of

_NOW = text("clock_timestamp()")
_EMPTY = text("''")
_ACCOUNT = "accounts.name"


class AccountRow(Base):
    """An account. ``password_hash`` is Argon2id; ``subject`` is issuer and sub of an OpenID provider."""

    __tablename__ = "accounts"
    __table_args__ = (CheckConstraint(one_of("source", AccountSource), name="source"),)

    name: Mapped[str] = mapped_column(primary_key=True)
    full_name: Mapped[str] = mapped_column(server_default=_EMPTY)
    source: Mapped[str]
    subject: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str] = mapped_column(server_default=_EMPTY)
    must_change_password: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    created_by: Mapped[str]
    disabled_at: Mapped[datetime | None]
    last_sign_in_at: Mapped[datetime | None]


class AccountGrant(Base):
    """A role of an account, at one site or (empty) at all."""

    __tablename__ = "account_grants"
    __table_args__ = (CheckConstraint(one_of("role", Role), name="role"),)

    account: Mapped[str] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    site: Mapped[str] = mapped_column(primary_key=True)


class WebSession(Base):
    """A browser that is signed in; ``secret_hash`` is SHA-256 of what its cookie holds."""

    __tablename__ = "web_sessions"
    __table_args__ = (Index(None, "account"), Index(None, "ends_at"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    secret_hash: Mapped[str] = mapped_column(unique=True)
    account: Mapped[str] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"))
    address: Mapped[str]
    agent: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    last_seen_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    ends_at: Mapped[datetime]


class ApiTokenRow(Base):
    """A token of an account; ``token_hash`` is SHA-256 of the whole token, ``prefix`` its first characters."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index(None, "account"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    account: Mapped[str] = mapped_column(ForeignKey(_ACCOUNT, ondelete="CASCADE"))
    name: Mapped[str]
    prefix: Mapped[str]
    token_hash: Mapped[str] = mapped_column(unique=True)
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime] = mapped_column(server_default=_NOW)
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class SignInFailure(Base):
    """A failed attempt to sign in, under whatever name was given; kept for a day."""

    __tablename__ = "sign_in_failures"
    __table_args__ = (Index(None, "account", "at"), Index(None, "address", "at"))

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    account: Mapped[str]
    address: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=_NOW)


class ProviderRequest(Base):
    """A sign-in that went to an OpenID provider and has not come back; ``state_hash`` is SHA-256 of its state."""

    __tablename__ = "provider_requests"

    state_hash: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str]
    code_verifier: Mapped[str]
    target: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=_NOW)
