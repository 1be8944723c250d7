"""Tests of phantom examinations as cases, and of the search for spines that are not where one looks first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trabecula.analysis.gates.outlines import judge
from trabecula.data.bundle_location import find_segmenter_bundle
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import SMALL_MR
from trabecula.phantom.study import MrStudySpec
from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula_training.segmenter.drawing.contrast import Look
from trabecula_training.segmenter.judging.evaluate import score_bodies
from trabecula_training.segmenter.judging.examinations import SEED, examine, mr_examination
from trabecula_training.segmenter.judging.phantom_cases import CaseOptions, draw_case
from trabecula_training.segmenter.judging.robustness import Axes
from trabecula_training.segmenter.run import phantom_table

WIDE = CaseOptions(
    look=Look.CT, plane="axial", pixel_mm=1.4, spacing_mm=3.0, field_mm=(200.0, 170.0, 330.0), side_mm=-90.0
)


@pytest.fixture(scope="module")
def segmenter() -> NetworkSegmenter:
    return NetworkSegmenter(find_segmenter_bundle(Path(__file__).parents[4] / "models" / "bundles"))


def test_an_examination_is_the_same_again_and_its_truth_follows_the_border_convention() -> None:
    first, again = (examine(2, mr_examination("T2", slices=5)) for _ in range(2))
    series = make_mr_study(MrStudySpec(sample_patient(SEED, 2), replace(SMALL_MR, slices=5))).series_of("T2")
    assert series.labels is not None

    assert (first.volume.array == again.volume.array).all()
    assert (first.truth == again.truth).all()
    assert Level.S1.label in np.unique(series.labels)
    assert Level.S1.label not in np.unique(first.truth)
    for level in MEASURED_LEVELS:
        whole, marrow = (series.labels == level.label).sum(), (first.truth == level.label).sum()
        assert 0.7 * whole < marrow < 0.97 * whole


def test_a_spine_far_from_the_middle_of_a_wide_ct_is_found(segmenter: NetworkSegmenter) -> None:
    case = draw_case(3, WIDE)

    scores = score_bodies(case.truth, segmenter.segment(case.volume), case.volume.geometry, least_voxels=2000)

    assert len(scores) >= 4
    assert all(score.found and not score.named_wrong for score in scores)


def test_a_ct_without_a_spine_costs_little_and_says_so(segmenter: NetworkSegmenter) -> None:
    beside = segmenter.segment(draw_case(3, replace(WIDE, side_mm=900.0)).volume)

    assert beside.bodies == ()
    assert judge(beside).all_codes == {ReasonCode.NOT_A_SPINE}
    assert not beside.labels.any()


@pytest.mark.parametrize(("number", "header"), [(5, (1,)), (511, ())])
def test_short_crops_without_a_sacrum_get_no_names_whichever_way_they_stand(
    segmenter: NetworkSegmenter, number: int, header: tuple[int, ...]
) -> None:
    crop = CaseOptions(field_mm=(114.0, 120.0, 14.0), shift_mm=25.4, wrong_header=header)

    found = segmenter.segment(draw_case(number, crop).volume)

    assert found.bodies
    assert {body.level for body in found.bodies} == {None}


def test_the_table_has_a_row_for_each_place_with_figures_near_the_midline_and_over_whole_bodies() -> None:
    bundle = find_segmenter_bundle(Path(__file__).parents[4] / "models" / "bundles")
    said: list[str] = []

    axes: Axes = {"MR": {"T1w": mr_examination("T1", slices=5), "nothing": replace(WIDE, side_mm=900.0)}}
    table = phantom_table(bundle, axes, range(1000, 1001), 1, said.append).splitlines()

    assert said == table[2:]
    assert [line.count("|") for line in table] == [table[0].count("|")] * 4
    figures = [cell.strip() for cell in table[2].split("|")[3:-1]]
    assert int(figures[0]) >= 5
    assert 0.95 < float(figures[1]) <= 1
    assert 0.9 < float(figures[2]) <= 1
    assert figures[5] == "**0.00**"
    assert table[3].split("|")[3].strip() == "0"
