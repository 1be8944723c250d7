"""Builders of workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from trabecula.bootstrap.ledger import opened_engine
from trabecula.bootstrap.retention import housekeeping_of
from trabecula.bootstrap.services import CHILD_COMMAND, SERVER_COMMAND, services_of
from trabecula.jobs.app import QueueOptions, build_app
from trabecula.jobs.child import ChildRunner
from trabecula.jobs.warm import WarmServer
from trabecula.jobs.worker import run_worker as run_worker_of
from trabecula.settings import Settings


def run_worker(
    settings: Settings, database_url: str, queues: Sequence[str], concurrency: int, on_ready: Callable[[], None]
) -> None:
    """Work on the queues until SIGTERM; a worker that analyses has a fork server. Raises ConfigurationInvalid."""
    server = WarmServer(SERVER_COMMAND)
    with opened_engine(database_url) as engine:
        services = services_of(settings, engine)
        if "io" in queues:
            from trabecula.bootstrap.peers import with_peers

            services = with_peers(services, settings)
        if "cpu" in queues:
            server.start()
            services = replace(services, runner=ChildRunner(CHILD_COMMAND, settings.analysis_timeout_seconds, server))
        try:
            housekeeping = housekeeping_of(settings, engine) if "sys" in queues else None
            options = QueueOptions(stalled_s=settings.stalled_seconds)
            app = build_app(database_url, services, engine, options, housekeeping)
            run_worker_of(app, queues, concurrency, on_ready)
        finally:
            server.stop()
