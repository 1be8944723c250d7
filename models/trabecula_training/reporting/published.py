"""What the studies printed: data/published.toml as typed rows, to stand beside our own results."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from trabecula_training.data import data_file
from trabecula_training.learning.recipe import StudyPart


@dataclass(frozen=True, kw_only=True)
class PublishedResult:
    """One printed result of a study; ``part`` says on which patients, in the study's words (test, validation ...)."""

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

    @property
    def kind(self) -> StudyPart:
        """Which of our parts stands beside it."""
        return {"training": StudyPart.TRAINING, "external": StudyPart.EXTERNAL}.get(self.part, StudyPart.INTERNAL)


@cache
def published_results() -> tuple[PublishedResult, ...]:
    """Return every printed result, in the order of the file."""
    return tuple(
        PublishedResult(
            recipe=row["recipe"],
            input=row["input"],
            task=row["task"],
            model=row["model"],
            part=row["set"],
            auc=float(row["auc"]),
            low=row.get("low"),
            high=row.get("high"),
            sensitivity=row.get("sensitivity"),
            specificity=row.get("specificity"),
            source=row["source"],
        )
        for row in data_file("published.toml")["result"]
    )


def published_for(recipe: str) -> tuple[PublishedResult, ...]:
    """Return what a recipe's study printed."""
    return tuple(row for row in published_results() if row.recipe == recipe)
