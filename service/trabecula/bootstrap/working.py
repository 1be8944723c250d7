"""Builders of workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from trabecula.bootstrap.ledger import opened_engine
from trabecula.bootstrap.services import services_of
from trabecula.jobs.app import QueueOptions, build_app
from trabecula.jobs.worker import run_worker as run_worker_of
from trabecula.settings import Settings


def run_worker(
    settings: Settings, database_url: str, queues: Sequence[str], concurrency: int, on_ready: Callable[[], None]
) -> None:
    """Work on the queues until SIGTERM. Raises ConfigurationInvalid."""
    with opened_engine(database_url) as engine:
        services = services_of(settings, engine)
        if "io" in queues:
            from trabecula.bootstrap.peers import with_peers

            services = with_peers(services, settings)
        options = QueueOptions(stalled_s=settings.stalled_seconds)
        run_worker_of(build_app(database_url, services, engine, options), queues, concurrency, on_ready)
