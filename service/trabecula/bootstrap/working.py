"""Builders of workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from prometheus_client import CollectorRegistry

from trabecula.bootstrap.keeping.audit import auditing_of
from trabecula.bootstrap.keeping.retention import housekeeping_of
from trabecula.bootstrap.ledger import opened_engine
from trabecula.bootstrap.monitoring.answering import answering, part_place
from trabecula.bootstrap.monitoring.host_disks import telling_disks
from trabecula.bootstrap.monitoring.telling import telling_of
from trabecula.bootstrap.monitoring.watching import worker_watch
from trabecula.bootstrap.services import CHILD_COMMAND, SERVER_COMMAND, services_of
from trabecula.jobs.app import QueueOptions, build_app
from trabecula.jobs.child import ChildRunner
from trabecula.jobs.warm import WarmServer
from trabecula.jobs.worker import run_worker as run_worker_of
from trabecula.settings import Settings
from trabecula.supervised import part_socket
from trabecula.web.monitoring.stages import PrometheusObserver


def run_worker(
    settings: Settings, database_url: str, queues: Sequence[str], concurrency: int, on_ready: Callable[[], None]
) -> None:
    """Work on the queues until SIGTERM; a worker that analyses has a fork server. Raises ConfigurationInvalid."""
    server = WarmServer(SERVER_COMMAND)
    socket, ready, stages = part_socket(), threading.Event(), CollectorRegistry()
    watched = worker_watch(settings, database_url, queues, ready, stages, alone=socket is None)

    def on_database() -> None:
        ready.set()
        on_ready()

    with (
        opened_engine(database_url) as engine,
        answering(settings, part_place(settings, socket), watched),
        telling_disks(settings, database_url),
    ):
        services = services_of(settings, engine)
        if set(queues) - {"sys"}:
            services = replace(services, observer=PrometheusObserver(stages))
        if "io" in queues:
            from trabecula.bootstrap.peers import with_peers

            services = with_peers(services, settings)
        if "cpu" in queues:
            server.start()
            services = replace(services, runner=ChildRunner(CHILD_COMMAND, settings.analysis_timeout_seconds, server))
        try:
            housekeeping = housekeeping_of(settings, engine) if "sys" in queues else None
            options = QueueOptions(stalled_s=settings.stalled_seconds)
            telling = telling_of(settings) if "sys" in queues else None
            auditing = auditing_of(settings, engine) if "sys" in queues else None
            app = build_app(
                database_url,
                services,
                engine,
                options=options,
                housekeeping=housekeeping,
                telling=telling,
                auditing=auditing,
            )
            run_worker_of(app, queues, concurrency, on_database)
        finally:
            server.stop()
