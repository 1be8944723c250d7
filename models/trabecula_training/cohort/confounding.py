"""Whether the class goes together with the scanner or the site: then a model may have learned the machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trabecula_training.cohort.labels import reference_limits
from trabecula_training.cohort.table import Patient
from trabecula_training.problems import Problem
from trabecula_training.statistics.association import cramers_v


@dataclass(frozen=True, kw_only=True)
class BatchCounts:
    """Patients of one scanner (site), and how many of them are positive."""

    name: str
    patients: int
    positive: int

    @property
    def one_class(self) -> bool:
        """Whether all of them are of one class, and they are enough to be told."""
        fewest = int(reference_limits()["patients_of_one_class_at_least"]["value"])
        return self.patients >= fewest and self.positive in (0, self.patients)


@dataclass(frozen=True, kw_only=True)
class Confounding:
    """Class against scanner or site: Cramer's V (None where there is one scanner, or one class), and the counts."""

    of: str
    cramers_v: float | None
    batches: tuple[BatchCounts, ...]

    @property
    def one_class(self) -> tuple[str, ...]:
        """The scanners (sites) whose patients are all of one class."""
        return tuple(batch.name for batch in self.batches if batch.one_class)

    @property
    def strong(self) -> bool:
        """Whether it is strong enough to be told."""
        limit = float(reference_limits()["cramers_v_confounded_at_least"]["value"])
        return bool(self.one_class) or (self.cramers_v is not None and self.cramers_v >= limit)

    @property
    def sentence(self) -> str:
        """What is the matter, in words."""
        told = []
        if self.one_class:
            told.append(f"patients of one class only at {self.of} {', '.join(self.one_class)}")
        if self.cramers_v is not None:
            told.append(f"Cramér's V of class and {self.of} {self.cramers_v:.2f}")
        return "; ".join(told)


def confounding(patients: Sequence[Patient], labels: Sequence[int]) -> tuple[Confounding, ...]:
    """Return class against scanner and against site, for each of them that is named; several scanners only."""
    found: list[Confounding] = []
    for of in ("scanner", "site"):
        named = [(getattr(patient, of), label) for patient, label in zip(patients, labels, strict=True)]
        pairs = [(name, label) for name, label in named if name]
        names = sorted({name for name, _ in pairs})
        if len(names) < 2:
            continue
        counts = tuple(
            BatchCounts(
                name=name,
                patients=sum(other == name for other, _ in pairs),
                positive=sum(label for other, label in pairs if other == name),
            )
            for name in names
        )
        value = cramers_v([name for name, _ in pairs], [label for _, label in pairs])
        found.append(Confounding(of=of, cramers_v=None if value != value else value, batches=counts))
    return tuple(found)


def confounding_remarks(name: str, found: Sequence[Confounding]) -> list[Problem]:
    """Return a remark for each strong confounding of a question."""
    remedy = "A model may learn the machine: add patients of the other class there, or leave that scanner out."
    return [
        Problem(line=0, column=name, found=item.sentence, remedy=remedy, blocking=False)
        for item in found
        if item.strong
    ]
