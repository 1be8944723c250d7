"""Metrics of the disks: what is free, and below what nothing more is taken."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from trabecula.web.monitoring.families import gauge, gauges
from trabecula.web.monitoring.readiness import NotReady, ReadyCheck
from trabecula.web.monitoring.refreshed import Refreshed

_KEEP_SECONDS = 2.0
_PATIENCE_SECONDS = 1.0


class Disks(Collector):
    """Free space of folders by name; a mount that hangs holds nobody up."""

    def __init__(self, folders: Mapping[str, Path], watermark_bytes: int) -> None:
        """Folders need not be there yet: what holds them is looked at."""
        self._folders = dict(folders)
        self._watermark_bytes = watermark_bytes
        self._free = Refreshed(self._read, keep_s=_KEEP_SECONDS, patience_s=_PATIENCE_SECONDS)

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return free bytes of each disk that answers, and the watermark."""
        yield gauges("disk_free_bytes", "Free space where the folder lies", "folder", self._free.value() or {})
        yield gauge("disk_watermark_bytes", "Below this free space new images are refused", self._watermark_bytes)

    def check(self) -> ReadyCheck:
        """Return the check that every disk answers and is above the watermark."""
        return ReadyCheck("disk", self._look)

    def _look(self) -> str:
        free = self._free.value() or {}
        for name, folder in self._folders.items():
            if name not in free:
                raise NotReady(f"the disk of {folder} does not answer")
            if free[name] < self._watermark_bytes:
                raise NotReady(
                    f"{free[name] / 2**30:.1f} GiB are free in {folder}, below the watermark of "
                    f"{self._watermark_bytes / 2**30:g} GiB"
                )
        return ", ".join(f"{free[name] / 2**30:.1f} GiB free in {folder}" for name, folder in self._folders.items())

    def _read(self) -> Mapping[str, float]:
        free = {}
        for name, folder in self._folders.items():
            there = next((place for place in (folder, *folder.parents) if place.exists()), None)
            if there is not None:
                found = os.statvfs(there)
                free[name] = float(found.f_bavail * found.f_frsize)
        return free
