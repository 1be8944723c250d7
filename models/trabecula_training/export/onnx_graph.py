"""One ONNX graph of fitted models: the full named vector in, probabilities out; float64 throughout.

Per endpoint: gather the used columns, fill and harmonise them (conditioning_graph.py), z-score, classifier (skl2onnx),
calibration. Binary LDA is written as a logistic regression with its coefficients, because skl2onnx converts it wrongly;
so is the LASSO, for its linear score. K nearest neighbours are written here: skl2onnx numbers the names inside that
graph by a counter of the process, so that the same model would not give the same bytes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, checker, compose, helper, numpy_helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Lasso, LogisticRegression, SGDClassifier
from sklearn.neighbors import KNeighborsClassifier

from trabecula.domain.models.bundle import FEATURE_INPUT, PROBABILITY_OUTPUT, SCORE_OUTPUT
from trabecula_training.export.conditioning_graph import conditioned_columns
from trabecula_training.learning.calibrators import Calibrator, Isotonic, Platt
from trabecula_training.learning.tuning import FittedModel

Floats = NDArray[np.float64]

OPSETS = {"": 18, "ai.onnx.ml": 3}
IR_VERSION = 9
"""Old enough for every onnxruntime since 1.16."""


class GraphBuilder:
    """Collects nodes and constants under unique names."""

    def __init__(self) -> None:
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(value, name))
        return name

    def add(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add a node of one output and return the output's name."""
        self.nodes.append(helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def pair(self, operator: str, inputs: Sequence[str], outputs: tuple[str, str], **attributes: Any) -> None:
        """Add a node of two outputs."""
        self.nodes.append(helper.make_node(operator, list(inputs), list(outputs), name=outputs[0], **attributes))


def build_graph(models: Sequence[FittedModel], n_columns: int, monotone: bool) -> ModelProto:
    """Return the checked graph; one output column per model, in order.

    ``monotone``: each probability is at least as large as that of the model before it (osteoporosis first, then
    abnormal bone density, which contains it).
    """
    builder = GraphBuilder()
    scores: list[str] = []
    probabilities: list[str] = []
    for number, model in enumerate(models):
        name = f"e{number}_"
        score = _score(builder, model, name)
        probability = calibrated(builder, model.calibrator, score, name)
        if monotone and probabilities:
            probability = builder.add("Max", [probability, probabilities[-1]], name + "at_least")
        scores.append(score)
        probabilities.append(probability)
    builder.add("Concat", scores, SCORE_OUTPUT, axis=1)
    builder.add("Concat", probabilities, PROBABILITY_OUTPUT, axis=1)
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["patients", len(models)])
        for name in (PROBABILITY_OUTPUT, SCORE_OUTPUT)
    ]
    features = helper.make_tensor_value_info(FEATURE_INPUT, TensorProto.DOUBLE, ["patients", n_columns])
    graph = helper.make_graph(builder.nodes, "trabecula", [features], outputs, builder.constants)
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
    model_proto = helper.make_model(graph, opset_imports=opsets, producer_name="trabecula", ir_version=IR_VERSION)
    checker.check_model(model_proto, full_check=True)
    return model_proto


def _score(builder: GraphBuilder, model: FittedModel, name: str) -> str:
    """Append columns, conditioning, z-score and classifier; return the name of the raw score, [patients, 1]."""
    gathered = conditioned_columns(builder, model.conditioning, model.columns.index, name)
    mean = builder.constant(name + "mean", model.columns.mean[None, :].astype(np.float64))
    sd = builder.constant(name + "sd", model.columns.sd[None, :].astype(np.float64))
    centred = builder.add("Sub", [gathered, mean], name + "centred")
    if isinstance(model.estimator, KNeighborsClassifier):
        return _nearest(builder, model.estimator, builder.add("Div", [centred, sd], name + "z"), name)
    converted, output = _converted(model.estimator, len(model.columns.index), name)
    builder.add("Div", [centred, sd], converted.graph.input[0].name)
    builder.nodes.extend(converted.graph.node)
    builder.constants.extend(converted.graph.initializer)
    wide = builder.add("Cast", [output], name + "double", to=TensorProto.DOUBLE)
    second = builder.constant(name + "second", np.array([1], dtype=np.int64))
    return builder.add("Gather", [wide, second], name + "score", axis=1)


def _nearest(builder: GraphBuilder, estimator: KNeighborsClassifier, z: str, name: str) -> str:
    """Append the share of positives among the nearest training patients; return its name, [patients, 1]."""
    patients = builder.constant(name + "patients", np.asarray(estimator._fit_X, dtype=np.float64)[None])
    labels = builder.constant(name + "labels", np.asarray(estimator._y, dtype=np.float64))
    middle = builder.constant(name + "middle", np.array([1], dtype=np.int64))
    last = builder.constant(name + "last", np.array([2], dtype=np.int64))
    count = builder.constant(name + "count", np.array([estimator.n_neighbors], dtype=np.int64))
    wide = builder.add("Unsqueeze", [z, middle], name + "wide")
    apart = builder.add("Sub", [wide, patients], name + "apart")
    distance = builder.add("ReduceSumSquare", [apart, last], name + "distance", keepdims=0)
    builder.pair("TopK", [distance, count], (name + "nearest", name + "who"), axis=1, largest=0)
    voted = builder.add("Gather", [labels, name + "who"], name + "voted", axis=0)
    return builder.add("ReduceMean", [voted, middle], name + "score", keepdims=1)


def _converted(estimator: Any, n_columns: int, prefix: str) -> tuple[ModelProto, str]:
    """Return skl2onnx's graph under a prefix, and the name of its two-column score or probability output."""
    linear = isinstance(estimator, (LogisticRegression, LinearDiscriminantAnalysis, SGDClassifier, Lasso))
    plain = _as_logistic(estimator) if linear else estimator
    options: dict[str, Any] = {"zipmap": False}
    if hasattr(plain, "decision_function"):
        options["raw_scores"] = True
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Attribute `prob[AB]_` was deprecated", category=FutureWarning)
        converted = to_onnx(
            plain,
            initial_types=[("z", DoubleTensorType([None, n_columns]))],
            options={id(plain): options},
            target_opset=OPSETS,
        )
    prefixed = compose.add_prefix(converted, prefix + "model_")
    return prefixed, prefixed.graph.output[1].name


def _as_logistic(estimator: Any) -> LogisticRegression:
    """Return a logistic regression with the linear score of ``estimator``."""
    surrogate = LogisticRegression()
    surrogate.classes_ = np.array([0, 1])
    surrogate.coef_ = np.asarray(estimator.coef_, dtype=np.float64).reshape(1, -1)
    surrogate.intercept_ = np.asarray(estimator.intercept_, dtype=np.float64).reshape(1)
    surrogate.n_features_in_ = surrogate.coef_.shape[1]
    return surrogate


def calibrated(builder: GraphBuilder, calibrator: Calibrator, score: str, name: str) -> str:
    """Append the calibration of a raw score [patients, 1] and return the name of the probability."""
    if isinstance(calibrator, Platt):
        slope = builder.constant(name + "slope", np.array([[calibrator.slope]]))
        intercept = builder.constant(name + "intercept", np.array([[calibrator.intercept]]))
        scaled = builder.add("Mul", [score, slope], name + "scaled")
        odds = builder.add("Add", [scaled, intercept], name + "odds")
        return builder.add("Sigmoid", [odds], name + "probability")
    return _isotonic(builder, calibrator, score, name)


def _isotonic(builder: GraphBuilder, calibrator: Isotonic, score: str, name: str) -> str:
    """A line through knots as a sum of ramps: p0 + sum of slope_k * min(max(x - x_k, 0), x_k+1 - x_k)."""
    at, value = np.array(calibrator.at), np.array(calibrator.probability)
    first = builder.constant(name + "first", np.array([[value[0]]]))
    widths, rises = np.diff(at)[None, :], np.diff(value)[:, None]
    knots = builder.constant(name + "knots", at[None, :-1])
    past = builder.add("Sub", [score, knots], name + "past")
    zero = builder.constant(name + "zero", np.zeros((1, 1)))
    width = builder.constant(name + "width", widths)
    begun = builder.add("Max", [past, zero], name + "begun")
    inside = builder.add("Min", [begun, width], name + "inside")
    slopes = builder.constant(name + "slopes", rises / widths.T)
    risen = builder.add("MatMul", [inside, slopes], name + "risen")
    return builder.add("Add", [risen, first], name + "probability")


def reference_probabilities(models: Sequence[FittedModel], features: Floats, monotone: bool) -> Floats:
    """Return what the graph must give, by scikit-learn: [patient, model]."""
    columns = [model.probabilities(features) for model in models]
    if monotone:
        columns = list(np.maximum.accumulate(np.stack(columns), axis=0))
    return np.stack(columns, axis=1)
