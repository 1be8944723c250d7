"""Tests of what the border convention costs."""

from __future__ import annotations

from pathlib import Path

from trabecula.data.bundle_location import find_segmenter_bundle
from trabecula.domain.modality import Modality
from trabecula_training.segmenter.judging.borders import try_shares
from trabecula_training.segmenter.judging.examinations import mr_examination


def test_shares_are_tried_on_phantoms() -> None:
    bundle = find_segmenter_bundle(Path(__file__).parents[4] / "models" / "bundles")

    figures = try_shares(bundle, 1, 1, Modality.MR, [mr_examination("T1", slices=5)])

    dice = [figure.dice for figure in figures]
    assert [figure.share for figure in figures] == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert min(dice) > 0.9
    assert len(set(dice)) == len(dice)
