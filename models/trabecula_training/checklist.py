"""Reporting checklists (TRIPOD+AI, CLEAR, METRICS) filled where the program can know the answer.

The items stand in data/checklists.toml in our own words, by theme. What the program cannot know is left to people and
says so.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any


class Answer(StrEnum):
    """What the program can say of an item."""

    YES = "yes"
    NO = "no"
    PEOPLE = "to be answered by people"


@dataclass(frozen=True)
class ChecklistItem:
    """One item as filled: the list it belongs to, its theme, what it asks, the answer and where it shows."""

    checklist: str
    theme: str
    asks: str
    answer: Answer
    where: str


Facts = Mapping[str, bool]
"""Fact name (as in data/checklists.toml) -> whether it holds for this run."""


@cache
def _items() -> tuple[dict[str, Any], ...]:
    text = (resources.files("trabecula_training.data") / "checklists.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)["item"])


def checklist_source(name: str) -> str:
    """Return where a checklist was published."""
    text = (resources.files("trabecula_training.data") / "checklists.toml").read_text("utf-8")
    return str(tomllib.loads(text)["source"][name])


def run_facts(document: Mapping[str, Any]) -> Facts:
    """Return what the program knows of a run from its metrics.json."""
    tasks = document["tasks"]
    sound = document["mode"] == "sound"

    def anywhere(key: str) -> bool:
        return any(task[key] for task in tasks)

    return {
        "always": True,
        "sound": sound,
        "external": anywhere("external"),
        "sites": anywhere("sites"),
        "several_sites": anywhere("sites") or anywhere("external"),
        "subgroups": anywhere("subgroups"),
        "baselines": anywhere("comparisons"),
        "stability_filter": any(task["features_dropped"] > 0 for task in tasks),
        "feature_settings": bool(document["features"]["settings_sha256"]),
        "large_enough": all(not task["sample_size"]["shortfalls"] for task in tasks),
    }


def filled(facts: Facts) -> tuple[ChecklistItem, ...]:
    """Return every item with its answer."""
    made: list[ChecklistItem] = []
    for item in _items():
        fact = item.get("fact", "")
        answer = Answer.PEOPLE if not fact else (Answer.YES if facts[fact] else Answer.NO)
        made.append(ChecklistItem(item["list"], item["theme"], item["asks"], answer, item.get("where", "")))
    return tuple(made)
