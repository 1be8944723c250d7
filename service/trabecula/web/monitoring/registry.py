"""The registry of a process: what it is, what it uses of the machine, and what its collectors read."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, disable_created_metrics
from prometheus_client.registry import Collector

from trabecula.version import __version__


def registry_of(collectors: Sequence[Collector] = ()) -> CollectorRegistry:
    """Return a registry with these collectors, ``trabecula_build_info`` and the standard figures of a process."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    build = Gauge("trabecula_build_info", "1; what runs", ("version", "python"), registry=registry)
    build.labels(__version__, platform.python_version()).set(1)
    ProcessCollector(registry=registry)
    for collector in collectors:
        registry.register(collector)
    return registry
