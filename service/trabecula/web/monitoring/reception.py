"""Metrics of a listener: what it took and refused, its associations, journal and certificate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trabecula.intake.journal.folder import JournalFolder
from trabecula.intake.listener import Listener
from trabecula.web.monitoring.families import counter, gauge


@dataclass(frozen=True, kw_only=True)
class ReceptionCollector(Collector):
    """Reads a listener and, where it keeps one, its journal.

    ``certificate_ends`` gives the Unix time at which the certificate ends, None without one.
    """

    listener: Listener
    journal: JournalFolder | None
    journal_limit_bytes: int
    certificate_ends: Callable[[], float | None]

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return what the listener counts now."""
        yield gauge("listener_up", "1 where the listener takes new connections", float(self.listener.is_accepting))
        yield gauge("associations_open", "Connections that are open now", self.listener.open_associations)
        yield from self._counted()
        if self.journal is not None:
            yield gauge(
                "journal_bytes", "Room that the listener's journal takes on its disk", self.journal.used_bytes()
            )
            yield gauge("journal_limit_bytes", "Beyond this nothing more is taken", self.journal_limit_bytes)
            yield gauge(
                "journal_oldest_seconds",
                "Age of the oldest ended part of the journal whose rows are not written",
                self.journal.oldest_waiting_s(),
            )
        ends = self.certificate_ends()
        if ends is not None:
            yield gauge("certificate_not_after_timestamp_seconds", "When the listener's certificate ends", ends)

    def _counted(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        totals = self.listener.counts.totals()
        yield counter(
            "instances_received",
            "C-STORE requests answered with success, repetitions and what was dropped included",
            "calling_ae_title",
            totals.received,
        )
        yield counter("instances_refused", "C-STORE requests answered with a failure", "cause", totals.refused)
        yield counter("associations_rejected", "Association requests rejected", "cause", totals.rejected)
        accepted = CounterMetricFamily("trabecula_associations_accepted", "Association requests accepted")
        accepted.add_metric((), totals.accepted)
        yield accepted
