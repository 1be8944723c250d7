"""Tests of what ribs say about names: which bodies bear them, and when they contradict the count from the sacrum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.spine import Level
from trabecula.segmentation.naming.levels import CONTRADICTED, COUNTED, Naming, check_ribs
from trabecula.segmentation.naming.ribs import Sides, contradiction, find_ribs
from trabecula.segmentation.network.inference import Maps
from trabecula.segmentation.network.instances import Instances, StackBody

CLASSES = ("background", "body", "rib")
SIDE_MM, PLANES, ROWS, COLUMNS = 4.0, 17, 120, 100
TOPS = (10, 46, 82)


def scene(ribbed: dict[int, tuple[int, ...]], classes: tuple[str, ...] = CLASSES) -> tuple[Maps, Instances]:
    """Three bodies in the middle of 17 planes 4 mm apart; ``ribbed`` gives the planes of each body's ribs."""
    channels = np.zeros((PLANES, len(classes) + 2, ROWS, COLUMNS), np.float16)
    basins = np.zeros((PLANES, ROWS, COLUMNS), np.uint8)
    bodies = []
    for number, top in enumerate(TOPS, start=1):
        basins[4:13, top : top + 26, 30:60] = number
        bodies.append(
            StackBody(
                number=number,
                centre=(8.0, top + 13.0, 45.0),
                volume_mm3=28_000.0,
                area_mm2=780.0,
                height_mm=26.0,
                edge=False,
            )
        )
        for plane in ribbed.get(number, ()):
            channels[plane, classes.index("rib"), top + 4 : top + 14, 58:66] = 0.9
    return Maps(channels, classes), Instances(tuple(bodies), basins, (basins > 0).astype(np.float32))


def test_the_ribs_beside_each_body_are_measured_on_both_sides() -> None:
    found = find_ribs(*scene({1: (2, 14), 2: (2,)}), SIDE_MM)

    assert found == ((80.0, 80.0), (80.0, 0.0), (0.0, 0.0))


def test_what_lies_far_out_is_not_beside_the_body() -> None:
    assert find_ribs(*scene({1: (0, 16)}), SIDE_MM)[0] == (0.0, 0.0)


def test_nothing_is_said_of_a_narrow_stack_or_with_a_network_that_knows_no_ribs() -> None:
    maps, instances = scene({1: (2, 14)})
    narrow = Maps(maps.channels[4:13], CLASSES)
    bodies = tuple(replace(body, centre=(4.0, *body.centre[1:])) for body in instances.bodies)
    middle = Instances(bodies, instances.basins[4:13], instances.bodyness[4:13])

    assert find_ribs(narrow, middle, SIDE_MM) == ((), (), ())
    assert find_ribs(*scene({}, ("background", "body", "disc")), SIDE_MM) == ((), (), ())


REAL = (
    ((), (168.0, 190.0), (113.0, 124.0)),
    ((), (91.0, 121.0), (71.0, 1.0)),
    ((), (48.0, 122.0), (71.0, 102.0)),
    ((91.0, 160.0), (53.0, 36.0), (34.0, 0.0)),
    ((), (315.0, 373.0), (214.0, 96.0)),
    ((), (37.0, 45.0), (1.0, 25.0)),
    ((), (234.0, 132.0), (159.0, 140.0)),
    ((), (), (270.0, 235.0)),
)
"""Sections of rib (mm2, both sides) beside T11, T12 and L1 of real spines with five lumbar vertebrae."""


@pytest.mark.parametrize(("t11", "t12", "l1"), REAL)
def test_ribs_of_real_spines_with_five_lumbar_vertebrae_contradict_nothing(t11: Sides, t12: Sides, l1: Sides) -> None:
    assert contradiction((Level.T11, Level.T12, Level.L1), (t11, t12, l1)) is None


@pytest.mark.parametrize(
    ("t11", "t12", "l1", "by_ribs"),
    [
        ((150.0, 160.0), (140.0, 150.0), (0.0, 10.0), None),
        ((150.0, 160.0), (140.0, 150.0), (110.0, 115.0), None),
        ((150.0, 160.0), (140.0, 150.0), (246.0,), None),
        ((150.0, 160.0), (140.0, 150.0), (135.0, 135.0), 4),
        ((), (140.0, 150.0), (150.0, 140.0), 4),
        ((), (), (150.0, 140.0), None),
        ((150.0, 160.0), (10.0, 0.0), (0.0, 0.0), 6),
        ((150.0, 160.0), (10.0, 70.0), (0.0, 0.0), None),
        ((153.0, 151.0), (50.0, 30.0), (0.0, 0.0), 6),
        ((162.0, 144.0), (0.0, 51.0), (0.0, 0.0), 6),
        ((162.0, 144.0), (50.0, 53.0), (0.0, 0.0), None),
        ((90.0, 160.0), (25.0, 40.0), (0.0, 0.0), None),
        ((), (25.0,), (153.0,), 4),
        ((), (70.0,), (108.0,), None),
        ((), (130.0, 20.0), (100.0, 120.0), None),
        ((), (50.0, 20.0), (90.0, 120.0), 4),
        ((150.0, 50.0), (0.0, 0.0), (0.0, 0.0), None),
        ((150.0, 60.0), (0.0, 0.0), (0.0, 0.0), 6),
        ((), (161.0, 95.0), (187.0, 135.0), 4),
        ((), (65.0, 62.0), (70.0, 61.0), 4),
        ((), (65.0, 62.0), (70.0, 55.0), None),
        ((150.0,), (0.0,), (), None),
    ],
)
def test_ribs_contradict_only_where_they_are_surely_there_or_surely_missing(
    t11: Sides, t12: Sides, l1: Sides, by_ribs: int | None
) -> None:
    found = contradiction((Level.T11, Level.T12, Level.L1), (t11, t12, l1))

    assert (found.by_ribs if found else None) == by_ribs


def test_a_contradiction_takes_every_name_back_and_says_why() -> None:
    naming = Naming((Level.T12, Level.L1, Level.L2), COUNTED, ())

    kept = check_ribs(naming, ((140.0, 150.0), (0.0, 0.0), (0.0, 0.0)))
    taken = check_ribs(naming, ((140.0, 150.0), (150.0, 140.0), (0.0, 0.0)))

    assert kept is naming
    assert taken.levels == (None, None, None)
    assert taken.how == CONTRADICTED
    assert [reason.code for reason in taken.reasons] == [ReasonCode.NUMBERING_AMBIGUOUS, ReasonCode.TRANSITIONAL]
    assert "L1" in taken.reasons[0].detail
    assert "4 lumbar vertebrae by the ribs, 5 counted from the sacrum" in taken.reasons[1].detail
