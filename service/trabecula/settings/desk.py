"""The settings of the desk: where it answers, how it is encrypted, how long a session lives. Part of ``Settings``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import NoDecode

from trabecula.domain.addresses import is_loopback
from trabecula.settings.provider import ProviderSettings


class DeskSettings(ProviderSettings):
    """Keys of the desk, one base of the settings of an installation."""

    web_host: str = "127.0.0.1"
    """Address of the pages, the API, /healthz, /readyz and /metrics; loopback until an admin decides otherwise."""
    web_port: int = Field(default=8080, ge=0, le=65535)
    """Port on which `serve` and `web` answer them; 0 takes a free one and prints it."""
    web_pages: bool = True
    """Pages and API; off, `serve` answers monitors alone."""
    web_tls_certificate: Path | None = None
    """PEM certificate (with its chain) for pages and API; set, they are answered by HTTPS only."""
    web_tls_key: Path | None = None
    """PEM key of web_tls_certificate."""
    web_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks of proxies that encrypt for us; what they tell of scheme and address is believed."""
    web_session_idle_minutes: float = Field(default=30.0, gt=0)
    """A session that is not used for this long ends (reading rooms are shared)."""
    web_session_hours: float = Field(default=12.0, gt=0)
    """A session ends after this long in any case (one working day)."""

    @field_validator("web_proxies", mode="before")
    @classmethod
    def _split_proxies(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _known_to_the_provider(self) -> Self:
        if self.oidc_issuer and not self.web_public_url and not (is_loopback(self.web_host) and not self.web_proxies):
            raise ValueError("oidc_issuer is set and web_public_url is not: the provider must know where to send back")
        return self
