"""A network in the shape of an estimator: rows are patients (numbers of groups of crops), the score is a mean logit."""

from __future__ import annotations

from functools import partial
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trabecula_training.cnn.crop_bank import CropBank, squares
from trabecula_training.cnn.training import Pictures, TrainingPlan, logits, train
from trabecula_training.learning.classifiers import ClassifierCandidate, Family
from trabecula_training.learning.selection import Columns
from trabecula_training.learning.splits import stratified_by_patient

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

VALIDATION_PARTS = 5
"""One of so many parts of the training patients tells when to stop."""


class CnnEstimator:
    """Trains on the crops of its patients, a fifth of the patients held back for early stopping."""

    def __init__(self, plan: TrainingPlan, bank: CropBank, seed: int) -> None:
        self.plan = plan
        self.network: nn.Module | None = None
        self._bank = bank
        self._seed = seed

    def fit(self, features: Floats, labels: Labels) -> Self:
        """Train on the groups of crops in ``features`` [patient, 1] with a label each; patients stand once."""
        groups = _numbers(features)
        names = [str(number) for number in groups]
        split = stratified_by_patient(labels, names, VALIDATION_PARTS, 1, self._seed)[0]
        seen = self._pictures(groups[split.train], labels[split.train])
        held = self._pictures(groups[split.test], labels[split.test])
        self.network = train(self.plan, seen, held, self._seed)
        return self

    def decision_function(self, features: Floats) -> Floats:
        """Return the mean logit of each patient's crops."""
        assert self.network is not None
        images, owners = squares(self._bank, self.plan.size)
        groups = _numbers(features)
        rows = np.flatnonzero(np.isin(owners, groups))
        answers = logits(self.network, torch.from_numpy(images[rows])[:, None]).astype(np.float64)
        sums = np.bincount(owners[rows], answers, len(self._bank.groups))
        counts = np.bincount(owners[rows], minlength=len(self._bank.groups))
        return np.asarray(sums[groups] / counts[groups], dtype=np.float64)

    def _pictures(self, groups: NDArray[np.int64], labels: Labels) -> Pictures:
        images, owners = squares(self._bank, self.plan.size)
        rows = np.flatnonzero(np.isin(owners, groups))
        label_of = dict(zip(groups.tolist(), labels.tolist(), strict=True))
        return Pictures.of(images[rows], np.array([label_of[owner] for owner in owners[rows].tolist()], dtype=np.int64))


def _numbers(features: Floats) -> NDArray[np.int64]:
    return np.rint(features[:, 0]).astype(np.int64)


def as_they_are(features: Floats, labels: Labels, seed: int) -> Columns:
    """Return the one column unchanged: a group's number is a name, not a measurement."""
    return Columns(np.array([0], dtype=np.int64), np.zeros(1), np.ones(1))


def family(plan: TrainingPlan, bank: CropBank) -> Family:
    """Return the network as a family of one candidate: the study tunes nothing."""
    settings = f"{plan.size} px, rate {plan.rate:g}"
    return Family(str(plan.network), (ClassifierCandidate(settings, partial(CnnEstimator, plan, bank)),))
