"""Demonstration bundles: which phantom cohort, recipe and export each is made of, from data/demonstrations.toml."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from trabecula.domain.volume import Modality
from trabecula_training.errors import ExportRefused, RecipeUnknown
from trabecula_training.export import ExportRequest
from trabecula_training.manifest import BundleText
from trabecula_training.phantom_cohort import CohortPlan, ReferenceChoice, scanners

POPULATION = "digital phantoms, made by this program; no person"


@dataclass(frozen=True)
class Demonstration:
    """How one demonstration bundle is made; ``classifiers`` are (task, classifier) as export takes them."""

    recipe: str
    cohort: CohortPlan
    perturbed_patients: int
    input: str
    classifiers: tuple[tuple[str, str], ...]
    version: str
    title: str

    @property
    def model_id(self) -> str:
        """Name and folder of the bundle."""
        return f"{self.recipe.replace('_', '-')}-demo-{self.version}"

    def of(self, patients: int | None) -> Demonstration:
        """Return the same with another number of patients; None changes nothing."""
        return self if patients is None else replace(self, cohort=replace(self.cohort, patients=patients))

    def request(self, run: Path, bundles: Path) -> ExportRequest:
        """Return what to export of a finished run. A phantom cohort need not pass the sample-size guard; the bundle
        says that it did not."""
        text = BundleText(self.model_id, self.version, self.title, True, POPULATION)
        return ExportRequest(run, bundles, self.input, self.classifiers, text, despite_size=True)

    def refuse_existing(self, bundles: Path) -> None:
        """Raise ExportRefused, before any work, where the bundle is there already."""
        if (bundles / self.model_id).exists():
            raise ExportRefused(f"{bundles / self.model_id} exists already; remove it or give another --bundles")


@cache
def _document() -> dict[str, Any]:
    return tomllib.loads(files("trabecula_training.data").joinpath("demonstrations.toml").read_text("utf-8"))


def demonstration_names() -> tuple[str, ...]:
    """Return the recipes that have one."""
    return tuple(name for name, row in _document().items() if isinstance(row, dict))


def demonstration(recipe: str) -> Demonstration:
    """Return the demonstration of a recipe, its patients spread over all scanners. Raises RecipeUnknown."""
    if recipe not in demonstration_names():
        raise RecipeUnknown(f"{recipe} has no demonstration; {', '.join(demonstration_names())} have")
    row = _document()[recipe]
    modality = Modality(row["modality"])
    plan = CohortPlan(
        int(row["patients"]),
        modality,
        int(row["seed"]),
        reference=ReferenceChoice(row["reference"]),
        sites=len(scanners(modality)),
    )
    return Demonstration(
        recipe,
        plan,
        int(row["perturbed_patients"]),
        str(row["input"]),
        tuple((str(task), str(name)) for task, name in row["classifiers"]),
        str(row["version"]),
        str(row["title"]),
    )
