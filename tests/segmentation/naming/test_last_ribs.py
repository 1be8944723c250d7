"""Tests of the last pair of ribs on CT: ribs are told from processes by their reach, and names count from T12."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry, Volume
from trabecula.segmentation.naming.last_ribs import LastRibs, find_last_ribs
from trabecula.segmentation.naming.levels import (
    CONTRADICTED,
    COUNTED,
    DOUBTED,
    FROM_RIBS,
    UNKNOWN,
    Naming,
    with_last_ribs,
)
from trabecula.segmentation.network.grids import Grid, axes_of, lay_grid, whole
from trabecula.segmentation.network.instances import Instances, StackBody

SHAPE, PITCH = (110, 75, 150), 34.0
"""An axial CT in steps of 2 mm: 220 mm high, 150 deep, 300 wide."""
AFFINE = np.array([[0, 0, 2.0, -150], [0, 2.0, 0, -75], [-2.0, 0, 0, 110], [0, 0, 0, 1.0]])
ROWS = tuple(20.0 + PITCH * k for k in range(6))
Bones = dict[int, tuple[float, float]]
"""How far bone reaches from the middle on the right and on the left (mm), by body."""


def scene(bones: Bones, modality: Modality = Modality.CT, width_mm: float = 300.0) -> tuple[Volume, Grid, Instances]:
    """Six bodies, and beside each rods of bone 8 mm thick that come down by a quarter of their length."""
    array = np.full(SHAPE, 40.0, np.float32)
    z, y, x = (np.arange(size) * 2.0 for size in SHAPE)
    for body, reaches in bones.items():
        for sign, reach in zip((-1, 1), reaches, strict=True):
            away = sign * (x - 150)[None, None, :]
            down = z[:, None, None] - ROWS[body] - 0.25 * (away - 24)
            rod = np.hypot(down, (y - 75 - 20)[None, :, None]) < 4
            array[rod & (away >= 20) & (away <= reach)] = 400.0
    cut = int((300.0 - width_mm) / 4)
    affine = AFFINE.copy()
    affine[0, 3] += 2.0 * cut
    array = np.ascontiguousarray(array[:, :, cut : SHAPE[2] - cut])
    volume = Volume(array=array, geometry=Geometry(array.shape, affine), modality=modality)
    axes = axes_of(volume.geometry)
    grid = lay_grid(axes, whole(axes), 2.0)
    middle = (150.0 - 2.0 * cut) / 2
    bodies = tuple(
        StackBody(
            number=k + 1, centre=(middle, row, 75.0), volume_mm3=28_000.0, area_mm2=780.0, height_mm=26.0, edge=False
        )
        for k, row in enumerate(ROWS)
    )
    empty = np.zeros((1, 8, 8), np.float32)
    return volume, grid, Instances(bodies, empty.astype(np.uint8), empty)


RIBS: Bones = {0: (140, 140), 1: (90, 96), 2: (44, 40), 3: (50, 54), 4: (58, 60)}


def test_the_last_pair_that_reaches_farther_than_a_process_is_found() -> None:
    found = find_last_ribs(*scene(RIBS))

    assert found is not None
    assert found.body == 1
    assert found.reach_mm == pytest.approx((96, 90), abs=5) or found.reach_mm == pytest.approx((90, 96), abs=5)


@pytest.mark.parametrize(
    "bones",
    [
        {0: (140, 140), 1: (90, 44), 2: (44, 40)},
        {5: (90, 90)},
        {0: (140, 140), 1: (90, 96), 2: (62, 60)},
        {2: (44, 40)},
        {},
    ],
    ids=["one side", "no body beside", "long processes below", "processes only", "nothing"],
)
def test_where_the_last_pair_is_in_doubt_there_is_none(bones: Bones) -> None:
    assert find_last_ribs(*scene(bones)) is None


@pytest.mark.parametrize(
    ("bones", "width_mm"),
    [(RIBS, 170.0), ({0: (140, 140), 1: (90, 128), 2: (44, 40)}, 300.0), ({1: (140, 140), 2: (44, 40)}, 300.0)],
    ids=["cut by the image", "one wraps round", "both wrap round"],
)
def test_ribs_that_do_not_end_in_view_as_free_ribs_do_are_not_whole(bones: Bones, width_mm: float) -> None:
    found = find_last_ribs(*scene(bones, width_mm=width_mm))

    assert found is not None
    assert (found.body, found.whole) == (1, False)
    assert found.next_mm == pytest.approx(44, abs=5)


def test_what_contrast_agent_joins_to_a_rib_is_told_apart_by_its_density() -> None:
    volume, grid, instances = scene(RIBS)
    kidney = np.zeros(SHAPE, dtype=np.bool_)
    kidney[18:60, 30:60, 95:130] = True
    volume.array[kidney & (volume.array < 300)] = 210.0

    found = find_last_ribs(volume, grid, instances)

    assert found is not None
    assert (found.body, found.whole) == (1, True)


def test_ribs_that_are_not_whole_name_nothing_and_short_twelfth_ribs_contradict_nothing() -> None:
    levels = (Level.T11, Level.T12, Level.L1, Level.L2, Level.L3, Level.L4)

    assert named((None,) * 6, UNKNOWN, LastRibs(body=1, reach_mm=(90.0, 96.0), whole=False)).how == UNKNOWN
    assert named(levels, COUNTED, LastRibs(body=0, reach_mm=(140.0, 140.0), whole=False, next_mm=58.0)).levels == levels
    assert (
        named(levels, COUNTED, LastRibs(body=2, reach_mm=(70.0, 70.0), whole=False, next_mm=58.0)).how == CONTRADICTED
    )


def test_bone_beside_t12_as_short_as_a_process_is_no_rib_and_a_pair_beside_lower_bodies_is_none_either() -> None:
    levels = (Level.T11, Level.T12, Level.L1, Level.L2, Level.L3, Level.L4)

    bare = named(levels, COUNTED, LastRibs(body=0, reach_mm=(74.0, 74.0), whole=False, next_mm=52.0))
    processes = named(levels, COUNTED, LastRibs(body=4, reach_mm=(74.0, 70.0)))

    assert bare.how == CONTRADICTED
    assert "6 lumbar vertebrae by the ribs" in bare.reasons[1].detail
    assert processes.levels == levels


def test_faint_ribs_are_found_and_from_them_alone_nothing_is_named() -> None:
    volume, grid, instances = scene(RIBS)
    volume.array[volume.array == 400.0] = 150.0

    found = find_last_ribs(volume, grid, instances)

    assert found is not None
    assert (found.body, found.whole) == (1, False)


@pytest.mark.parametrize("depth", [slice(37, 54), slice(46, 49)], ids=["by a thick piece", "by a thin bridge"])
def test_where_the_ribs_of_one_side_are_joined_the_other_side_tells(depth: slice) -> None:
    volume, grid, instances = scene({0: (140, 140), 1: (90, 96), 2: (44, 40)})
    left = slice(int((150 + 38) / 2), int((150 + 44) / 2))
    rows = slice(int(ROWS[0] / 2), int(ROWS[2] / 2))
    volume.array[rows, depth, left] = 400.0

    found = find_last_ribs(volume, grid, instances)

    assert found is not None
    assert (found.body, found.whole) == (1, False)
    assert found.reach_mm[0] == found.reach_mm[1] == pytest.approx(90, abs=5)


def test_mr_says_nothing() -> None:
    assert find_last_ribs(*scene(RIBS, Modality.MR)) is None


def named(levels: tuple[Level | None, ...], how: str, last: LastRibs | None) -> Naming:
    return with_last_ribs(Naming(levels, how, ()), scene({})[2], last, 2.0)


def test_without_a_sacrum_levels_are_counted_from_the_last_ribs_both_ways() -> None:
    naming = named((None,) * 6, UNKNOWN, LastRibs(body=1, reach_mm=(90.0, 96.0)))

    assert naming.how == FROM_RIBS
    assert naming.levels == (Level.T11, Level.T12, Level.L1, Level.L2, Level.L3, Level.L4)
    assert [(reason.code, reason.blocking) for reason in naming.reasons] == [(ReasonCode.RIBS, False)]
    assert "90 and 96 mm" in naming.reasons[0].detail


def test_below_l5_and_beyond_a_gap_nothing_is_named_from_ribs() -> None:
    instances = scene({})[2]
    bodies = tuple(
        replace(body, centre=(body.centre[0], row, 75.0))
        for body, row in zip(instances.bodies, (20.0, 54.0, 88.0, 122.0, 190.0, 224.0), strict=True)
    )
    unknown = Naming((None,) * 6, UNKNOWN, ())

    beyond = with_last_ribs(unknown, replace(instances, bodies=bodies), LastRibs(body=0, reach_mm=(90.0, 90.0)), 2.0)
    below = with_last_ribs(unknown, instances, LastRibs(body=0, reach_mm=(90.0, 90.0)), 2.0)

    assert beyond.levels == (Level.T12, Level.L1, Level.L2, Level.L3, None, None)
    assert below.levels[-1] is Level.L5


@pytest.mark.parametrize(("body", "by_ribs"), [(0, 6), (2, 4)])
def test_ribs_that_contradict_a_seen_sacrum_take_the_names_and_tell_both_counts(body: int, by_ribs: int) -> None:
    levels = (Level.T11, Level.T12, Level.L1, Level.L2, Level.L3, Level.L4)

    naming = named(levels, COUNTED, LastRibs(body=body, reach_mm=(90.0, 96.0)))

    assert naming.how == CONTRADICTED
    assert set(naming.levels) == {None}
    assert f"{by_ribs} lumbar vertebrae by the ribs, 5 counted from the sacrum" in naming.reasons[1].detail


def test_ribs_that_agree_with_the_sacrum_or_come_after_a_doubt_change_nothing() -> None:
    levels = (Level.T11, Level.T12, Level.L1, Level.L2, Level.L3, Level.L4)

    assert named(levels, COUNTED, LastRibs(body=1, reach_mm=(90.0, 96.0))).levels == levels
    assert named(levels, COUNTED, None).levels == levels
    assert named((None,) * 6, DOUBTED, LastRibs(body=1, reach_mm=(90.0, 96.0))).how == DOUBTED


def fused() -> tuple[Volume, Grid, Instances]:
    """Ribs of the second body that have come down to the processes of the third: one piece of bone on either side."""
    volume, grid, instances = scene(RIBS)
    rows, columns = slice(int(ROWS[1] / 2) + 4, int(ROWS[2] / 2) + 4), slice(47, 49)
    for side in (slice(57, 59), slice(91, 93)):
        volume.array[rows, columns, side] = 400.0
    return volume, grid, instances


def test_a_rib_that_touches_the_process_below_it_may_be_of_either_body() -> None:
    found = find_last_ribs(*fused())

    assert found is not None
    assert list(found.bodies) == [1, 2]
    assert found.reach_mm == pytest.approx((93, 93), abs=5)


def test_ribs_that_may_be_of_two_bodies_name_nothing_and_contradict_only_where_neither_is_t12() -> None:
    ribs = LastRibs(body=1, reach_mm=(90.0, 96.0), lowest=2)
    right = (Level.T11, Level.T12, Level.L1, Level.L2, Level.L3, Level.L4)
    low = (Level.T10, Level.T11, Level.T12, Level.L1, Level.L2, Level.L3)
    high = (Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)

    assert named((None,) * 6, UNKNOWN, ribs).how == UNKNOWN
    assert [named(levels, COUNTED, ribs).how for levels in (right, low, high)] == [COUNTED, COUNTED, CONTRADICTED]
