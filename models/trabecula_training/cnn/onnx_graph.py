"""A trained network as the ONNX graph of a bundle: crops of one patient in, calibrated probability out; and its parity.

The network in float32, then in float64 the mean of the logits and the calibration.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, checker, helper
from torch import nn

from trabecula.domain.models.bundle import (
    IMAGE_INPUT,
    LOGIT_OUTPUT,
    MODEL_NAME,
    PROBABILITY_OUTPUT,
    SCORE_OUTPUT,
    ImageInput,
)
from trabecula.domain.models.validation import CheckVector
from trabecula.onnx_runtime import RUNTIME_ERRORS, open_session
from trabecula.scoring.cnn_scorer import made_pictures
from trabecula_training.cnn.training import logits
from trabecula_training.errors import ParityFailed
from trabecula_training.export.onnx_graph import IR_VERSION, GraphBuilder, calibrated
from trabecula_training.export.parity import TOLERANCE
from trabecula_training.learning.tuning import FittedModel

OPSET = 18
STRAYS = 8
"""Patients of pure noise on which the graph is tested beside the cohort."""


def build_image_graph(model: FittedModel, size: int) -> bytes:
    """Return the checked graph of a fitted network for crops of ``size`` pixels."""
    exported = _exported(model.estimator.network, size)
    builder = GraphBuilder()
    first = builder.constant("first_axis", np.array([0], dtype=np.int64))
    wide = builder.add("Cast", [LOGIT_OUTPUT], "logit_double", to=TensorProto.DOUBLE)
    builder.add("ReduceMean", [wide, first], SCORE_OUTPUT, keepdims=1)
    last = calibrated(builder, model.calibrator, SCORE_OUTPUT, "calibration_")
    builder.add("Identity", [last], PROBABILITY_OUTPUT)
    exported.graph.node.extend(builder.nodes)
    exported.graph.initializer.extend(builder.constants)
    exported.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, [1, 1]) for name in (PROBABILITY_OUTPUT, SCORE_OUTPUT)
    )
    exported.ir_version = IR_VERSION
    checker.check_model(exported, full_check=True)
    return bytes(exported.SerializeToString(deterministic=True))


def _exported(network: nn.Module, size: int) -> ModelProto:
    """The network alone, from ``image`` to ``logit``, for any number of crops."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / MODEL_NAME
        torch.onnx.export(
            network.cpu().float().eval(),
            (torch.rand(2, 1, size, size),),
            str(path),
            input_names=[IMAGE_INPUT],
            output_names=[LOGIT_OUTPUT],
            opset_version=OPSET,
            dynamic_axes={IMAGE_INPUT: {0: "crops"}, LOGIT_OUTPUT: {0: "crops"}},
            dynamo=False,
        )
        return onnx.load(str(path))


PICTURES = ((0.5, 0.0, 7.0), (0.4, 0.3, 5.0), (0.6, 0.3, 11.0))
"""Grey, contrast and period of the check vectors' pictures."""


def picture_vectors(model: FittedModel, image: ImageInput) -> tuple[CheckVector, ...]:
    """Return made-up pictures with the network's own answers, for the manifest."""
    shape = (image.min_levels, image.channels, image.size, image.size)
    made = [made_pictures(values, shape)[:, 0] for values in PICTURES]
    scores = np.array([_mean_logit(model, squares) for squares in made])
    answers = model.calibrator.probabilities(scores)
    return tuple(CheckVector(values, (float(answer),)) for values, answer in zip(PICTURES, answers, strict=True))


def image_parity(content: bytes, model: FittedModel, patients: list[NDArray[np.float32]]) -> float:
    """Return the largest difference in probability between graph and network, on each patient's squares
    ``[crop, size, size]`` and on noise. Raises ParityFailed above the tolerance, or where the graph does not run."""
    generator = np.random.default_rng(0)
    strays = [generator.random((3, *patients[0].shape[1:])).astype(np.float32) for _ in range(STRAYS)]
    everybody = [*patients, *strays]
    given = np.array([_answer(content, squares) for squares in everybody])
    scores = np.array([_mean_logit(model, squares) for squares in everybody])
    difference = float(np.max(np.abs(given - model.calibrator.probabilities(scores))))
    if not difference <= TOLERANCE:
        raise ParityFailed(f"probabilities differ by up to {difference:.2g}, more than {TOLERANCE:g}")
    return difference


def _mean_logit(model: FittedModel, squares: NDArray[np.float32]) -> float:
    return float(logits(model.estimator.network, torch.from_numpy(squares)[:, None]).astype(np.float64).mean())


def _answer(content: bytes, squares: NDArray[np.float32]) -> float:
    try:
        session = open_session(content)
        probability = session.run([PROBABILITY_OUTPUT], {IMAGE_INPUT: np.ascontiguousarray(squares[:, None])})[0]
    except RUNTIME_ERRORS as error:
        raise ParityFailed(f"the graph does not run ({error})") from error
    if probability.shape != (1, 1) or probability.dtype != np.float64:
        raise ParityFailed(f"the graph gives {probability.dtype} {probability.shape}, not one float64")
    return float(probability[0, 0])
