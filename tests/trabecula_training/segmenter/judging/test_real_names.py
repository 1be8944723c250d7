"""Tests of names on the development scans, where they lie on this machine: real spines that once were named wrongly."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trabecula.data.bundle_location import find_segmenter_bundle
from trabecula.domain.volume import Geometry
from trabecula.segmentation.naming.levels import FROM_RIBS
from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula_training.segmenter.judging.naming import score_naming
from trabecula_training.segmenter.real.data import RealCase, read_cases, read_labelled


@pytest.fixture(scope="module")
def segmenter() -> NetworkSegmenter:
    return NetworkSegmenter(find_segmenter_bundle())


def one(cases: list[RealCase], name: str) -> RealCase:
    return next(case for case in cases if case.name == name)


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("mr-space-volumes", "007"),
        ("mr-space-volumes", "110"),
        ("mr-space-volumes", "200"),
        ("mr-volumes-naming", "waterfat-05"),
        ("mr-volumes-naming", "waterfat-14"),
    ],
    ids=["a part of S1 as L5", "the same, steeper", "S2 like S1", "ribs beside L1", "ribs beside L1, T12 out of view"],
)
def test_every_lumbar_level_of_a_real_spine_is_named_rightly(
    segmenter: NetworkSegmenter, development_data: Path, folder: str, name: str
) -> None:
    case = one(list(read_labelled(development_data / folder)), name)

    score = score_naming(case, segmenter.segment(case.volume))

    assert (score.unknown, score.wrong, score.missed) == (0, 0, 0)
    assert score.every_lumbar
    assert score.dice > 0.8


def test_a_real_ct_that_ends_above_the_sacrum_is_named_from_its_last_ribs(
    segmenter: NetworkSegmenter, development_data: Path
) -> None:
    case = one(list(read_cases(development_data)), "abdomen")
    axes = segmenter.read(case.volume).grid.axes
    down, keep = axes.order[1], int(140 / axes.steps_mm[1])
    first = 0 if axes.signs[1] > 0 else case.truth.shape[down] - keep
    window = tuple(slice(first, first + keep) if axis == down else slice(None) for axis in range(3))
    affine = case.volume.geometry.affine.copy()
    affine[:3, 3] += affine[:3, down] * first
    array = np.ascontiguousarray(case.volume.array[window])
    volume = replace(case.volume, array=array, geometry=Geometry(array.shape, affine), padding=None)

    result = segmenter.segment(volume)
    score = score_naming(replace(case, volume=volume, truth=case.truth[window]), result)

    assert result.numbering == FROM_RIBS
    assert (score.wrong, score.right) == (0, 4)
    assert score.said == ("RIBS",)
