"""The study's order of operations: ten variants of every image first, then a split by image, hard labels as scores."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from trabecula.domain.models.bundle import Interval
from trabecula_training.cnn.augmentation import VARIANTS, all_variants
from trabecula_training.cnn.crop_bank import CropBank, squares
from trabecula_training.cnn.training import Pictures, TrainingPlan, logits, train
from trabecula_training.learning.recipe import PaperOutcome, PaperPart, StudyPart
from trabecula_training.statistics.bootstrap import DEFAULT_RESAMPLES
from trabecula_training.statistics.clusters import cluster_intervals, weighted_rates

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

TEST_SHARE, VALIDATION_SHARE = 0.2, 0.1
"""Shares of the images; the study states neither."""


def by_image(bank: CropBank, plan: TrainingPlan, features: Floats, labels: Labels, seed: int) -> PaperOutcome:
    """Return what the study would print: the same patient, and even the same picture turned, stands on both sides.

    ``scores`` are 0 or 1 for each held-out image, so that the AUC is (sensitivity + specificity) / 2.
    """
    images, truth, owners = _images(bank, plan.size, features, labels)
    everything = all_variants(torch.from_numpy(images)[:, None])
    repeated = np.tile(truth, VARIANTS)
    order = np.random.default_rng(seed).permutation(len(repeated))
    test, held, seen = np.split(
        order, [int(share * len(order)) for share in (TEST_SHARE, TEST_SHARE + VALIDATION_SHARE)]
    )

    def pictures(rows: NDArray[np.int64]) -> Pictures:
        return Pictures.of(everything[rows, 0].numpy(), repeated[rows])

    plain = TrainingPlan(**{**vars(plan), "augment": False})
    network = train(plain, pictures(seen), pictures(held), seed)
    decided = (logits(network, everything[test]) >= 0).astype(np.float64)
    people = np.tile(owners, VARIANTS)[test]
    part = PaperPart(
        auc=_interval(repeated[test], decided, people, seed),
        labels=repeated[test],
        scores=decided,
        decisions=decided,
        people=people,
    )
    return PaperOutcome({StudyPart.INTERNAL: part}, 1)


def _interval(labels: Labels, decided: Floats, people: Labels, seed: int) -> Interval:
    """The AUC of hard labels over samples of whole patients: ten copies of a picture are not ten patients."""

    def area(weights: Floats) -> Floats:
        rates = weighted_rates(weights, labels, decided)
        return np.asarray(rates[:, :2].mean(axis=1, keepdims=True))

    return cluster_intervals(area, people, seed, DEFAULT_RESAMPLES)[0]


def _images(
    bank: CropBank, size: int, features: Floats, labels: Labels
) -> tuple[NDArray[np.float32], Labels, NDArray[np.int64]]:
    """The squares of these patients, each picture's label (by its vertebra's own T-score where that is known, else its
    patient's), and whose it is."""
    groups = np.rint(features[:, 0]).astype(np.int64)
    images, owners = squares(bank, size)
    label_of = dict(zip(groups.tolist(), labels.tolist(), strict=True))
    rows = np.flatnonzero(np.isin(owners, groups))
    own = [label for group in bank.groups for label in (group.osteoporosis or (None,) * len(group.crops))]
    truth = np.array(
        [label_of[int(owners[row])] if own[row] is None else int(own[row] or 0) for row in rows.tolist()],
        dtype=np.int64,
    )
    return images[rows], truth, owners[rows]
