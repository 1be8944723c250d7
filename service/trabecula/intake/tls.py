"""TLS of the listener: a server context of the BCP 195 kind (PS3.15 B.12), with client certificates if wanted."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

from trabecula.domain.errors import ConfigurationInvalid


def certificate_ends_at(certificate: Path) -> datetime:
    """Return when a PEM certificate ends. Raises OSError, ValueError for what is none."""
    from cryptography.x509 import load_pem_x509_certificate  # a listener without TLS does without

    return load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc


def server_context(certificate: Path, key: Path, client_ca: Path | None = None) -> ssl.SSLContext:
    """Return a context of TLS 1.2 or later; with ``client_ca`` only peers with a certificate of it may connect.

    The handshake itself is done by the listener in the connection's own thread. Raises ConfigurationInvalid.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
        if client_ca is not None:
            context.load_verify_locations(client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:  # SSLError is one
        raise ConfigurationInvalid(f"the TLS certificate, key or CA cannot be used: {error}") from error
    return context
