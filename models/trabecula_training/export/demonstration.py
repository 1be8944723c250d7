"""Demonstration bundles: which phantom cohort, recipe and export each is made of, from data/demonstrations.toml."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from trabecula.domain.modality import Modality
from trabecula_training.cohort.phantoms import CohortPlan, ReferenceChoice, scanners
from trabecula_training.data import data_file
from trabecula_training.errors import ExportRefused, RecipeUnknown
from trabecula_training.export.bundle import ExportRequest
from trabecula_training.export.manifest import BundleText

POPULATION = "digital phantoms, made by this program; no person"


@dataclass(frozen=True, kw_only=True)
class Demonstration:
    """How demonstration bundles are made, one for each of ``inputs``; ``classifiers`` are (task, classifier) as export
    takes them."""

    recipe: str
    cohort: CohortPlan
    perturbed_patients: int
    inputs: tuple[str, ...]
    classifiers: tuple[tuple[str, str], ...]
    version: str
    title: str
    repeats: int = 1

    def model_id(self, input_name: str) -> str:
        """Name and folder of the bundle of one input; its name stands in it where there are several."""
        which = f"-{input_name.lower()}" if len(self.inputs) > 1 else ""
        return f"{self.recipe.replace('_', '-')}{which}-demo-{self.version}"

    def of(self, patients: int | None) -> Demonstration:
        """Return the same with another number of patients; None changes nothing."""
        return self if patients is None else replace(self, cohort=replace(self.cohort, patients=patients))

    def requests(self, run: Path, bundles: Path) -> tuple[ExportRequest, ...]:
        """Return what to export of a finished run. A phantom cohort need not pass the sample-size guard; the bundle
        says that it did not."""
        return tuple(
            ExportRequest(
                run=run,
                bundles=bundles,
                input=name,
                classifiers=self.classifiers,
                text=self._text(name),
                despite_size=True,
                despite_verdict=True,
            )
            for name in self.inputs
        )

    def _text(self, input_name: str) -> BundleText:
        title = self.title.format(input=input_name)
        return BundleText(
            model_id=self.model_id(input_name),
            version=self.version,
            title=title,
            demonstration=True,
            population=POPULATION,
        )

    def refuse_existing(self, bundles: Path) -> None:
        """Raise ExportRefused, before any work, where a bundle is there already."""
        for place in (bundles / self.model_id(name) for name in self.inputs):
            if place.exists():
                raise ExportRefused(f"{place} exists already; remove it or give another --bundles")


def demonstration_names() -> tuple[str, ...]:
    """Return the recipes that have one."""
    return tuple(name for name, row in data_file("demonstrations.toml").items() if isinstance(row, dict))


def demonstration(recipe: str) -> Demonstration:
    """Return the demonstration of a recipe, its patients spread over all scanners. Raises RecipeUnknown."""
    if recipe not in demonstration_names():
        raise RecipeUnknown(f"{recipe} has no demonstration; {', '.join(demonstration_names())} have")
    row = data_file("demonstrations.toml")[recipe]
    modality = Modality(row["modality"])
    plan = CohortPlan(
        patients=int(row["patients"]),
        modality=modality,
        seed=int(row["seed"]),
        reference=ReferenceChoice(row["reference"]),
        sites=len(scanners(modality)),
    )
    return Demonstration(
        recipe=recipe,
        cohort=plan,
        perturbed_patients=int(row["perturbed_patients"]),
        inputs=tuple(str(name) for name in row["inputs"]),
        classifiers=tuple((str(task), str(name)) for task, name in row["classifiers"]),
        version=str(row["version"]),
        title=str(row["title"]),
        repeats=int(row["repeats"]),
    )
