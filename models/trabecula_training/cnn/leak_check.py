"""The leak test for recipes on images: noise that carries nothing but who the patient is.

Each patient has a pattern of smooth noise of its own, which every picture of that patient shows under noise of its own;
labels are drawn at random. A split by image lets a network recognise patients; a split by patient leaves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.scoring.crops.definition import load_crop_definition
from trabecula.scoring.crops.vertebra import Crop
from trabecula_training.cnn.crop_bank import CropBank, CropGroup
from trabecula_training.cnn.image_recipe import INNER_FOLDS, ImageRecipe
from trabecula_training.evaluation.metrics import discrimination
from trabecula_training.learning.baselines import NO_COMPARATORS
from trabecula_training.learning.nested_cv import NestedPlan, nested_cross_validation
from trabecula_training.learning.recipe import PaperCohort
from trabecula_training.learning.splits import Split
from trabecula_training.learning.tuning import TrainingSet
from trabecula_training.runs.leak_check import LeakCheck, LeakPlan

PATTERN_SD, NOISE_SD = 0.16, 0.08
"""Spread of a patient's pattern and of each picture's own noise, of the whole range of 1."""


@dataclass(frozen=True)
class IdentitySize:
    """Patients of each class, the side of a picture in pixels, and the most epochs of a training."""

    n_positive: int
    n_negative: int
    size: int
    epochs: int


HO_2026 = IdentitySize(n_positive=45, n_negative=173, size=32, epochs=40)
"""218 patients of whom 20.6 % were positive, four pictures each."""

SMALL = IdentitySize(n_positive=24, n_negative=30, size=16, epochs=25)
"""A form for continuous integration."""


def identity_noise(size: IdentitySize, seed: int) -> tuple[CropBank, TrainingSet]:
    """Return the pictures of made-up patients and the training set over them, labels in random order."""
    generator = np.random.default_rng(seed)
    labels = generator.permutation(np.repeat([1, 0], [size.n_positive, size.n_negative])).astype(np.int64)
    groups: list[CropGroup] = []
    for number in range(len(labels)):
        pattern = ndimage.gaussian_filter(generator.standard_normal((size.size, size.size)), 1.0)
        pattern *= PATTERN_SD / pattern.std()
        crops = tuple(
            Crop(
                np.clip(0.45 + pattern + generator.normal(0, NOISE_SD, pattern.shape), 0, 1).astype(np.float32),
                (1.0, 1.0),
            )
            for _ in MEASURED_LEVELS
        )
        unknown = (float("nan"),) * len(crops)
        groups.append(
            CropGroup(
                patient=f"noise-{number}",
                role=SeriesRole.T1W,
                levels=MEASURED_LEVELS,
                crops=crops,
                vbq=unknown,
                facts={},
            )
        )
    bank = CropBank(tuple(groups), load_crop_definition("midsagittal_v1"))
    numbers = np.arange(len(labels), dtype=np.float64)[:, None]
    return bank, TrainingSet(numbers, labels, tuple(group.patient for group in groups))


def leak_check_on_images(recipe: ImageRecipe, plan: LeakPlan, on_fold: Callable[[Split], None]) -> LeakCheck:
    """Return both AUCs of the recipe's small network on noise of the study's size (or a small form).

    The leak lies in the split, not in the network, so that the small one shows it in a minute.
    """
    size = SMALL if plan.small else HO_2026
    bank, data = identity_noise(size, plan.seed)
    small = replace(recipe.plan(recipe.small), size=size.size, epochs=size.epochs)
    bound = replace(recipe, plans=(small,)).on(bank)
    (family,) = bound.families
    optimistic = bound.paper(PaperCohort(data.features, data.labels), family, plan.seed)
    nested = NestedPlan(
        prepare=bound.prepare,
        families=(family,),
        comparators=NO_COMPARATORS,
        repeats=plan.repeats,
        seed=plan.seed,
        processes=plan.processes,
        inner_folds=INNER_FOLDS,
    )
    honest = discrimination(nested_cross_validation(data, nested, on_fold)[family.name])
    return LeakCheck(recipe.name, optimistic.auc, honest.estimate, (honest.low, honest.high))
