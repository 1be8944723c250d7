"""The builder of a process's answers to monitors: health, readiness and metrics, and where it gives them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client.registry import Collector

from trabecula.domain.addresses import is_loopback
from trabecula.settings import Settings
from trabecula.web.http.routes import Routes
from trabecula.web.http.server import HttpServer
from trabecula.web.monitoring.endpoints import MetricsAccess, monitoring_routes
from trabecula.web.monitoring.parts import MergedParts
from trabecula.web.monitoring.readiness import ReadyCheck
from trabecula.web.monitoring.registry import registry_of


@dataclass(frozen=True)
class ServerAddress:
    """Where a process answers: on a Unix socket for its supervisor, or on a host and port."""

    host: str = ""
    port: int = 0
    path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Watched:
    """What is watched of a process: its own figures and checks, and the sockets of the parts it keeps."""

    part: str
    collectors: Sequence[Collector] = ()
    checks: Sequence[ReadyCheck] = ()
    parts: Mapping[str, Path] = field(default_factory=dict)


def part_place(settings: Settings, socket: Path | None) -> ServerAddress | None:
    """Return where a part answers: for its supervisor, else on metrics_port; None where nobody wants to know."""
    if socket is not None:
        return ServerAddress(path=socket)
    return ServerAddress(settings.web_host, settings.metrics_port) if settings.metrics_port else None


@contextmanager
def answering(
    settings: Settings,
    place: ServerAddress | None,
    watched: Watched,
    on_ready: Callable[[str], None] = lambda address: None,
) -> Iterator[None]:
    """Answer monitoring meanwhile; ``on_ready`` gets the address when the port is had."""
    if place is None:
        yield
        return
    access = public_access(settings, place.host) if place.path is None else MetricsAccess(loopback=True)
    server = HttpServer(routes_of(watched, access), host=place.host, port=place.port, path=place.path)
    server.start(on_ready)
    try:
        yield
    finally:
        server.stop()


def routes_of(watched: Watched, access: MetricsAccess) -> Routes:
    """Return what answers monitors about a process and its parts."""
    merged = MergedParts(watched.part, registry_of(watched.collectors), watched.parts)
    return monitoring_routes(merged, lambda: (*watched.checks, *merged.checks()), access)


def public_access(settings: Settings, host: str) -> MetricsAccess:
    """Return who may read the metrics on a port: who shows the token, without one this host alone.

    Behind a proxy nobody is told from this host.
    """
    return MetricsAccess(
        loopback=is_loopback(host) and not settings.web_proxies, token=lambda: _token(settings.metrics_token_file)
    )


@contextmanager
def socket_folder() -> Iterator[Path]:
    """Give a folder that only this user can enter, for the sockets of parts; it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="trabecula-") as folder:
        yield Path(folder)


def _token(file: Path | None) -> str | None:
    """Return the token; of a file that cannot be read one that nobody can show."""
    if file is None:
        return None
    with contextlib.suppress(OSError, ValueError):
        return file.read_text().strip()
    return ""
