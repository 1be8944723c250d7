from __future__ import annotations

import numpy as np
import pytest

from trabecula_training.errors import ParityFailed
from trabecula_training.export.onnx_graph import build_graph
from trabecula_training.export.parity import parity_difference
from trabecula_training.learning.calibrators import Isotonic
from trabecula_training.learning.classifiers import (
    Family,
    gradient_descent,
    knn,
    lasso,
    linear_discriminant,
    logistic,
    naive_bayes,
    random_forest,
    support_vectors,
)
from trabecula_training.learning.selection import Columns, Floats, Labels, columns_of
from trabecula_training.learning.tuning import FittedModel, TrainingSet, tune_and_fit

FAMILIES = (
    random_forest(15, 1),
    support_vectors(1.0),
    knn(5),
    linear_discriminant(),
    logistic(1.0),
    gradient_descent(1e-2),
    naive_bayes(),
    lasso(0.02),
)


def prepare(features: Floats, labels: Labels, seed: int) -> Columns:
    return columns_of(features, np.array([7, 0, 3]))


def training_set() -> TrainingSet:
    """Features of offset 1e6 and small spread, on which single precision would lose everything."""
    generator = np.random.default_rng(5)
    labels = np.tile([0, 1], 40).astype(np.int64)
    features = 1e6 + 3 * (generator.standard_normal((80, 10)) + 0.8 * labels[:, None])
    return TrainingSet(features, labels, tuple(map(str, range(80))))


def fitted(family: Family) -> FittedModel:
    return tune_and_fit(training_set(), prepare, [family], 1)[family.name]


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_graph_gives_the_probabilities_of_the_model(family: Family) -> None:
    model = fitted(family)

    graph = build_graph([model], 10, monotone=False).SerializeToString()

    assert parity_difference(graph, [model], training_set().features, False) < 1e-6


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_same_model_gives_the_same_bytes(family: Family) -> None:
    model = fitted(family)

    first, second = (build_graph([model], 10, False).SerializeToString(deterministic=True) for _ in range(2))

    assert first == second


def test_the_second_endpoint_is_never_below_the_first() -> None:
    low = FittedModel(**{**vars(fitted(knn(5))), "calibrator": Isotonic((0.0, 1.0), (0.0, 0.1))})
    models = [fitted(logistic(1.0)), low]

    graph = build_graph(models, 10, monotone=True).SerializeToString()

    assert parity_difference(graph, models, training_set().features, True) < 1e-6
    with pytest.raises(ParityFailed, match="probabilities differ"):
        parity_difference(graph, models, training_set().features, False)


def test_isotonic_calibration_is_a_line_through_its_knots() -> None:
    calibrator = Isotonic((-2.0, -0.5, 0.25, 3.0), (0.05, 0.05, 0.6, 0.9))
    model = FittedModel(**{**vars(fitted(logistic(1.0))), "calibrator": calibrator})

    graph = build_graph([model], 10, monotone=False).SerializeToString()

    assert parity_difference(graph, [model], training_set().features, False) < 1e-12


def test_a_graph_of_another_model_does_not_pass_the_gate() -> None:
    graph = build_graph([fitted(logistic(1.0))], 10, monotone=False).SerializeToString()

    with pytest.raises(ParityFailed) as caught:
        parity_difference(graph, [fitted(knn(5))], training_set().features, False)

    assert caught.value.code == "PARITY_FAILED"
    assert "differ by up to" in caught.value.sentence
    assert "another classifier" in caught.value.next_step


def test_bytes_that_are_no_graph_do_not_pass_the_gate() -> None:
    with pytest.raises(ParityFailed, match="does not run"):
        parity_difference(b"no graph", [fitted(knn(5))], training_set().features, False)
