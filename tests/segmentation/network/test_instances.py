"""Tests of splitting and naming on made-up network maps: fused bodies, fragments, gaps, anchors."""

from __future__ import annotations

import numpy as np
import pytest

from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.spine import Level
from trabecula.segmentation.naming.anchor import Anchor, find_anchor
from trabecula.segmentation.naming.levels import COUNTED, UNKNOWN, name_bodies
from trabecula.segmentation.network.inference import Maps
from trabecula.segmentation.network.instances import Instances, StackBody, find_instances
from trabecula.segmentation.network.quality import BodyFeatures, calibrated, features_of

CLASSES = ("background", "body", "rim", "s1", "sacrum", "disc", "canal", "posterior", "metal", "ilium")
PITCH, BODY, ROWS, COLUMNS = 34, 26, 280, 90


def maps(bodies: int = 6, fused: bool = False, missing: int | None = None, s1: bool = True) -> Maps:
    """Square bodies one above the other; ``fused`` fills the discs with body, ``missing`` leaves one out."""
    channels = np.zeros((3, len(CLASSES) + 2, ROWS, COLUMNS), dtype=np.float16)
    name = {kind: number for number, kind in enumerate(CLASSES)}
    columns = slice(25, 60)
    for k in range(bodies):
        top = 8 + k * PITCH
        kind = "s1" if s1 and k == bodies - 1 else "body"
        for row in range(top - (PITCH - BODY) // 2, top + BODY + (PITCH - BODY) // 2):
            phase = 2 * np.pi * (top + BODY / 2 - row) / PITCH
            channels[:, -2, row, columns], channels[:, -1, row, columns] = np.cos(phase), np.sin(phase)
            inside = top <= row < top + BODY
            if k != missing:
                channels[:, name[kind if inside or fused else "disc"], row, columns] = 0.95
    if s1:
        below = 8 + bodies * PITCH
        channels[:, name["sacrum"], below - 4 : below + 20, 35:60] = 0.95
    channels[:, 0] = 1 - channels[:, 1 : len(CLASSES)].sum(axis=1)
    return Maps(channels, CLASSES)


def test_bodies_come_from_head_to_foot_with_their_volumes() -> None:
    found = find_instances(maps(), 4.0, 1.0).bodies

    assert len(found) == 5
    assert [body.centre[1] for body in found] == sorted(body.centre[1] for body in found)
    assert found[2].volume_mm3 == pytest.approx(BODY * 35 * 3 * 4.0, rel=0.05)


def test_bodies_that_osteophytes_fuse_are_told_apart_by_the_phase() -> None:
    assert len(find_instances(maps(fused=True), 4.0, 1.0).bodies) == 5


def test_a_fragment_is_dropped() -> None:
    broken = maps()
    broken.channels[:, 1, 8:30, 25:60] = 0
    broken.channels[1, 1, 12:18, 30:34] = 0.95

    assert len(find_instances(broken, 4.0, 1.0).bodies) == 4


def test_levels_are_counted_up_from_the_sacrum() -> None:
    image = maps(7)
    anchor = find_anchor(image)

    naming = name_bodies(find_instances(image, 4.0, 1.0), anchor, 4.0)

    assert naming.how == COUNTED
    assert naming.levels == (Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)
    assert naming.reasons[0].code is ReasonCode.LEVELS_ASSUMED
    assert not naming.reasons[0].blocking


def test_without_a_sacrum_levels_are_unknown_and_never_guessed() -> None:
    image = maps(5, s1=False)

    naming = name_bodies(find_instances(image, 4.0, 1.0, anchored=False), find_anchor(image), 4.0)

    assert naming.how == UNKNOWN
    assert set(naming.levels) == {None}
    assert naming.reasons[0].code is ReasonCode.NUMBERING_AMBIGUOUS


def test_a_gap_that_holds_exactly_one_body_is_counted_across_and_told() -> None:
    image = maps(7, missing=3)

    naming = name_bodies(find_instances(image, 4.0, 1.0), find_anchor(image), 4.0)

    assert naming.levels == (Level.T12, Level.L1, Level.L2, Level.L4, Level.L5)
    assert [reason.code for reason in naming.reasons] == [ReasonCode.LEVELS_ASSUMED]
    assert "L3" in naming.reasons[0].detail


@pytest.mark.parametrize("lost_mm", [-14.0, 14.0])
def test_a_gap_that_may_hold_another_number_of_bodies_ends_the_counting(lost_mm: float) -> None:
    above = tuple((row - 35.0 - lost_mm, 4000.0) for row in (20.0, 55.0))

    naming = name_bodies(_row(*above, *EVEN[2:]), _s1(160.0), 4.0)

    assert naming.levels == (None, None, Level.L4, Level.L5)
    assert naming.reasons[-1].code is ReasonCode.NUMBERING_AMBIGUOUS


@pytest.mark.parametrize(("gap_mm", "next_mm", "named"), [(36.0, 30.0, True), (42.0, 30.0, False), (42.0, 38.0, True)])
def test_a_gap_far_larger_than_those_on_both_sides_may_hold_a_crushed_body(
    gap_mm: float, next_mm: float, named: bool
) -> None:
    l5 = 160.0 - 32.0
    rows = (l5 - 60.0 - gap_mm - next_mm, l5 - 60.0 - gap_mm, l5 - 60.0, l5 - 30.0, l5)

    levels = name_bodies(_row(*((row, 4000.0) for row in rows)), _s1(160.0), 4.0).levels

    assert levels == ((Level.L1, Level.L2) if named else (None, None)) + (Level.L3, Level.L4, Level.L5)


def test_a_gap_right_above_s1_ends_the_counting_because_no_distance_is_known_yet() -> None:
    assert name_bodies(_row(*EVEN[:3]), _s1(160.0), 4.0).levels == (None, None, None)


def test_an_unsure_s1_is_no_anchor() -> None:
    image = maps()
    image.channels[:, 3] *= np.float16(0.6)

    assert find_anchor(image) is None


def test_an_image_without_bodies_gives_none() -> None:
    empty = np.zeros((1, len(CLASSES) + 2, 64, 64), dtype=np.float16)
    empty[:, 0] = 1

    found = find_instances(Maps(empty, CLASSES), 4.0, 1.0)

    assert found.bodies == ()
    assert name_bodies(found, None, 4.0).levels == ()


def test_an_unsure_map_has_lower_quality() -> None:
    sure, unsure = maps(), maps()
    unsure.channels[:, 1] *= np.float16(0.63)

    first, second = (features_of(image, find_instances(image, 4.0, 1.0)) for image in (sure, unsure))

    assert calibrated(first[1], {}) > calibrated(second[1], {}) + 0.2
    assert second[1].ambiguous > first[1].ambiguous


def test_calibration_maps_features_along_its_curve() -> None:
    entry = {
        "weights": {"certainty": 1.0, "ambiguous": 0.0, "phase": 0.0, "edge_certainty": 0.0},
        "intercept": 0.0,
        "score": [0.0, 0.5, 1.0],
        "dice": [0.0, 0.2, 0.9],
    }

    assert calibrated(BodyFeatures(0.75, 0, 0, 0), entry) == pytest.approx(0.55)
    assert calibrated(BodyFeatures(1.5, 0, 0, 0), entry) == pytest.approx(0.9)


def _cut_above(rows: int) -> Maps:
    """A spine whose upper ``rows`` rows are out of view, so that of its first body only the lower end is seen."""
    channels = np.array(maps(7).channels[:, :, rows:])
    return Maps(channels, CLASSES)


def test_the_lower_end_of_a_body_cut_by_the_image_is_a_body_of_its_own() -> None:
    whole = find_instances(maps(7), 4.0, 1.0).bodies

    found = find_instances(_cut_above(26), 4.0, 1.0).bodies

    assert len(found) == len(whole) == 6
    assert found[0].edge
    assert found[0].volume_mm3 < 0.35 * whole[0].volume_mm3
    assert found[1].volume_mm3 == pytest.approx(whole[1].volume_mm3, rel=0.01)


def test_what_is_left_of_a_cut_body_never_swells_the_next_one() -> None:
    whole = find_instances(maps(7), 4.0, 1.0).bodies

    found = find_instances(_cut_above(32), 4.0, 1.0).bodies

    assert found[-5].volume_mm3 == pytest.approx(whole[1].volume_mm3, rel=0.01)


def test_two_bodies_fused_into_one_outline_end_the_counting() -> None:
    image = maps(7)
    column, top = slice(25, 60), 8 + 3 * PITCH
    image.channels[:, 1, top : top + BODY + PITCH, column] = 0.95
    image.channels[:, [0, 5], top : top + BODY + PITCH, column] = 0
    image.channels[:, -2, top : top + BODY + PITCH, column] = 1
    image.channels[:, -1, top : top + BODY + PITCH, column] = 0

    naming = name_bodies(find_instances(image, 4.0, 1.0), find_anchor(image), 4.0)

    assert naming.levels == (None, None, None, None, Level.L5)
    assert naming.reasons[-1].code is ReasonCode.NUMBERING_AMBIGUOUS
    assert "two bodies" in naming.reasons[-1].detail


def test_cores_that_touch_from_slice_to_slice_only_are_two_bodies() -> None:
    image = maps(7)
    top = 8 + 3 * PITCH
    upper, bridge = slice(top + 17, top + 27), slice(top + 25, top + 42)
    image.channels[0, 1, upper, 25:60] = image.channels[1, 1, bridge, 25:60] = 0.95
    image.channels[0, [0, 5], upper, 25:60] = image.channels[1, [0, 5], bridge, 25:60] = 0
    image.channels[0, -2, upper, 25:60] = image.channels[1, -2, bridge, 25:60] = 0.4
    image.channels[0, -1, upper, 25:60] = image.channels[1, -1, bridge, 25:60] = 0.9

    found = find_instances(image, 4.0, 1.0)

    assert len(found.bodies) == 6
    assert name_bodies(found, find_anchor(image), 4.0).levels[0] is Level.T12


def test_two_small_bodies_in_one_outline_beside_large_ones_end_the_counting() -> None:
    row = _row((20.0, 3000.0), (80.0, 4700.0), (125.0, 3000.0))

    naming = name_bodies(row, _s1(160.0), 4.0)

    assert naming.levels == (None, None, Level.L5)
    assert "two bodies" in naming.reasons[-1].detail


def test_l5_is_counted_below_crushed_bodies_that_are_much_smaller() -> None:
    row = _row((22.0, 4000.0), (50.0, 4000.0), (78.0, 3500.0), (104.0, 2500.0), (130.0, 5600.0))

    assert name_bodies(row, _s1(160.0), 4.0).levels == (Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)


def _row(*places: tuple[float, float]) -> Instances:
    """Bodies as (row of the centre in mm, volume in mm3) from head to foot, on one slice."""
    bodies = tuple(
        StackBody(
            number=k + 1, centre=(0.0, row, 40.0), volume_mm3=volume, area_mm2=volume / 4.0, height_mm=26.0, edge=False
        )
        for k, (row, volume) in enumerate(places)
    )
    empty = np.zeros((1, 8, 8), np.float32)
    return Instances(bodies, empty.astype(np.uint8), empty)


def _s1(row: float) -> Anchor:
    return Anchor(np.ones((1, 8, 8), dtype=np.bool_), (0.0, row, 40.0), 0.95)


EVEN = ((20.0, 4000.0), (55.0, 4000.0), (90.0, 4000.0), (125.0, 4000.0))


def test_a_piece_of_s1_above_it_is_not_counted() -> None:
    naming = name_bodies(_row(*EVEN, (146.0, 1500.0)), _s1(160.0), 4.0)

    assert naming.levels == (Level.L2, Level.L3, Level.L4, Level.L5, None)


def test_pieces_in_a_narrow_row_end_the_counting_instead_of_shifting_every_name_above() -> None:
    naming = name_bodies(_row((20.0, 4000.0), (38.0, 1500.0), *EVEN[1:]), _s1(160.0), 4.0)

    assert naming.levels[-3:] == (Level.L3, Level.L4, Level.L5)
    assert naming.levels[:2] == (None, None)
    assert naming.reasons[-1].code is ReasonCode.NUMBERING_AMBIGUOUS


def test_a_crushed_body_between_its_discs_is_counted() -> None:
    crushed = name_bodies(_row((22.0, 4000.0), (55.0, 2100.0), *EVEN[2:]), _s1(160.0), 4.0)

    assert crushed.levels == (Level.L2, Level.L3, Level.L4, Level.L5)


def test_a_large_body_below_a_crushed_one_is_counted() -> None:
    naming = name_bodies(_row(*EVEN[:2], (90.0, 2300.0), (125.0, 5600.0)), _s1(160.0), 4.0)

    assert naming.levels == (Level.L2, Level.L3, Level.L4, Level.L5)


def test_nothing_is_counted_across_an_outline_that_is_poor() -> None:
    naming = name_bodies(_row(*EVEN), _s1(160.0), 4.0, poor=[False, False, True, False])

    assert naming.levels == (None, None, None, Level.L5)
    assert "too poor" in naming.reasons[-1].detail


def test_what_has_bodies_below_it_is_not_s1() -> None:
    naming = name_bodies(_row(*EVEN), _s1(92.0), 4.0)

    assert naming.levels == (None,) * 4
    assert naming.how == UNKNOWN


def test_a_crowding_piece_between_two_bodies_is_dropped() -> None:
    image = maps(7)
    top = 8 + 2 * PITCH
    column, inside = slice(25, 60), slice(top + BODY + 1, top + PITCH - 1)
    image.channels[:, 1, inside, slice(25, 45)] = 0.95
    image.channels[:, [0, 5], inside, column] = 0
    image.channels[:, -2, inside, column], image.channels[:, -1, inside, column] = 1, 0

    assert len(find_instances(image, 4.0, 1.0).bodies) == 6


def test_two_bodies_that_a_wide_bridge_joins_from_slice_to_slice_are_told_apart() -> None:
    image = maps(7)
    top = 8 + 3 * PITCH
    bridge = slice(top + 10, top + 10 + PITCH)
    image.channels[0, 1, bridge, 25:60], image.channels[0, [0, 5], bridge, 25:60] = 0.95, 0
    image.channels[0, -2, bridge, 25:60], image.channels[0, -1, bridge, 25:60] = 0.6, 0.75

    assert len(find_instances(image, 4.0, 1.0).bodies) == 6
