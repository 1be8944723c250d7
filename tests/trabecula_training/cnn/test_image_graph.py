"""Every network of the recipe becomes a graph that gives its probabilities; a graph that does not is refused."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray

from trabecula.domain.models.bundle import IMAGE_INPUT, LOGIT_OUTPUT, PROBABILITY_OUTPUT, SCORE_OUTPUT
from trabecula.scoring.crops.definition import load_crop_definition
from trabecula_training.cnn.crop_bank import CropBank
from trabecula_training.cnn.estimator import CnnEstimator, as_they_are
from trabecula_training.cnn.networks import Network, make_network
from trabecula_training.cnn.onnx_graph import build_image_graph, image_parity
from trabecula_training.cnn.training import TrainingPlan
from trabecula_training.errors import ParityFailed
from trabecula_training.export.parity import TOLERANCE
from trabecula_training.learning.calibrators import Calibrator, Isotonic, Platt
from trabecula_training.learning.tuning import FittedModel

SIZE = 64


def fitted(network: Network, calibrator: Calibrator) -> FittedModel:
    """A model whose network has random weights and used batch statistics."""
    torch.manual_seed(1)
    torch.set_num_threads(1)
    bank = CropBank((), load_crop_definition("midsagittal_v1"))
    estimator = CnnEstimator(TrainingPlan(network=network, size=SIZE), bank, 1)
    estimator.network = make_network(network).eval()
    nothing = np.zeros((1, 1))
    columns = as_they_are(nothing, np.zeros(1, dtype=np.int64), 1)
    return FittedModel(
        family=str(network),
        candidate="",
        columns=columns,
        estimator=estimator,
        calibrator=calibrator,
        thresholds={},
        inner_scores=nothing[0],
    )


def people(count: int = 3) -> list[NDArray[np.float32]]:
    generator = np.random.default_rng(2)
    return [generator.random((2 + number % 3, SIZE, SIZE)).astype(np.float32) for number in range(count)]


@pytest.mark.parametrize("network", list(Network))
def test_every_network_is_exported_as_it_is(network: Network) -> None:
    model = fitted(network, Platt(0.7, -0.2))

    content = build_image_graph(model, SIZE)

    assert image_parity(content, model, people()) <= TOLERANCE


@pytest.mark.parametrize("calibrator", [Platt(1.3, 0.4), Isotonic((-1.0, 0.0, 2.0), (0.1, 0.4, 0.9))])
def test_one_patient_gives_one_score_and_a_logit_for_each_crop(calibrator: Calibrator) -> None:
    model = fitted(Network.SMALL, calibrator)
    content = build_image_graph(model, SIZE)
    (squares,) = people(1)

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [PROBABILITY_OUTPUT, SCORE_OUTPUT, LOGIT_OUTPUT]
    probability, score, logit = session.run(names, {IMAGE_INPUT: squares[:, None]})

    assert (probability.shape, score.shape, logit.shape) == ((1, 1), (1, 1), (2, 1))
    assert (probability.dtype, score.dtype, logit.dtype) == (np.float64, np.float64, np.float32)
    assert score[0, 0] == pytest.approx(float(logit.astype(np.float64).mean()), abs=1e-12)
    assert probability[0, 0] == pytest.approx(calibrator.probabilities(score[0])[0], abs=1e-9)


def test_a_graph_of_another_network_is_refused() -> None:
    model = fitted(Network.SMALL, Platt(1.0, 0.0))
    other = fitted(Network.SMALL, Platt(1.0, 0.1))

    with pytest.raises(ParityFailed, match="differ by up to"):
        image_parity(build_image_graph(model, SIZE), other, people())
    with pytest.raises(ParityFailed, match="does not run"):
        image_parity(b"no graph", model, people())
