"""The formula of a linear model: intercept and coefficients of z-scored columns, as it would stand in a paper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from trabecula_training.learning.tuning import FittedModel


@dataclass(frozen=True, kw_only=True)
class Term:
    """One column with its coefficient; the column enters as (value - mean) / sd."""

    column: str
    coefficient: float
    mean: float
    sd: float


@dataclass(frozen=True)
class Formula:
    """score = intercept + sum of coefficient * (value - mean) / sd, the largest coefficients first."""

    candidate: str
    intercept: float
    terms: tuple[Term, ...]


def formula_of(model: FittedModel, columns: tuple[str, ...]) -> Formula | None:
    """Return the formula of a fitted model, None where it has no coefficients (forests, neighbours, kernels)."""
    weights = getattr(model.estimator, "coef_", None)
    if not isinstance(weights, np.ndarray) or weights.size != len(model.columns.index):
        return None
    flat = weights.ravel()
    order = [int(place) for place in np.argsort(-np.abs(flat), kind="stable") if flat[place] != 0]
    terms = tuple(
        Term(
            column=columns[int(model.columns.index[place])],
            coefficient=float(flat[place]),
            mean=float(model.columns.mean[place]),
            sd=float(model.columns.sd[place]),
        )
        for place in order
    )
    intercept = float(np.asarray(model.estimator.intercept_).ravel()[0])
    return Formula(model.candidate, intercept, terms)
