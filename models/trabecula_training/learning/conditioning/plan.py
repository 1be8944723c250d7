"""The plan of a cohort's conditioning, and what fitting it on training patients gives.

A matrix that a plan speaks of has the features first, then, where there is ComBat, the number of the patient's batch
and the covariates: the same columns that the exported graph reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.conditioning import Batch, Covariate, Imputation
from trabecula_training.cohort.labels import reference_limits
from trabecula_training.cohort.table import Patient
from trabecula_training.learning.conditioning.combat import Combat, fit_combat
from trabecula_training.learning.conditioning.imputation import Imputer, fit_imputer

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ConditioningChoice:
    """What a user asks for; ``batch`` None: no ComBat."""

    impute: Imputation = Imputation.NONE
    batch: Batch | None = None
    covariates: tuple[Covariate, ...] = ()

    @property
    def wanted(self) -> bool:
        """Whether anything is filled or harmonised."""
        return self.impute is not Imputation.NONE or self.batch is not None

    def batch_of(self, patient: Patient) -> str:
        """Return the scanner or site that ComBat counts a patient to; empty where it is not named or not asked for."""
        if self.batch is None:
            return ""
        return patient.scanner if self.batch is Batch.SCANNER else patient.site


NOTHING = ConditioningChoice()


def combat_patients_at_least() -> int:
    """Return of how many patients a scanner (site) must be for ComBat."""
    return int(reference_limits()["combat_patients_at_least"]["value"])


def choice_of(settings: Mapping[str, Any]) -> ConditioningChoice:
    """Return the choice that the settings of metrics.json hold; nothing in those of earlier versions."""
    told = settings.get("conditioning")
    if not told:
        return NOTHING
    return ConditioningChoice(
        impute=Imputation(told["impute"]),
        batch=Batch(told["batch"]) if told["batch"] else None,
        covariates=tuple(Covariate(name) for name in told["covariates"]),
    )


@dataclass(frozen=True, kw_only=True)
class FittedConditioning:
    """What training patients gave: applied to anybody's features."""

    plan: ConditioningPlan
    imputer: Imputer | None
    combat: Combat | None

    def apply(self, matrix: Floats) -> Floats:
        """Return the features [patient, column], filled and harmonised; NaN for a batch that was not in the fit."""
        features = matrix[:, : self.plan.columns]
        if self.imputer is not None:
            features = self.imputer.apply(features)
        if self.combat is None:
            return features
        return self.combat.apply(features, self.plan.numbers_of(matrix), self.plan.covariates_of(matrix))


@dataclass(frozen=True, kw_only=True)
class ConditioningPlan:
    """What is done to ``columns`` features. ``batches`` are the names of scanners or sites in the order of their
    numbers; empty: no ComBat."""

    columns: int
    impute: Imputation = Imputation.NONE
    batches: tuple[str, ...] = ()
    covariates: tuple[Covariate, ...] = ()

    def matrix(self, features: Floats, patients: Sequence[Patient], choice: ConditioningChoice) -> Floats:
        """Return features [patient, column] with the further columns of this plan. Raises KeyError for a patient of a
        batch that is not in it."""
        if not self.batches:
            return features
        number = {name: place for place, name in enumerate(self.batches)}
        further = [
            [number[choice.batch_of(patient)], *(_value(patient, name) for name in self.covariates)]
            for patient in patients
        ]
        return np.column_stack([features, np.array(further, dtype=np.float64).reshape(len(patients), -1)])

    def numbers_of(self, matrix: Floats) -> Indices:
        """Return the number of each patient's batch."""
        return np.asarray(matrix[:, self.columns], dtype=np.int64)

    def covariates_of(self, matrix: Floats) -> Floats:
        """Return the covariates [patient, covariate]."""
        return matrix[:, self.columns + 1 :]

    def fit(self, matrix: Floats) -> FittedConditioning:
        """Return what these training patients give; no label takes part."""
        features = matrix[:, : self.columns]
        imputer = fit_imputer(self.impute, features)
        if not self.batches:
            return FittedConditioning(plan=self, imputer=imputer, combat=None)
        filled = features if imputer is None else imputer.apply(features)
        combat = fit_combat(filled, self.numbers_of(matrix), self.covariates_of(matrix), len(self.batches))
        return FittedConditioning(plan=self, imputer=imputer, combat=combat)


def _value(patient: Patient, name: Covariate) -> float:
    return patient.age_years if name is Covariate.AGE else float(patient.sex == "F")
