"""The leak test: on pure noise the paper's order of operations must look good, and the sound one must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from trabecula.domain.models.bundle import Interval
from trabecula_training.evaluation.metrics import discrimination
from trabecula_training.learning.baselines import NO_COMPARATORS
from trabecula_training.learning.nested_cv import NestedPlan, nested_cross_validation
from trabecula_training.learning.noise import SMALL, XUE_2022, noise
from trabecula_training.learning.recipe import PaperCohort, Recipe
from trabecula_training.learning.splits import Split
from trabecula_training.learning.tuning import TrainingSet

LEAST_OPTIMISM = 0.6
"""The paper AUC on noise has to lie above this."""

PAPER_DRAWS = 5
"""Independent noise cohorts over which the paper AUC is averaged; sound mode runs on the first."""


@dataclass(frozen=True)
class LeakCheck:
    """The two answers on noise. ``passed``: the paper AUC is above 0.6, the sound interval contains 0.5."""

    recipe: str
    paper_auc: float
    sound_auc: float
    sound_ci: tuple[float, float]

    @property
    def passed(self) -> bool:
        """Whether the recipe behaves: optimism is visible in paper mode, and absent in sound mode."""
        return self.paper_auc > LEAST_OPTIMISM and self.sound_ci[0] <= 0.5 <= self.sound_ci[1]


@dataclass(frozen=True)
class LeakPlan:
    """Small or full, and from which seed; ``repeats`` of the outer folds in sound mode."""

    small: bool = False
    seed: int = 1
    processes: int = 1

    @property
    def repeats(self) -> int:
        """Outer repeats: one when small, five in full."""
        return 1 if self.small else 5


def _ignore(split: Split) -> None:
    """Take no notice of progress."""


def leak_check(recipe: Recipe, plan: LeakPlan, on_fold: Callable[[Split], None] = _ignore) -> LeakCheck:
    """Return both AUCs of the recipe's headline classifier on noise of the size of Xue 2022 (or a small form)."""
    size = SMALL if plan.small else XUE_2022
    family = recipe.family(recipe.headline[2])
    optimistic = [
        recipe.paper(PaperCohort(*noise(size, plan.seed + draw)), family, plan.seed).auc for draw in range(PAPER_DRAWS)
    ]
    features, labels = noise(size, plan.seed)
    data = TrainingSet(features, labels, tuple(f"noise-{number}" for number in range(len(labels))))
    nested = NestedPlan(
        prepare=recipe.prepare,
        families=(family,),
        comparators=NO_COMPARATORS,
        repeats=plan.repeats,
        seed=plan.seed,
        processes=plan.processes,
    )
    honest: Interval = discrimination(nested_cross_validation(data, nested, on_fold)[family.name])
    return LeakCheck(recipe.name, float(np.mean(optimistic)), honest.estimate, (honest.low, honest.high))
