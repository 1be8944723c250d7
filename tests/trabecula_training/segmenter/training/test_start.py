"""Tests of training from a bundle's weights: the same answers, the same refiner, and what the new bundle says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from trabecula_training.errors import StartUnusable  # noqa: E402
from trabecula_training.segmenter.real.plan import PHANTOMS_ONLY, trained_on  # noqa: E402
from trabecula_training.segmenter.run import Watch, train_and_export  # noqa: E402
from trabecula_training.segmenter.training.card import write_card  # noqa: E402
from trabecula_training.segmenter.training.network import Deployed, SpineNet  # noqa: E402
from trabecula_training.segmenter.training.refiner import RefinerPlan  # noqa: E402
from trabecula_training.segmenter.training.spine import Plan  # noqa: E402
from trabecula_training.segmenter.training.start import spread_norms, start_of, unfold  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning", "default::UserWarning")

TINY = Plan(
    seed=3,
    pool=1,
    steps=2,
    batch=2,
    rows=64,
    columns=64,
    threads=1,
    widths=(4, 8, 8, 8, 8),
    refiner=RefinerPlan(spines=1, steps=1, batch=2, widths=(4, 6, 8)),
)
SILENT = Watch(lambda _: None, lambda _: None, lambda _: None, lambda _: None)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train_and_export(TINY, tmp_path_factory.mktemp("first"), "1.0.0", SILENT)


def answer(bundle: Path, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(bundle / "model.onnx"), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"image": image})[0])


def test_an_unfolded_network_answers_as_its_bundle_before_and_after_its_layers_were_measured(bundle: Path) -> None:
    image = np.random.default_rng(1).random((2, 3, 64, 96), np.float32)
    network = unfold(bundle, TINY.widths)

    plain = Deployed(network)(torch.from_numpy(image)).detach().numpy()
    spread_norms(network, torch.rand(4, 3, 64, 64))
    spread = Deployed(network.eval())(torch.from_numpy(image)).detach().numpy()

    assert np.abs(plain - answer(bundle, image)).max() < 1e-4
    assert np.abs(spread - answer(bundle, image)).max() < 1e-4
    first = next(part for part in network.modules() if isinstance(part, torch.nn.BatchNorm2d))
    assert not torch.allclose(first.running_var, torch.ones_like(first.running_var)), "layers were measured"


def test_layers_that_were_measured_answer_alike_while_they_learn(bundle: Path) -> None:
    image = torch.rand(8, 3, 64, 64)
    network = unfold(bundle, TINY.widths)
    spread_norms(network, image)

    with torch.no_grad():
        known, learning = network.eval()(image), network.train()(image)

    assert float((known - learning).abs().mean() / known.abs().mean()) < 0.05


def test_a_run_from_a_bundle_keeps_its_refiner_and_says_where_it_began(bundle: Path, tmp_path: Path) -> None:
    plan = TINY.started(start_of(bundle)).with_steps(1)

    made = train_and_export(plan, tmp_path / "run", "1.1.0", SILENT, start=bundle)

    assert (made / "refiner.onnx").read_bytes() == (bundle / "refiner.onnx").read_bytes()
    assert (made / "model.onnx").read_bytes() != (bundle / "model.onnx").read_bytes()
    assert not (tmp_path / "run" / "refiner").exists()
    manifest = json.loads((made / "manifest.json").read_text())
    assert manifest["training"]["start"]["bundle"] == "segmenter-1.0.0"
    assert manifest["trained_on"] == PHANTOMS_ONLY
    assert "Started from `segmenter-1.0.0`" in (made / "CARD.md").read_text()


def test_what_a_bundle_learned_before_is_never_forgotten(bundle: Path, tmp_path: Path) -> None:
    earlier = "digital phantoms and 9 real volumes of 8 patients (A Hospital 2026, CC BY 4.0)"
    plan = replace(TINY, start=replace(start_of(bundle), trained_on=earlier)).with_steps(1)

    made = train_and_export(plan, tmp_path / "run", "1.1.0", SILENT, start=bundle)
    write_card(made)

    assert trained_on(None, earlier) == earlier
    assert json.loads((made / "manifest.json").read_text())["trained_on"] == earlier
    card = (made / "CARD.md").read_text()
    assert earlier in card
    assert "no real image" not in card


def test_a_bundle_that_cannot_be_started_from_is_refused(bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(StartUnusable, match="layer"):
        unfold(bundle, (8, 8, 8, 8, 8))
    with pytest.raises(StartUnusable, match="layers"):
        unfold(bundle, (4, 8, 8, 8))
    with pytest.raises(StartUnusable):
        start_of(tmp_path)
    assert isinstance(unfold(bundle, TINY.widths), SpineNet)
