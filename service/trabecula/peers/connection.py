"""How we connect to whom we request something of: time-outs, TLS, and failures in our own words."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from trabecula.domain.delivery import Destination
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.domain.handshake import handshake_in_words


@dataclass(frozen=True)
class Timeouts:
    """How long a destination may take: to connect, to answer the association request, to answer each message."""

    connect_seconds: float = 10.0
    negotiate_seconds: float = 15.0
    answer_seconds: float = 60.0


def client_context(certificate: Path | None, key: Path | None, ca: Path | None) -> ssl.SSLContext:
    """Return a context of TLS 1.2 or later that checks the peer's certificate and name against ``ca`` (empty: the
    system's) and shows our own ``certificate`` when there is one. Raises ConfigurationInvalid."""
    try:
        context = ssl.create_default_context(cafile=str(ca) if ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except OSError as error:  # SSLError is one
        raise ConfigurationInvalid(f"the TLS certificate, key or CA cannot be used: {error}") from error
    return context


def in_words(failure: OSError) -> str:
    """Return why a connection failed."""
    if isinstance(failure, ssl.SSLError):
        return handshake_in_words(failure)
    return failure.strerror or str(failure) or type(failure).__name__


def shown(destination: Destination) -> str:
    """Return name and address of a destination as errors name it."""
    return f"{destination.name} ({destination.address})"
