"""What was agreed with the provider, and what its claims mean here; comes from the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trabecula.domain.access.actor import Grant

RETURN_PATH = "/sign-in/provider/return"
"""Where the provider sends people back to; to be registered there, behind our public address."""


@dataclass(frozen=True, kw_only=True)
class ProviderTerms:
    """``secret`` reads the client's secret anew at each use, empty where the client is public."""

    issuer: str
    client_id: str
    secret: Callable[[], str]
    scopes: tuple[str, ...]
    name_claim: str
    roles_claim: str
    roles: Mapping[str, frozenset[Grant]]
    public_url: str = ""
    """How browsers reach us; empty on loopback, where the request says it."""
    ca_file: Path | None = None

    def return_address(self, requested: str) -> str:
        """Return the redirect address; ``requested`` is scheme and host of the request."""
        return (self.public_url or requested) + RETURN_PATH
