"""Reading what a collector, or a whole process, exposes."""

from __future__ import annotations

import urllib.error
import urllib.request

from prometheus_client import generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


def families(text: str) -> dict[str, Metric]:
    """Every family of an exposition by its name, counters with their ``_total``."""
    found = text_string_to_metric_families(text)
    return {f"{item.name}_total" if item.type == "counter" else item.name: item for item in found}


def names(text: str) -> set[str]:
    return {name for name in families(text) if name.startswith("trabecula_")}


def exposed(collector: Collector) -> str:
    return generate_latest(collector).decode()


def value(text: str, name: str, **labels: str) -> float | None:
    """The value of the one sample with these labels, whatever else it carries; None where there is none."""
    found = [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    ]
    assert len(found) < 2, f"{name} {labels} is not one sample"
    return found[0] if found else None


def fetch(url: str, token: str = "", method: str = "GET") -> tuple[int, str]:
    """Status and body of an HTTP request."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers, method=method), timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()
