"""What the studies printed: data/published.toml as typed rows, to stand beside our own results."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True)
class PublishedResult:
    """One printed result of a study; ``part`` says on which patients (test, validation, external ...)."""

    recipe: str
    input: str
    task: str
    model: str
    part: str
    auc: float
    low: float | None
    high: float | None
    sensitivity: float | None
    specificity: float | None
    source: str


@cache
def published_results() -> tuple[PublishedResult, ...]:
    """Return every printed result, in the order of the file."""
    text = (resources.files("trabecula_training.data") / "published.toml").read_text("utf-8")
    return tuple(
        PublishedResult(
            row["recipe"],
            row["input"],
            row["task"],
            row["model"],
            row["set"],
            float(row["auc"]),
            row.get("low"),
            row.get("high"),
            row.get("sensitivity"),
            row.get("specificity"),
            row["source"],
        )
        for row in tomllib.loads(text)["result"]
    )


def published_for(recipe: str) -> tuple[PublishedResult, ...]:
    """Return what a recipe's study printed."""
    return tuple(row for row in published_results() if row.recipe == recipe)
