"""Tests of training: a short run learns, a resumed run equals an unbroken one, what is exported answers the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from trabecula.segmentation.network.bundle import load_bundle  # noqa: E402
from trabecula.segmentation.network.closeups import CHANNELS  # noqa: E402
from trabecula_training.errors import RunFolderTaken  # noqa: E402
from trabecula_training.segmenter.drawing.classes import NetworkClass  # noqa: E402
from trabecula_training.segmenter.drawing.closeup_classes import CloseUpClass  # noqa: E402
from trabecula_training.segmenter.drawing.generator import draw_sample  # noqa: E402
from trabecula_training.segmenter.drawing.pool import draw_pool  # noqa: E402
from trabecula_training.segmenter.training.export import (  # noqa: E402
    BundleFacts,
    ExportMismatch,
    export_bundle,
    export_onnx,
)
from trabecula_training.segmenter.training.loop import computes_in_bfloat16  # noqa: E402
from trabecula_training.segmenter.training.network import Deployed, RefinerNet, SpineNet  # noqa: E402
from trabecula_training.segmenter.training.spine import Plan, claim_folder, train  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning", "default::UserWarning")

TINY = Plan(seed=3, pool=2, steps=6, batch=2, rows=64, columns=64, threads=1, widths=(4, 8, 8, 8, 8))
STATED_DICE = 0.45
"""What half a smoke run must beat on unseen phantoms (bodies with rim, single slices near the midline); seeds 2 and 3
reached 0.53 and 0.52 in single precision, a whole one of seed 2 reached 0.67."""


def test_half_a_smoke_run_beats_the_stated_dice_on_unseen_phantoms(tmp_path: Path) -> None:
    plan = replace(Plan.smoke(seed=2), steps=200, pool=20)

    network = train(plan, tmp_path)

    unseen = draw_pool(991, 4, 1)
    deployed = Deployed(network).eval()
    overlap = total = 0.0
    for k in range(32):
        sample = draw_sample((991, k), unseen, (plan.rows * 2, plan.columns * 2))
        with torch.no_grad():
            answer = deployed(torch.from_numpy(sample.image)[None])[0].numpy()
        body = answer[NetworkClass.BODY] + answer[NetworkClass.RIM] > 0.5
        true = (sample.target == NetworkClass.BODY) | (sample.target == NetworkClass.RIM)
        overlap += 2.0 * float((body & true).sum())
        total += float(body.sum() + true.sum())
    assert overlap / total > STATED_DICE


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    unbroken = train(TINY, tmp_path / "whole")
    train(TINY, tmp_path / "broken", until=3)

    resumed = train(TINY, tmp_path / "broken")

    for left, right in zip(unbroken.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.allclose(left.float(), right.float(), atol=1e-4)


def test_an_exported_bundle_answers_like_the_network_and_verifies(tmp_path: Path) -> None:
    network = SpineNet((4, 8, 8, 8, 8)).eval()
    refiner = RefinerNet((4, 6, 8), CHANNELS, len(CloseUpClass)).eval()

    export_bundle(
        network,
        refiner,
        tmp_path / "segmenter-9.9.9",
        BundleFacts(version="9.9.9", training={"seed": 1}, card="# Card\n"),
    )

    bundle = load_bundle(tmp_path / "segmenter-9.9.9")
    manifest = json.loads((tmp_path / "segmenter-9.9.9" / "manifest.json").read_text())
    assert bundle.version == "9.9.9"
    assert manifest["parity"] < 2e-3
    assert set(manifest["files"]) == {"CARD.md", "model.onnx", "refiner.onnx"}
    assert bundle.refiner is not None
    assert bundle.refiner.classes == tuple(kind.name.lower() for kind in CloseUpClass)


def test_a_network_in_training_mode_is_exported_in_evaluation_mode(tmp_path: Path) -> None:
    network = SpineNet((4, 8, 8, 8, 8)).train()

    assert export_onnx(network, tmp_path / "model.onnx") < 2e-3


def test_an_export_that_differs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trabecula_training.segmenter.training.export._TOLERANCE", -1.0)

    with pytest.raises(ExportMismatch, match="largest difference"):
        export_onnx(SpineNet((4, 8, 8, 8, 8)).eval(), tmp_path / "model.onnx")


@pytest.mark.parametrize("other", [replace(TINY, seed=4), replace(TINY, pool=3), TINY.with_steps(7)])
def test_a_folder_of_another_plan_is_refused_and_left_as_it_was(tmp_path: Path, other: Plan) -> None:
    train(TINY, tmp_path, until=2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    with pytest.raises(RunFolderTaken):
        train(other, tmp_path)

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_run_killed_while_its_plan_was_written_is_begun_again(tmp_path: Path) -> None:
    (tmp_path / ".plan.json.0123.part").write_text('{"seed":', encoding="utf-8")

    claim_folder(TINY, tmp_path)
    written = (tmp_path / "plan.json").stat().st_ino
    claim_folder(TINY, tmp_path)

    assert (tmp_path / "plan.json").stat().st_ino == written
    assert json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))["seed"] == TINY.seed


def test_a_step_is_in_bfloat16_only_where_the_processor_has_instructions_for_it() -> None:
    words = set(Path("/proc/cpuinfo").read_text().split())

    assert computes_in_bfloat16(torch.device("cpu")) == bool(words & {"avx512_bf16", "amx_bf16", "bf16"})


def test_plans_know_their_steps() -> None:
    assert replace(TINY, steps=11) == TINY.with_steps(11)
    assert Plan().steps > Plan.smoke().steps


def test_samples_of_a_plan_do_not_depend_on_where_a_run_began() -> None:
    pool = draw_pool(1, 1, 1)

    first = draw_sample((1, 5), pool, (64, 64))
    again = draw_sample((1, 5), pool, (64, 64))

    assert np.array_equal(first.image, again.image)
