"""The settings of an OpenID provider that knows the hospital's people. Part of the desk's settings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode

from trabecula.domain.access.actor import grants_of
from trabecula.domain.addresses import is_safe_url


class ProviderSettings(BaseSettings):
    """Keys of the sign-in through OpenID Connect, one base of the desk's settings."""

    oidc_issuer: str = ""
    """Issuer of the OpenID provider, exactly as it calls itself; empty: local accounts alone."""
    oidc_client_id: str = ""
    """Under which name the provider knows this service."""
    oidc_client_secret_file: Path | None = None
    """File whose first line is the secret of the client; without one the client is public (PKCE protects it too)."""
    oidc_scopes: Annotated[tuple[str, ...], NoDecode] = ("openid", "profile", "email")
    """What the provider is asked for."""
    oidc_name_claim: str = "preferred_username"
    """Claim that gives an account its name; e.g. email where the other is not unique or missing."""
    oidc_roles_claim: str = "roles"
    """Claim that holds roles or groups; a nested one as a path, e.g. realm_access.roles (Keycloak)."""
    oidc_roles: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Value of that claim -> role, or ROLE@SITE; who has none of them does not get in."""
    oidc_button: str = "Sign in with the hospital's account"
    """Text of the button on the sign-in page."""
    oidc_ca_file: Path | None = None
    """PEM certificates of the authority that signed the provider's; unset: those the system trusts."""
    web_public_url: str = ""
    """How browsers reach the desk, e.g. https://trabecula.hospital.example; the provider sends them back there."""
    web_local_accounts: bool = True
    """Passwords of our own open the desk; off, only on the host itself, for the day the provider is away."""

    @field_validator("oidc_scopes", mode="before")
    @classmethod
    def _split_scopes(cls, value: object) -> object:
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value

    @field_validator("oidc_scopes")
    @classmethod
    def _with_openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("the scope openid is missing, without which the provider says nothing of a person")
        return value

    @field_validator("oidc_roles", mode="before")
    @classmethod
    def _split_roles(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {
            key: [part.strip() for part in words.split(",")] if isinstance(words, str) else words
            for key, words in value.items()
        }

    @field_validator("oidc_roles")
    @classmethod
    def _known_roles(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for words in value.values():
            grants_of(words)
        return value

    @field_validator("oidc_issuer", "web_public_url")
    @classmethod
    def _encrypted(cls, value: str) -> str:
        if value and not is_safe_url(value):
            raise ValueError(f"{value!r} must be an address with https (http only of this host itself)")
        return value

    @field_validator("web_public_url")
    @classmethod
    def _origin_alone(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError(f"{value!r} names a path; the desk answers at the root of a host")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.oidc_issuer:
            if not self.web_local_accounts:
                raise ValueError("web_local_accounts is false and there is no oidc_issuer: nobody could sign in")
            return self
        if not self.oidc_client_id:
            raise ValueError("oidc_issuer is set and oidc_client_id is not")
        if not self.oidc_roles:
            raise ValueError("oidc_issuer is set and oidc_roles names no role: nobody would get in")
        return self
