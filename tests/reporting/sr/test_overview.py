"""Where the study's numbers are drawn, and which numbers stand beside a level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.reporting.builders import Study, result_of
from trabecula.domain import codes
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import LevelResult, Measurement, Outline
from trabecula.domain.spine import Level
from trabecula.reporting.sr.named_numbers import level_numbers
from trabecula.reporting.sr.overview import hull, overview_outline

LOSS = Measurement(concept=codes.HEIGHT_LOSS, value=31.0, unit=codes.PERCENT, method="heights_v1")


def test_the_slice_is_the_nearest_that_shows_the_levels_and_carries_no_contour(mr: Study) -> None:
    levels = result_of(mr).levels
    places = mr.volume.volume.source_uids
    used = {places.index(outline.sop_instance_uid) for level in levels for outline in level.outlines}

    found = overview_outline(levels, mr.volume)

    assert used == {5}
    assert places.index(found.sop_instance_uid) == 4


def test_where_every_slice_carries_contours_it_is_one_with_the_fewest(mr: Study) -> None:
    places = mr.volume.volume.source_uids
    first, *others = result_of(mr).levels
    shape = first.outlines[0].points
    everywhere = tuple(Outline(uid, shape) for uid in places)
    twice = tuple(Outline(uid, shape) for index, uid in enumerate(places) if index != 7)

    found = overview_outline((replace(first, outlines=everywhere + twice), *others), mr.volume)

    assert places.index(found.sop_instance_uid) == 7


def test_without_a_label_map_it_is_the_first_contour(mr: Study) -> None:
    levels = result_of(mr).levels

    assert overview_outline(levels, None) == levels[0].outlines[0]
    unlabelled = replace(mr.volume, labels=np.zeros_like(mr.volume.labels))
    assert overview_outline(levels, unlabelled) == levels[0].outlines[0]


def test_a_hull_runs_along_the_edges_of_the_pixels() -> None:
    mask = np.zeros((6, 8), dtype=bool)
    mask[1, 2] = mask[4, 5] = True

    points = hull(mask)

    assert set(points) == {(1.5, 0.5), (2.5, 0.5), (5.5, 3.5), (5.5, 4.5), (4.5, 4.5), (1.5, 1.5)}


@pytest.mark.parametrize("flagged", [True, False])
def test_lost_height_stands_beside_a_body_that_is_reported_as_deformed(ct: Study, flagged: bool) -> None:
    level = _with_loss(result_of(ct).levels[1], flagged)

    names = [item.name.meaning for item in level_numbers(level, ct.series_uid)]

    assert names == (["L2 mean HU (not used)", "L2 height loss"] if flagged else ["L2 mean HU"])


def test_a_level_without_value_of_the_measured_series_shows_what_it_has(ct: Study) -> None:
    level = replace(result_of(ct).levels[0], measurements=(replace(LOSS, series_uid="1.2.9"),))

    assert [item.name.meaning for item in level_numbers(level, ct.series_uid)] == ["L1 height loss"]


def _with_loss(level: LevelResult, flagged: bool) -> LevelResult:
    flag = Reason(code=ReasonCode.FRACTURE_LEVEL, blocking=True, level=Level.L2)
    flags = (flag,) if flagged else ()
    return replace(level, evaluable=not flagged, flags=flags, measurements=(*level.measurements, LOSS))
