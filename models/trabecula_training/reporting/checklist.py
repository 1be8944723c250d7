"""Reporting checklists (TRIPOD+AI, CLEAR, METRICS) item by item, filled where the program can know the answer.

The items stand in data/checklists.toml in our own words. What the program cannot know is left to people and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from trabecula_training.data import data_file
from trabecula_training.reporting.facts import LIST, Answers, answers_by_item


class Status(StrEnum):
    """What the program can say of an item."""

    FILLED = "filled"
    PART = "in part"
    """The program gives a part; people must add the rest."""
    NO = "no"
    """The program knows that it does not hold for this run."""
    STATED = "stated by people"
    """Answered in facts.toml: the answer is theirs, no finding of the program."""
    UNKNOWN = "not known to the program"
    NOT_APPLICABLE = "does not apply"


@dataclass(frozen=True, kw_only=True)
class ChecklistItem:
    """One item as filled: its number, what it asks for, the status, the evidence, and its weight (METRICS; else 0)."""

    number: str
    asks: str
    status: Status
    evidence: str
    weight: float


@dataclass(frozen=True)
class Checklist:
    """One list as filled, with where it was published and what must be known of our copy."""

    name: str
    source: str
    note: str
    items: tuple[ChecklistItem, ...]

    def count(self, status: Status) -> int:
        """Return how many items have a status."""
        return sum(item.status is status for item in self.items)


@dataclass(frozen=True)
class MetricsScore:
    """The METRICS score in per cent of the weights that apply: what is sure, and what it would be at best.

    ``sure`` counts filled items alone; ``at_most`` adds those that people must answer or complete.
    """

    sure: float
    at_most: float


Facts = Mapping[str, bool | None]
"""Fact name (as in data/checklists.toml) -> whether it holds for this run; None where the run cannot tell."""


def run_facts(document: Mapping[str, Any]) -> Facts:
    """Return what the program knows of a run from its metrics.json."""
    tasks = document["tasks"]
    features = document["features"]
    sound = document["mode"] == "sound"
    sites = document["cohort"].get("sites", {})
    handcrafted = features["kind"] == "radiomics"

    def anywhere(key: str) -> bool:
        return any(task[key] for task in tasks)

    return {
        "always": True,
        "sound": sound,
        "updating": False,
        "handcrafted": handcrafted,
        "end_to_end": not handcrafted,
        "external": anywhere("external"),
        "sites": anywhere("sites"),
        "sites_named": bool(sites) or None,
        "several_sites": len(sites) > 1 if sites else None,
        "subgroups": anywhere("subgroups"),
        "baselines": anywhere("comparisons"),
        "stability_measured": bool(features.get("stability")),
        "feature_settings": bool(features["settings_sha256"]),
        "acquisition": bool(features.get("acquisition")),
        "every_input": not document["settings"].get("inputs"),
        "large_enough": all(not task["sample_size"]["shortfalls"] for task in tasks),
    }


def filled(facts: Facts, answers: Answers = MappingProxyType({})) -> tuple[Checklist, ...]:
    """Return every list with every item answered; ``answers`` are people's, from facts.toml. Raises KeyError for a fact
    that an item names and ``facts`` lacks."""
    stated = {LIST: answers_by_item(answers)}
    return tuple(
        Checklist(
            name,
            content["source"],
            content["note"],
            tuple(_item(entry, facts, stated.get(name, {})) for entry in content["items"]),
        )
        for name, content in data_file("checklists.toml").items()
    )


def _item(entry: Mapping[str, Any], facts: Facts, stated: Mapping[str, str]) -> ChecklistItem:
    status = _status(entry, facts)
    evidence = entry.get("where", "") if status in (Status.FILLED, Status.PART) else ""
    if status is Status.UNKNOWN and entry["no"] in stated:
        status, evidence = Status.STATED, f"As stated by the authors: {stated[entry['no']]}"
    return ChecklistItem(
        number=entry["no"], asks=entry["asks"], status=status, evidence=evidence, weight=float(entry.get("weight", 0.0))
    )


def _status(entry: Mapping[str, Any], facts: Facts) -> Status:
    if "applies" in entry and not facts[entry["applies"]]:
        return Status.NOT_APPLICABLE
    known = facts[entry["fact"]] if "fact" in entry else None
    if known is None:
        return Status.UNKNOWN
    if not known:
        return Status.NO
    return Status.PART if entry.get("partly") else Status.FILLED


def metrics_score(items: Sequence[ChecklistItem]) -> MetricsScore:
    """Return the METRICS score of filled items (Kocak 2024: weights of what is fulfilled over weights that apply)."""
    applying = sum(item.weight for item in items if item.status is not Status.NOT_APPLICABLE)
    sure = sum(item.weight for item in items if item.status is Status.FILLED)
    open_ = sum(item.weight for item in items if item.status in (Status.PART, Status.UNKNOWN))
    return MetricsScore(100 * sure / applying, 100 * (sure + open_) / applying)
