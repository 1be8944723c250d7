"""Imputation and ComBat as nodes of the graph: the selected columns as the classifier saw them in training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto

from trabecula.domain.models.bundle import FEATURE_INPUT
from trabecula_training.learning.conditioning.combat import Combat
from trabecula_training.learning.conditioning.imputation import NEIGHBOURS, MedianImputer, NearestImputer
from trabecula_training.learning.conditioning.plan import FittedConditioning

Floats = NDArray[np.float64]


class Builder(Protocol):
    """What collects nodes and constants."""

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Add a constant and return its name."""

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node of one output and return the output's name."""

    def pair(self, operator: str, inputs: Sequence[str], outputs: tuple[str, str], **attributes: Any) -> None:
        """Add a node of two outputs."""


def conditioned_columns(
    builder: Builder, fitted: FittedConditioning | None, index: NDArray[np.int64], name: str
) -> str:
    """Append what gives the columns ``index`` filled and harmonised; return the name of the result, [patients, index].

    Without a conditioning they are gathered as they are.
    """
    columns = builder.constant(name + "columns", index.astype(np.int64))
    gathered = builder.add("Gather", [FEATURE_INPUT, columns], name + "gathered", axis=1)
    if fitted is None:
        return gathered
    name += "given_"
    if isinstance(fitted.imputer, MedianImputer):
        gathered = _where_missing(builder, gathered, fitted.imputer.medians[index][None, :], name)
    elif isinstance(fitted.imputer, NearestImputer):
        gathered = _nearest(builder, fitted.imputer, index, gathered, name)
    if fitted.combat is None:
        return gathered
    return _combat(builder, fitted.combat, fitted.plan.columns, index, gathered, name)


def _where_missing(builder: Builder, values: str, otherwise: Floats, name: str) -> str:
    missing = builder.add("IsNaN", [values], name + "missing")
    fill = builder.constant(name + "fill", otherwise)
    return builder.add("Where", [missing, fill, values], name + "filled")


def _nearest(builder: Builder, imputer: NearestImputer, index: NDArray[np.int64], gathered: str, name: str) -> str:
    """Fill by the mean of the nearest donors that have the value; distances are over the columns that both have
    (nan-Euclidean, as in scikit-learn), of z-scores."""
    donors, own = imputer.donors, imputer.donors[:, index]
    distance = _distances(builder, imputer, name)
    lacks = np.where(np.isnan(own), np.inf, 0.0)[None]
    penalty = builder.constant(name + "lacks", lacks)
    last = builder.constant(name + "last_axis", np.array([2], dtype=np.int64))
    wide = builder.add("Unsqueeze", [distance, last], name + "distance_wide")
    apart = builder.add("Add", [wide, penalty], name + "distance_each")
    count = builder.constant(name + "neighbours", np.array([min(NEIGHBOURS, len(donors))], dtype=np.int64))
    near, who = name + "near", name + "who_fills"
    builder.pair("TopK", [apart, count], (near, who), axis=1, largest=0)
    zero = builder.constant(name + "none", np.zeros((1, 1, 1)))
    values = builder.constant(name + "donated", np.nan_to_num(own)[None])
    shape = builder.add("Shape", [apart], name + "shape_each")
    spread = builder.add("Expand", [values, shape], name + "donated_each")
    taken = builder.add("GatherElements", [spread, who], name + "taken", axis=1)
    absent = builder.add("IsInf", [near], name + "no_donor")
    one = builder.constant(name + "one", np.ones((1, 1, 1)))
    weight = builder.add("Where", [absent, zero, one], name + "weight")
    weighted = builder.add("Mul", [taken, weight], name + "weighted")
    middle = builder.constant(name + "donors_axis", np.array([1], dtype=np.int64))
    total = builder.add("ReduceSum", [weighted, middle], name + "total", keepdims=0)
    counted = builder.add("ReduceSum", [weight, middle], name + "counted", keepdims=0)
    least = builder.constant(name + "least", np.ones((1, 1)))
    mean = builder.add("Div", [total, builder.add("Max", [counted, least], name + "at_least_one")], name + "mean_donor")
    sd = builder.constant(name + "donor_sd", imputer.sd[index][None, :])
    centre = builder.constant(name + "donor_mean", imputer.mean[index][None, :])
    back = builder.add("Add", [builder.add("Mul", [mean, sd], name + "scaled_back"), centre], name + "donor_value")
    missing = builder.add("IsNaN", [gathered], name + "missing")
    return builder.add("Where", [missing, back, gathered], name + "filled")


def _distances(builder: Builder, imputer: NearestImputer, name: str) -> str:
    """Append squared distances to every donor over the shared columns, scaled up to all; [patients, donors]."""
    n_columns = imputer.donors.shape[1]
    everything = builder.constant(name + "all_columns", np.arange(n_columns, dtype=np.int64))
    whole = builder.add("Gather", [FEATURE_INPUT, everything], name + "whole", axis=1)
    centred = builder.add("Sub", [whole, builder.constant(name + "all_mean", imputer.mean[None, :])], name + "whole_c")
    z = builder.add("Div", [centred, builder.constant(name + "all_sd", imputer.sd[None, :])], name + "whole_z")
    lost = builder.add("IsNaN", [z], name + "whole_missing")
    zero = builder.constant(name + "all_zero", np.zeros((1, 1)))
    x = builder.add("Where", [lost, zero, z], name + "whole_known")
    seen = builder.add("Cast", [builder.add("Not", [lost], name + "whole_seen")], name + "seen", to=TensorProto.DOUBLE)
    donors = np.nan_to_num(imputer.donors)
    has = np.isfinite(imputer.donors).astype(np.float64)
    squares = builder.add("Mul", [x, x], name + "squares")
    theirs, ours = builder.constant(name + "donors_t", donors.T), builder.constant(name + "has_t", has.T)
    squared = builder.constant(name + "donors_squared_t", (donors**2).T)
    first = builder.add("MatMul", [squares, ours], name + "own_squares")
    second = builder.add("MatMul", [seen, squared], name + "their_squares")
    cross = builder.add("MatMul", [x, theirs], name + "cross")
    twice = builder.add("Add", [cross, cross], name + "cross_twice")
    both = builder.add("Add", [first, second], name + "both_squares")
    apart = builder.add("Max", [builder.add("Sub", [both, twice], name + "apart_raw"), zero], name + "apart")
    shared = builder.add("MatMul", [seen, ours], name + "shared")
    least = builder.constant(name + "one_shared", np.ones((1, 1)))
    return builder.add("Div", [apart, builder.add("Max", [shared, least], name + "shared_least")], name + "distances")


def _combat(builder: Builder, combat: Combat, n_columns: int, index: NDArray[np.int64], values: str, name: str) -> str:
    """Append scale and offset of the patient's batch, and what the covariates add."""
    n_batches, n_covariates = combat.slopes.shape[:2]
    place = builder.constant(name + "batch_column", np.array([n_columns], dtype=np.int64))
    number = builder.add("Gather", [FEATURE_INPUT, place], name + "batch", axis=1)
    numbers = builder.constant(name + "batches", np.arange(n_batches, dtype=np.float64)[None, :])
    same = builder.add("Equal", [number, numbers], name + "is_batch")
    chosen = builder.add("Cast", [same], name + "one_hot", to=TensorProto.DOUBLE)

    def of_batch(what: str, table: Floats) -> str:
        kept = builder.constant(name + what, table[:, index])
        return builder.add("MatMul", [chosen, kept], name + what + "_own")

    scaled = builder.add("Mul", [values, of_batch("scale", combat.scale)], name + "batch_scaled")
    made = builder.add("Add", [scaled, of_batch("offset", combat.offset)], name + "batch_moved")
    for covariate in range(n_covariates):
        told = f"covariate{covariate}"
        at = builder.constant(name + told + "_column", np.array([n_columns + 1 + covariate], dtype=np.int64))
        value = builder.add("Gather", [FEATURE_INPUT, at], name + told, axis=1)
        added = builder.add(
            "Mul", [value, of_batch(told + "_slope", combat.slopes[:, covariate])], name + told + "_part"
        )
        made = builder.add("Add", [made, added], name + told + "_added")
    return made
