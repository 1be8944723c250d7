"""What the studies printed: data/published.toml as typed rows, to stand beside our own results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from trabecula_training.data import data_file
from trabecula_training.learning.recipe import StudyPart

RATES = ("sensitivity", "specificity", "accuracy", "precision", "f1")
"""Printed rates, in the order of the table."""


@dataclass(frozen=True, kw_only=True)
class PublishedResult:
    """One printed result of a study; ``part`` says on which patients, in the study's words (test, validation ...).

    Numbers are text with the study's own decimals, empty where it prints none; ``rates`` holds those of ``RATES``.
    ``confusion`` is TN, FP, FN, TP. ``computed`` names the rates that its matrix gives and the study does not print;
    ``note`` says where text and table disagree.
    """

    recipe: str
    input: str
    task: str
    model: str
    part: str
    auc: str
    low: str
    high: str
    cutoff: str
    rates: Mapping[str, str]
    confusion: tuple[int, ...]
    hosmer_lemeshow_p: str
    features: str
    computed: tuple[str, ...]
    note: str
    source: str

    @property
    def kind(self) -> StudyPart:
        """Which of our parts stands beside it."""
        return {"training": StudyPart.TRAINING, "external": StudyPart.EXTERNAL}.get(self.part, StudyPart.INTERNAL)


@cache
def published_results() -> tuple[PublishedResult, ...]:
    """Return every printed result, in the order of the file."""
    return tuple(_result(row) for row in data_file("published.toml")["result"])


def _result(row: Mapping[str, Any]) -> PublishedResult:
    return PublishedResult(
        recipe=row["recipe"],
        input=row["input"],
        task=row["task"],
        model=row["model"],
        part=row["set"],
        auc=row["auc"],
        low=row.get("low", ""),
        high=row.get("high", ""),
        cutoff=row.get("cutoff", ""),
        rates={name: row.get(name, "") for name in RATES},
        confusion=tuple(row.get("confusion", ())),
        hosmer_lemeshow_p=row.get("hosmer_lemeshow_p", ""),
        features=row.get("features", ""),
        computed=tuple(row.get("computed", ())),
        note=row.get("note", ""),
        source=row["source"],
    )


def published_for(recipe: str) -> tuple[PublishedResult, ...]:
    """Return what a recipe's study printed."""
    return tuple(row for row in published_results() if row.recipe == recipe)
