"""The metrics of a process and of the parts it keeps, as one: every sample says of which part it is."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from trabecula.web.http.client import get
from trabecula.web.monitoring.endpoints import METRICS, READY
from trabecula.web.monitoring.families import gauges
from trabecula.web.monitoring.readiness import NotReady, ReadyCheck

_ANSWER_SECONDS = 5.0
"""More than a part waits for its own figures."""


class MergedParts(Collector):
    """Collects from this process and, over their sockets, from its parts; one that does not answer is told as down."""

    def __init__(self, own_part: str, own: Collector, parts: Mapping[str, Path]) -> None:
        self._own_part = own_part
        self._own = own
        self._parts = dict(parts)

    def describe(self) -> Iterable[Metric]:
        """Name nothing beforehand."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Return every family once, with the samples of all parts under the label ``part``."""
        found = self._ask_parts()
        merged: dict[str, Metric] = {}
        for part, families in ((self._own_part, list(self._own.collect())), *found.items()):
            for family in families or ():
                into = merged.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                into.samples += [_of_part(sample, part) for sample in family.samples]
        yield from merged.values()
        if self._parts:
            up = {name: float(families is not None) for name, families in found.items()}
            yield gauges("part_up", "1 where a part of the service answers", "part", up)

    def checks(self) -> Sequence[ReadyCheck]:
        """Return a check for each part: that it answers, and is ready itself."""
        return [ReadyCheck(name, lambda path=path: _look_at(path)) for name, path in self._parts.items()]  # type: ignore[misc]

    def _ask_parts(self) -> dict[str, list[Metric] | None]:
        if not self._parts:
            return {}
        with ThreadPoolExecutor(len(self._parts), "ask-part") as pool:
            return dict(zip(self._parts, pool.map(_metrics_of, self._parts.values()), strict=True))


def _metrics_of(path: Path) -> list[Metric] | None:
    try:
        status, body = get(path, METRICS, _ANSWER_SECONDS)
        return list(text_string_to_metric_families(body.decode())) if status == HTTPStatus.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None


def _of_part(sample: Sample, part: str) -> Sample:
    return sample._replace(labels=sample.labels | {"part": part})


def _look_at(path: Path) -> str:
    try:
        status, body = get(path, READY, _ANSWER_SECONDS)
        found = json.loads(body)["checks"]
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        raise NotReady("it does not run, or does not answer") from error
    details = "; ".join(item["detail"] for item in found if item["ok"] is (status == HTTPStatus.OK))
    if status != HTTPStatus.OK:
        raise NotReady(details)
    return details
