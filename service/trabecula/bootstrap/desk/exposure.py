"""Whether the desk may answer where the settings say: never on a network without encryption."""

from __future__ import annotations

from trabecula.domain.addresses import is_loopback
from trabecula.domain.errors_of.access import DeskExposed
from trabecula.settings import Settings


def check_exposure(settings: Settings) -> None:
    """Raises DeskExposed where passwords would pass a network as they are."""
    if is_loopback(settings.web_host) or settings.web_tls_certificate is not None or settings.web_proxies:
        return
    raise DeskExposed(f"web_host is {settings.web_host}, and neither TLS nor a proxy is named")
