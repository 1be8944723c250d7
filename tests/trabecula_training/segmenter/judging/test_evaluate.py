"""Tests of the figures: Dice, found, wrong names, and the cut of whole vertebrae to bodies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.volume import Geometry
from trabecula.segmentation.network.quality import FEATURES
from trabecula_training.segmenter.judging.calibration import fit_calibration
from trabecula_training.segmenter.judging.evaluate import (
    best_dice,
    body_of_vertebra,
    dice,
    midline_dice,
    score_bodies,
    summarise,
)

ONE_MM = (1.0, 1.0, 1.0)
SQUARES = Geometry((1, 60, 40), np.eye(4))


def segmentation(labels: np.ndarray, levels: dict[int, float]) -> Segmentation:
    bodies = tuple(SegmentedBody(label=label, level=None, quality=quality) for label, quality in levels.items())
    return Segmentation(
        labels=labels.astype(np.uint8),
        bodies=bodies,
        segmenter=SegmenterIdentity("test", "1"),
        quality=1.0,
        numbering="",
    )


def two_squares(first: int, second: int) -> np.ndarray:
    labels = np.zeros((1, 60, 40), dtype=np.uint8)
    labels[0, 5:25, 10:30] = first
    labels[0, 32:52, 10:30] = second
    return labels


def test_a_perfect_outline_scores_one_and_is_named_right() -> None:
    truth = two_squares(22, 23)

    summary = summarise({"a": score_bodies(truth, segmentation(truth, {22: 0.9, 23: 0.9}), SQUARES)})

    assert summary.as_dict() == {
        "bodies": 2, "shape_dice": 1.0, "midline_dice": 1.0, "found": 1.0, "named": 1.0, "wrong": 0.0, "abstained": 0.0,
    }  # fmt: skip


def test_a_shifted_name_is_wrong_and_an_unknown_one_is_not() -> None:
    truth = two_squares(22, 23)

    shifted = summarise({"a": score_bodies(truth, segmentation(two_squares(21, 22), {21: 1, 22: 1}), SQUARES)})
    unknown = summarise({"a": score_bodies(truth, segmentation(two_squares(101, 102), {101: 1, 102: 1}), SQUARES)})

    assert (shifted.wrong, shifted.dice) == (1.0, 1.0)
    assert (unknown.wrong, unknown.named, unknown.found) == (0.0, 0.0, 1.0)


def test_a_body_without_any_outline_is_not_found() -> None:
    truth = two_squares(22, 23)

    scores = score_bodies(truth, segmentation(two_squares(22, 0), {22: 1}), SQUARES)

    assert [score.found for score in scores] == [True, False]


def test_a_sliver_is_compared_with_the_small_body_it_outlines_though_none_that_small_is_scored() -> None:
    truth = two_squares(22, 0)
    truth[0, 0:1, 10:30] = 21
    outline = np.zeros(truth.shape, dtype=bool)
    outline[0, 0:2, 10:30] = True

    assert [score.label for score in score_bodies(truth, segmentation(truth, {22: 1.0}), SQUARES)] == [22]
    assert best_dice(truth, outline) == pytest.approx(2 / 3)
    assert best_dice(truth, truth == 22) == 1.0
    assert best_dice(truth, np.roll(outline, 40, axis=1)) == 0.0


def test_processes_far_from_the_outline_do_not_count() -> None:
    body = two_squares(22, 0)[0:1] == 22
    vertebra = body.copy()
    vertebra[0, 10:15, 30:40] = True

    part = body_of_vertebra(vertebra, body, ONE_MM)

    assert body.sum() < part.sum() < vertebra.sum()
    assert part[body].all()


@pytest.mark.parametrize("left", [0, 1, 2])
def test_only_what_is_near_the_midline_counts_for_its_dice(left: int) -> None:
    affine = np.eye(4)[:, [*np.roll([0, 1, 2], left), 3]]
    true = np.zeros((50, 50, 50), np.bool_)
    true[5:45, 5:45, 5:45] = True
    outline = true.copy()
    side = [slice(None)] * 3
    side[left] = slice(0, 12)
    outline[tuple(side)] = False

    near = midline_dice(true, outline, Geometry((50, 50, 50), affine))

    assert dice(true, outline) < 0.92
    assert near == 1.0
    assert midline_dice(true, np.roll(outline, 4, axis=(left + 1) % 3), Geometry((50, 50, 50), affine)) < 0.95


@given(hnp.arrays(np.bool_, (4, 5)), hnp.arrays(np.bool_, (4, 5)))
def test_dice_is_symmetric_and_between_zero_and_one(first: np.ndarray, second: np.ndarray) -> None:
    assert 0 <= dice(first, second) == dice(second, first) <= 1


@given(st.integers(0, 100))
def test_calibration_is_monotone_in_its_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.uniform(0, 1, (40, len(FEATURES)))
    true = np.clip(0.5 * features[:, 0] + 0.4 * features[:, 3] + rng.normal(0, 0.03, 40), 0, 1)

    fitted = fit_calibration(features, true)

    assert (np.diff(fitted.entry["dice"]) >= 0).all()
    assert fitted.correlation > 0.8


def test_calibration_refuses_a_handful_of_bodies() -> None:
    with pytest.raises(ValueError, match="20 bodies"):
        fit_calibration(np.ones((5, len(FEATURES))), np.ones(5))
