"""What a recipe on images is: a published study as data, which becomes a plain recipe once the crops are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula_training.cnn.crop_bank import CropBank
from trabecula_training.cnn.estimator import as_they_are, family
from trabecula_training.cnn.networks import Network
from trabecula_training.cnn.paper import by_image
from trabecula_training.cnn.training import TrainingPlan
from trabecula_training.cohort.labels import Task
from trabecula_training.errors import RecipeUnknown
from trabecula_training.learning.classifiers import Family
from trabecula_training.learning.recipe import InputSet, PaperCohort, PaperOutcome, Recipe
from trabecula_training.runs.run import Mode

INNER_FOLDS = 3
"""Inner folds of a network: they only calibrate and set thresholds, since nothing is tuned; each is a training."""


@dataclass(frozen=True, kw_only=True)
class ImageRecipe:
    """A published study of images, ready to train on any cohort.

    ``plans`` are its networks, the headline's first; ``small`` is the one that a processor trains quickly. ``crops``
    names the crop definition. ``assumptions`` and ``faults`` as in a recipe.
    """

    name: str
    title: str
    source: str
    inputs: tuple[InputSet, ...]
    tasks: tuple[Task, ...]
    plans: tuple[TrainingPlan, ...]
    small: Network
    crops: str
    headline: tuple[str, str, str]
    assumptions: tuple[str, ...]
    faults: tuple[str, ...]
    paper_words: str
    paper_crops: str = ""
    """The crop definition of paper mode, where the study's own differs from ``crops``."""

    def definition(self, mode: Mode, chosen: str = "") -> str:
        """Return the crop definition of a run: the one that was chosen, else the mode's."""
        return chosen or (self.paper_crops if mode is Mode.PAPER else "") or self.crops

    def plan(self, name: str) -> TrainingPlan:
        """Return how the network of that name is trained. Raises RecipeUnknown."""
        found = next((plan for plan in self.plans if plan.network == name), None)
        if found is None:
            names = ", ".join(plan.network for plan in self.plans)
            raise RecipeUnknown(f"{self.name} has no network {name}, only {names}")
        return found

    def with_weights(self, names: Sequence[str], weights: Path | None) -> ImageRecipe:
        """Return the recipe with only these networks (all where none is named), starting from a file of weights."""
        plans = tuple(self.plan(name) for name in names) or self.plans
        return replace(self, plans=tuple(replace(plan, weights=weights) for plan in plans))

    def on(self, bank: CropBank) -> Recipe:
        """Return the recipe over these crops, for the machinery that all recipes share."""
        return Recipe(
            name=self.name,
            title=self.title,
            source=self.source,
            inputs=self.inputs,
            aggregation=LevelAggregation.MEAN,
            tasks=self.tasks,
            families=tuple(family(plan, bank) for plan in self.plans),
            feature_set=self.crops,
            prepare=as_they_are,
            paper=partial(_paper, self.plans, bank),
            headline=self.headline,
            assumptions=self.assumptions,
            faults=self.faults,
            paper_words=self.paper_words,
            inner_folds=INNER_FOLDS,
            made_of=repr(self.plans),
        )


def _paper(
    plans: Sequence[TrainingPlan], bank: CropBank, cohort: PaperCohort, network: Family, seed: int
) -> PaperOutcome:
    plan = next(plan for plan in plans if plan.network == network.name)
    return by_image(bank, plan, cohort.features, cohort.labels, seed)
