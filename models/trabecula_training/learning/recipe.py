"""What a recipe is: a published study as data (inputs, tasks, classifiers) and two functions (preparation, paper)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import Interval
from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula_training.cohort.labels import Task
from trabecula_training.learning.classifiers import Family
from trabecula_training.learning.selection import Preparation

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class InputSet:
    """Which series a model reads, under the name the study gives it (``T1``, ``T1+T2``, ``CT``)."""

    name: str
    roles: tuple[SeriesRole, ...]


class StudyPart(StrEnum):
    """On which patients a study evaluates."""

    TRAINING = "training"
    """Those that the model was fitted on."""
    INTERNAL = "internal"
    """Those that the study calls test, validation or cross-validation."""
    EXTERNAL = "external"


@dataclass(frozen=True, kw_only=True)
class PaperPart:
    """What the study's own order gives on one set of patients.

    ``auc`` is the AUC as the study would print it, with the interval of that very estimate. ``labels``, ``scores``,
    ``decisions`` (0 or 1 at the study's cut-off) and ``people`` (the number of the patient) stand once for each row; a
    patient may stand in several rows.
    """

    auc: Interval
    labels: Labels
    scores: Floats
    decisions: Floats
    people: Indices


@dataclass(frozen=True)
class PaperOutcome:
    """What the study's own order of operations gives, by part, and how many columns it had selected."""

    parts: Mapping[StudyPart, PaperPart]
    n_features: int

    @property
    def auc(self) -> float:
        """The AUC of the part on which the study rests its claim."""
        return self.parts[StudyPart.INTERNAL].auc.estimate


@dataclass(frozen=True)
class PaperCohort:
    """Who takes part in paper mode: features [patient, column] and labels, and those of an external set if there is."""

    features: Floats
    labels: Labels
    outside: tuple[Floats, Labels] | None = None


PaperProtocol = Callable[[PaperCohort, Family, int], PaperOutcome]
"""The study's own order of operations, with its leaks: (cohort, family, seed) -> PaperOutcome."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A published study, ready to train on any cohort.

    ``feature_set`` names the extraction settings (data/radiomics of the service) that it reads.
    ``headline`` names input, task and family that the leak test and the report's first line use. ``assumptions`` are
    the gaps of the publication that we filled; ``faults`` are what paper mode reproduces and sound mode repairs.
    ``inner_folds`` learn settings, calibration and thresholds within each outer fold. ``paper_words`` say in the report
    what makes paper mode optimistic.
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
    paper_words: str
    inner_folds: int = 5
    paper_readers_above: float | None = None
    """In paper mode: the ICC between two readers (the estimate) above which the study keeps a feature."""
    made_of: str = ""
    """What else shapes its results and stands in no other field: the plans of networks."""

    def input(self, name: str) -> InputSet:
        """Return the input set of that name. Raises KeyError."""
        return {item.name: item for item in self.inputs}[name]

    def task(self, name: str) -> Task:
        """Return the task of that name. Raises KeyError."""
        return {item.name: item for item in self.tasks}[name]

    def family(self, name: str) -> Family:
        """Return the classifier of that name. Raises KeyError."""
        return {item.name: item for item in self.families}[name]
