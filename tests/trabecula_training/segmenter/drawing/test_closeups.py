"""Tests of the refiner's training: close-ups of phantoms, their samples, and a short run that learns."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from trabecula.segmentation.network.closeups import CHANNELS, NEIGHBOURS, UNSEEN  # noqa: E402
from trabecula_training.segmenter.drawing.closeup_classes import OF_NETWORK_CLASS, CloseUpClass  # noqa: E402
from trabecula_training.segmenter.drawing.closeup_pool import (  # noqa: E402
    SIZE,
    SLICES,
    CloseUps,
    draw_closeups,
    has_closeups,
    load_closeups,
    save_closeups,
)
from trabecula_training.segmenter.drawing.closeup_samples import draw_closeup_sample  # noqa: E402
from trabecula_training.segmenter.drawing.contrast import Look  # noqa: E402
from trabecula_training.segmenter.training.loss import closeup_loss  # noqa: E402
from trabecula_training.segmenter.training.refiner import RefinerPlan, train_refiner  # noqa: E402

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning", "default::UserWarning")

STATED_DICE = 0.68
"""What a short run must beat on unseen close-ups (bodies with rim)."""
TINY = RefinerPlan(spines=1, steps=6, batch=2, size=32, widths=(4, 6, 8))


@pytest.fixture(scope="module")
def pool() -> CloseUps:
    return draw_closeups(5, 3)


def test_the_same_seed_draws_the_same_close_ups_in_any_number_of_processes(pool: CloseUps) -> None:
    again = draw_closeups(5, 3, processes=2)

    assert np.array_equal(pool.codes, again.codes)
    assert np.array_equal(pool.label, again.label)


def test_a_close_up_holds_its_slices_and_the_body_it_is_of(pool: CloseUps) -> None:
    held = 0
    for number in range(len(pool)):
        closeup = pool[number]
        assert closeup.codes.shape == (SLICES * closeup.planes, SIZE, SIZE)
        held += bool((closeup.level == closeup.label).any())

    assert held > 0.7 * len(pool)


def test_a_saved_pool_is_read_as_it_was(pool: CloseUps, tmp_path: Path) -> None:
    save_closeups(pool, tmp_path)

    loaded = load_closeups(tmp_path)

    assert np.array_equal(pool.codes, loaded.codes)
    assert np.array_equal(pool.planes, loaded.planes)


@pytest.mark.parametrize("look", list(Look))
def test_marrow_of_a_sample_is_near_zero_and_its_outline_near_its_target(pool: CloseUps, look: Look) -> None:
    middles, overlap, total = [], 0.0, 0.0
    for k in range(40):
        sample = draw_closeup_sample((1, k), pool, 64, look)
        assert sample.image.shape == (CHANNELS, 64, 64)
        assert sample.image.dtype == np.float32
        assert np.abs(sample.image).max() <= -UNSEEN + 0.2
        body = sample.target == CloseUpClass.BODY
        if body.sum() > 400:
            middles.append(np.median(sample.image[len(NEIGHBOURS) // 2][body]))
            outline = sample.image[-1] > 0.5
            solid = body | (sample.target == CloseUpClass.RIM)
            overlap += 2.0 * float((outline & solid).sum())
            total += float(outline.sum() + (outline & solid).sum())

    assert np.abs(middles).mean() < 0.2
    assert overlap / total > 0.8


def test_samples_depend_on_their_number_alone(pool: CloseUps) -> None:
    first, again, other = (draw_closeup_sample((1, k), pool, 48) for k in (7, 7, 8))

    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)


def test_a_perfect_answer_costs_nothing() -> None:
    target = torch.zeros(1, 16, 16, dtype=torch.int64)
    target[:, 4:12, 4:12] = int(CloseUpClass.BODY)
    perfect = 30.0 * torch.nn.functional.one_hot(target, len(CloseUpClass)).movedim(-1, 1).float()

    assert float(closeup_loss(perfect, target)) < 0.01
    assert float(closeup_loss(-perfect, target)) > 1.0


def test_every_class_of_the_network_has_one_in_close_ups() -> None:
    assert set(OF_NETWORK_CLASS.tolist()) == {int(kind) for kind in CloseUpClass}


def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path) -> None:
    unbroken = train_refiner(TINY, 3, tmp_path / "whole")
    train_refiner(TINY, 3, tmp_path / "broken", until=3)

    resumed = train_refiner(TINY, 3, tmp_path / "broken")

    for left, right in zip(unbroken.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.allclose(left.float(), right.float(), atol=1e-4)


def test_a_smoke_run_beats_the_stated_dice_on_unseen_close_ups(tmp_path: Path, pool: CloseUps) -> None:
    network = train_refiner(RefinerPlan.smoke(), 2, tmp_path)

    overlap = total = 0.0
    for k in range(60):
        sample = draw_closeup_sample((991, k), pool, 64)
        with torch.no_grad():
            answer = torch.softmax(network(torch.from_numpy(sample.image)[None])[0], dim=0).numpy()
        body = answer[CloseUpClass.BODY] + answer[CloseUpClass.RIM] > 0.5
        true = np.isin(sample.target, (CloseUpClass.BODY, CloseUpClass.RIM))
        overlap += 2.0 * float((body & true).sum())
        total += float(body.sum() + true.sum())
    assert overlap / total > STATED_DICE


def test_a_pool_that_was_not_written_to_its_end_is_drawn_again(
    pool: CloseUps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []
    plain = np.save

    def full_disk(file: BinaryIO, array: np.ndarray, **options: object) -> None:
        if len(written) == 3:
            file.write(b"half")
            raise OSError("No space left on device")
        written.append(file)
        plain(file, array, allow_pickle=False)

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        save_closeups(pool, tmp_path)
    monkeypatch.undo()

    assert not has_closeups(tmp_path)
    save_closeups(pool, tmp_path)
    assert has_closeups(tmp_path)
    assert np.array_equal(load_closeups(tmp_path).label, pool.label)
