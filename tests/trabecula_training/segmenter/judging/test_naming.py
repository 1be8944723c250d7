"""Tests of the figures on names: right, unknown, wrong and missed, on volumes with some of their bodies labelled."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.trabecula_training.segmenter.judging.test_evaluate import SQUARES, segmentation, two_squares
from trabecula.domain.modality import Modality
from trabecula.domain.volume import Volume
from trabecula_training.segmenter.judging.naming import score_naming, total
from trabecula_training.segmenter.real.data import RealCase, read_labelled


def case(truth: np.ndarray) -> RealCase:
    volume = Volume(array=np.zeros(SQUARES.shape, np.float32), geometry=SQUARES, modality=Modality.MR)
    return RealCase(name="a", group="labelled", volume=volume, truth=truth.astype(np.uint8), whole_vertebrae=False)


@pytest.mark.parametrize(
    ("given", "counts", "every"),
    [
        ((22, 23), (2, 0, 0, 0), True),
        ((21, 22), (0, 0, 2, 0), False),
        ((101, 23), (1, 1, 0, 0), False),
        ((22, 0), (1, 0, 0, 1), False),
    ],
)
def test_names_are_right_unknown_wrong_or_missed(
    given: tuple[int, int], counts: tuple[int, int, int, int], every: bool
) -> None:
    result = segmentation(two_squares(*given), {label: 0.9 for label in given if label})

    score = score_naming(case(two_squares(22, 23)), result)

    assert (score.right, score.unknown, score.wrong, score.missed) == counts
    assert score.every_lumbar is every


def test_a_body_that_is_not_labelled_does_not_count() -> None:
    score = score_naming(case(two_squares(22, 0)), segmentation(two_squares(22, 26), {22: 0.9, 26: 0.9}))

    assert (score.right, score.wrong, score.every_lumbar) == (1, 0, True)


def test_the_last_row_sums_all_volumes() -> None:
    scores = [
        score_naming(case(two_squares(22, 23)), segmentation(two_squares(*given), dict.fromkeys(given, 0.9)))
        for given in ((22, 23), (21, 22))
    ]

    assert total(scores).startswith("| 2 volumes | 2 / 0 / 2 / 0 | 1 | 1.000 |")


def test_labelled_volumes_are_pairs_of_files(tmp_path: Path) -> None:
    for name in ("b", "a"):
        for kind, value in (("image", 7), ("truth", 22)):
            array = np.full((5, 6, 3), value, np.int16)
            nibabel.save(nibabel.Nifti1Image(array, np.diag([1.0, 1.0, 4.0, 1.0])), tmp_path / f"{name}_{kind}.nii.gz")
    nibabel.save(nibabel.Nifti1Image(np.zeros((5, 6, 3), np.int16), np.eye(4)), tmp_path / "alone_image.nii.gz")

    found = list(read_labelled(tmp_path))

    assert [item.name for item in found] == ["a", "b"]
    assert found[0].volume.array.shape == found[0].truth.shape
    assert set(np.unique(found[0].truth)) == {22}
