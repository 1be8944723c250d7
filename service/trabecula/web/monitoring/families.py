"""Metrics with the prefix of this program, from plain figures."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

PREFIX = "trabecula_"


def gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    """Return a gauge of one value."""
    return GaugeMetricFamily(PREFIX + name, words, value=value)


def gauges(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    """Return a gauge with a value for each name of one label."""
    family = GaugeMetricFamily(PREFIX + name, words, labels=(label,))
    for of, value in values.items():
        family.add_metric((of,), value)
    return family


def counter(name: str, words: str, label: str, values: Mapping[str, float]) -> CounterMetricFamily:
    """Return a counter (``_total`` is added) with a value for each name of one label."""
    family = CounterMetricFamily(PREFIX + name, words, labels=(label,))
    for of, value in values.items():
        family.add_metric((of,), value)
    return family
