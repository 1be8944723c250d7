"""What a recipe is: a published study as data (inputs, tasks, classifiers) and two functions (preparation, paper)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula_training.cohort.labels import Task
from trabecula_training.learning.classifiers import Family
from trabecula_training.learning.selection import Preparation

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class InputSet:
    """Which series a model reads, under the name the study gives it (``T1``, ``T1+T2``, ``CT``)."""

    name: str
    roles: tuple[SeriesRole, ...]


@dataclass(frozen=True)
class PaperOutcome:
    """What the study's own order of operations gives: patients it was evaluated on, their scores, and the AUC as the
    study would print it (a mean over repeats where it repeated). ``n_features`` are the columns it had selected."""

    auc: float
    labels: Labels
    scores: Floats
    n_features: int


PaperProtocol = Callable[[Floats, Labels, Family, int], PaperOutcome]
"""The study's own order of operations, with its leaks: (features, labels, family, seed) -> PaperOutcome."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A published study, ready to train on any cohort.

    ``feature_set`` names the extraction settings (data/radiomics of the service) that it reads.
    ``headline`` names input, task and family that the leak test and the report's first line use. ``assumptions`` are
    the gaps of the publication that we filled; ``faults`` are what paper mode reproduces and sound mode repairs.
    ``inner_folds`` learn settings, calibration and thresholds within each outer fold.
    """

    name: str
    title: str
    source: str
    feature_set: str
    inputs: tuple[InputSet, ...]
    aggregation: LevelAggregation
    tasks: tuple[Task, ...]
    families: tuple[Family, ...]
    prepare: Preparation
    paper: PaperProtocol
    headline: tuple[str, str, str]
    assumptions: tuple[str, ...]
    faults: tuple[str, ...]
    inner_folds: int = 5

    def input(self, name: str) -> InputSet:
        """Return the input set of that name. Raises KeyError."""
        return {item.name: item for item in self.inputs}[name]

    def task(self, name: str) -> Task:
        """Return the task of that name. Raises KeyError."""
        return {item.name: item for item in self.tasks}[name]

    def family(self, name: str) -> Family:
        """Return the classifier of that name. Raises KeyError."""
        return {item.name: item for item in self.families}[name]
