"""Metrics of the ledger: a few indexed queries, kept for some seconds and given up after two."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import psycopg
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trabecula.domain.study.study import StudyState
from trabecula.ledger.connections import conninfo_of
from trabecula.ledger.queries.monitoring import LedgerFigures, read_figures
from trabecula.web.monitoring.families import PREFIX, gauge, gauges
from trabecula.web.monitoring.readiness import NotReady, ReadyCheck
from trabecula.web.monitoring.refreshed import Refreshed

_KEEP_SECONDS = 10.0
_PATIENCE_SECONDS = 3.0
_OPTIONS = "-c statement_timeout=2000 -c lock_timeout=500 -c default_transaction_read_only=on"


@dataclass(frozen=True)
class LedgerReading:
    """Whether the database took a connection, and its figures where they came in time."""

    connected: bool
    figures: LedgerFigures | None


@dataclass(frozen=True, kw_only=True)
class LedgerScope:
    """What is there to be watched even where the ledger has no row of it; ``embedded``: the database is ours."""

    queues: tuple[str, ...]
    destinations: tuple[str, ...]
    stalled_s: float
    embedded: bool


class LedgerWatch(Collector):
    """Reads the ledger's figures when it is asked; never waits for a database that is away."""

    def __init__(self, url: Callable[[], str | None], scope: LedgerScope) -> None:
        """``url`` gives the database's URL, None while it is not known."""
        self._url = url
        self._scope = scope
        self._reading = Refreshed(self._read, keep_s=_KEEP_SECONDS, patience_s=_PATIENCE_SECONDS)

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return the figures; of a database that does not answer only that it does not."""
        reading = self._reading.value() or LedgerReading(False, None)
        figures = reading.figures
        yield gauge("ledger_up", "1 where the database answered in time", float(figures is not None))
        if self._scope.embedded:
            words = "1 where the embedded PostgreSQL takes connections"
            yield gauge("embedded_database_up", words, float(reading.connected))
        if figures is not None:
            yield from self._studies(figures)
            yield from self._jobs(figures)
            yield from _deliveries(figures, self._scope.destinations)
            yield from _listeners(figures)
            yield from _disks(figures)
            yield gauge("audit_unsealed", "Entries of the audit log that wait for their seal", figures.audit_unsealed)
            words = "Sealed entries of the audit log that a server of audit messages does not have yet"
            yield gauges("audit_wire_pending", words, "wire", _floats(figures.audit_pending))

    def database_check(self) -> ReadyCheck:
        """Return the check that the database answers."""
        return ReadyCheck("database", self._look_at_database)

    def workers_check(self) -> ReadyCheck:
        """Return the check that each queue has a living worker."""
        return ReadyCheck("workers", self._look_at_workers)

    def _look_at_database(self) -> str:
        reading = self._reading.value()
        if reading is None or not reading.connected:
            raise NotReady("the database does not answer")
        if reading.figures is None:
            raise NotReady("the database takes connections and does not answer in time")
        return "the database answers"

    def _look_at_workers(self) -> str:
        reading = self._reading.value()
        if reading is None or reading.figures is None:
            raise NotReady("not known: the database does not answer")
        alive = reading.figures.workers
        without = [queue for queue in self._scope.queues if not alive.get(queue)]
        if without:
            raise NotReady(f"no worker of {', '.join(without)} told within {self._scope.stalled_s:g} s that it lives")
        return ", ".join(f"{queue}: {alive[queue]}" for queue in self._scope.queues)

    def _read(self) -> LedgerReading:
        url = self._url()
        if url is None:
            return LedgerReading(False, None)
        connected = False
        try:
            with psycopg.connect(
                conninfo_of(url),
                connect_timeout=2,
                autocommit=True,
                options=_OPTIONS,
                application_name="trabecula-metrics",
            ) as connection:
                connected = True
                return LedgerReading(True, read_figures(connection, self._scope.stalled_s))
        except psycopg.Error:
            return LedgerReading(connected, None)

    def _studies(self, figures: LedgerFigures) -> Iterable[GaugeMetricFamily]:
        states = {str(state): float(figures.studies.get(state, 0)) for state in StudyState}
        yield gauges("studies", "Studies by state", "state", states)
        yield gauges(
            "studies_failed",
            "Studies in the state FAILED by the code of their failure",
            "code",
            _floats(figures.failures),
        )
        yield gauges(
            "last_image_timestamp_seconds",
            "When the last new image came from each calling AE title",
            "calling_ae_title",
            figures.last_images,
        )
        yield gauge("quarantined_instances", "Instances held in quarantine", figures.quarantined)

    def _jobs(self, figures: LedgerFigures) -> Iterable[GaugeMetricFamily]:
        queues = dict.fromkeys((*self._scope.queues, *figures.waiting))
        waiting = {queue: figures.waiting.get(queue) for queue in queues}
        counts = {queue: float(found.count if found else 0) for queue, found in waiting.items()}
        ages = {queue: found.oldest_s if found else 0.0 for queue, found in waiting.items()}
        yield gauges("jobs_waiting", "Jobs that could run now and wait", "queue", counts)
        yield gauges("jobs_oldest_waiting_seconds", "How long the oldest of them has waited", "queue", ages)
        running = {queue: float(figures.running.get(queue, 0)) for queue in queues}
        yield gauges("jobs_running", "Jobs that run", "queue", running)
        workers = {queue: float(figures.workers.get(queue, 0)) for queue in queues}
        yield gauges("workers", "Workers that told lately that they live", "queue", workers)


def _deliveries(figures: LedgerFigures, destinations: tuple[str, ...]) -> Iterable[GaugeMetricFamily]:
    names = dict.fromkeys((*destinations, *figures.pending))
    pending = {name: figures.pending.get(name) for name in names}

    def values(of: str) -> dict[str, float]:
        return {name: float(getattr(found, of)) if found else 0.0 for name, found in pending.items()}

    yield gauges("deliveries_pending", "Objects that a destination does not have yet", "destination", values("objects"))
    yield gauges("deliveries_tried", "Those of them that were tried and not taken", "destination", values("tried"))
    yield gauges("deliveries_oldest_seconds", "Age of the oldest pending object", "destination", values("oldest_s"))
    yield gauges(
        "deliveries_oldest_tried_seconds",
        "Age of the oldest pending object that was tried and not taken",
        "destination",
        values("oldest_tried_s"),
    )


def _listeners(figures: LedgerFigures) -> Iterable[GaugeMetricFamily]:
    found = figures.listeners
    words = "By how much the rows of a listener with a journal are behind what it took"
    behind = {name: item.behind_s for name, item in found.items()}
    yield gauges("listener_rows_behind_seconds", words, "listener", behind)
    words = "How long ago a listener with a journal was heard"
    yield gauges("listener_silent_seconds", words, "listener", {name: item.told_s for name, item in found.items()})


def _disks(figures: LedgerFigures) -> Iterable[GaugeMetricFamily]:
    labels = ("host", "folder")
    free = GaugeMetricFamily(f"{PREFIX}host_disk_free_bytes", "Free space on each host, as it told", labels=labels)
    watermark = GaugeMetricFamily(
        f"{PREFIX}host_disk_watermark_bytes", "Below this free space the host refuses new images", labels=labels
    )
    for disk in figures.disks:
        free.add_metric((disk.host, disk.folder), disk.free_bytes)
        watermark.add_metric((disk.host, disk.folder), disk.watermark_bytes)
    yield from (free, watermark)


def _floats(counts: Mapping[str, int]) -> dict[str, float]:
    return {name: float(count) for name, count in counts.items()}
