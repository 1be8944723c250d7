"""Tests of the figures: Dice, found, wrong names, and the cut of whole vertebrae to bodies."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula_training.segmenter.calibration import fit_calibration
from trabecula_training.segmenter.evaluate import body_of_vertebra, dice, score_bodies, summarise

ONE_MM = (1.0, 1.0, 1.0)


def segmentation(labels: np.ndarray, levels: dict[int, float]) -> Segmentation:
    bodies = tuple(SegmentedBody(label, None, quality) for label, quality in levels.items())
    return Segmentation(labels.astype(np.uint8), bodies, SegmenterIdentity("test", "1"), 1.0, "")


def two_squares(first: int, second: int) -> np.ndarray:
    labels = np.zeros((1, 60, 40), dtype=np.uint8)
    labels[0, 5:25, 10:30] = first
    labels[0, 32:52, 10:30] = second
    return labels


def test_a_perfect_outline_scores_one_and_is_named_right() -> None:
    truth = two_squares(22, 23)

    summary = summarise({"a": score_bodies(truth, segmentation(truth, {22: 0.9, 23: 0.9}), ONE_MM)})

    assert summary.as_dict() == {
        "bodies": 2, "shape_dice": 1.0, "found": 1.0, "named": 1.0, "wrong": 0.0, "abstained": 0.0,
    }  # fmt: skip


def test_a_shifted_name_is_wrong_and_an_unknown_one_is_not() -> None:
    truth = two_squares(22, 23)

    shifted = summarise({"a": score_bodies(truth, segmentation(two_squares(21, 22), {21: 1, 22: 1}), ONE_MM)})
    unknown = summarise({"a": score_bodies(truth, segmentation(two_squares(101, 102), {101: 1, 102: 1}), ONE_MM)})

    assert (shifted.wrong, shifted.dice) == (1.0, 1.0)
    assert (unknown.wrong, unknown.named, unknown.found) == (0.0, 0.0, 1.0)


def test_a_body_without_any_outline_is_not_found() -> None:
    truth = two_squares(22, 23)

    scores = score_bodies(truth, segmentation(two_squares(22, 0), {22: 1}), ONE_MM)

    assert [score.found for score in scores] == [True, False]


def test_processes_far_from_the_outline_do_not_count() -> None:
    body = two_squares(22, 0)[0:1] == 22
    vertebra = body.copy()
    vertebra[0, 10:15, 30:40] = True

    part = body_of_vertebra(vertebra, body, ONE_MM)

    assert body.sum() < part.sum() < vertebra.sum()
    assert part[body].all()


@given(hnp.arrays(np.bool_, (4, 5)), hnp.arrays(np.bool_, (4, 5)))
def test_dice_is_symmetric_and_between_zero_and_one(first: np.ndarray, second: np.ndarray) -> None:
    assert 0 <= dice(first, second) == dice(second, first) <= 1


@given(st.integers(0, 100))
def test_calibration_is_monotone_in_its_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.uniform(0, 1, (40, 4))
    true = np.clip(0.5 * features[:, 0] + 0.4 * features[:, 3] + rng.normal(0, 0.03, 40), 0, 1)

    fitted = fit_calibration(features, true)

    assert (np.diff(fitted.entry["dice"]) >= 0).all()
    assert fitted.correlation > 0.8


def test_calibration_refuses_a_handful_of_bodies() -> None:
    with pytest.raises(ValueError, match="20 bodies"):
        fit_calibration(np.ones((5, 4)), np.ones(5))
