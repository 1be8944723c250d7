"""Metrics of a worker: how long analyses and whole studies took, and which runs failed."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from trabecula.domain.results.result import Category
from trabecula.domain.study.jobs import Stage

_ANALYSIS_SECONDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900)
_TURNAROUND_SECONDS = (30, 60, 90, 120, 180, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400)


class PrometheusObserver:
    """Implements domain.ports.StageObserver."""

    def __init__(self, registry: CollectorRegistry) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._analysis = Histogram(
            "trabecula_analysis_seconds",
            "How long analyses took, by the category of their answer",
            labelnames=("category",),
            buckets=_ANALYSIS_SECONDS,
            registry=registry,
        )
        self._turnaround = Histogram(
            "trabecula_turnaround_seconds",
            "From the last image of a study to done; one that is sent or made anew counts again",
            buckets=_TURNAROUND_SECONDS,
            registry=registry,
        )
        self._failures = Counter(
            "trabecula_run_failures",
            "Runs of a stage that ended with an error, tried again or not",
            labelnames=("stage", "code"),
            registry=registry,
        )

    def analysed(self, category: Category, seconds: float) -> None:
        """Count an analysis."""
        self._analysis.labels(str(category)).observe(seconds)

    def done(self, seconds: float) -> None:
        """Count a study that is done."""
        self._turnaround.observe(seconds)

    def run_failed(self, stage: Stage, code: str) -> None:
        """Count a failed run."""
        self._failures.labels(str(stage), code).inc()
