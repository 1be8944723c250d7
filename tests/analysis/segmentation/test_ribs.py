"""Tests of what ribs say about names: which bodies bear them, and when they contradict the count from the sacrum."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trabecula.analysis.segmentation.inference import Maps
from trabecula.analysis.segmentation.instances import Body, Instances
from trabecula.analysis.segmentation.levels import CONTRADICTED, COUNTED, Naming, check_ribs
from trabecula.analysis.segmentation.ribs import Sides, contradiction, find_ribs
from trabecula.domain.eligibility import ReasonCode
from trabecula.domain.spine import Level

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
        bodies.append(Body(number, (8.0, top + 13.0, 45.0), 28_000.0, 780.0, 26.0, False))
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


@pytest.mark.parametrize(
    ("t11", "t12", "l1", "said"),
    [
        ((150.0, 160.0), (140.0, 150.0), (0.0, 10.0), ""),
        ((150.0, 160.0), (140.0, 150.0), (90.0, 80.0), ""),
        ((), (), (60.0, 70.0), ""),
        ((), (), (), ""),
        ((), (0.0, 0.0), (0.0, 0.0), ""),
        ((90.0,), (70.0,), (), ""),
        ((150.0, 160.0), (140.0, 150.0), (246.0,), ""),
        ((150.0, 160.0), (140.0, 150.0), (130.0, 125.0), "ribs beside the body counted as L1"),
        ((), (), (130.0, 125.0), "ribs beside the body counted as L1"),
        ((150.0, 160.0), (45.0, 80.0), (0.0, 0.0), "no ribs beside the body counted as T12"),
        ((150.0,), (0.0,), (), "no ribs beside the body counted as T12"),
        ((202.0, 195.0), (114.0, 108.0), (0.0, 0.0), "no ribs beside the body counted as T12"),
        ((255.0, 227.0), (136.0, 123.0), (4.0, 0.0), "no ribs beside the body counted as T12"),
        ((197.0, 179.0), (160.0, 132.0), (69.0, 39.0), ""),
        ((396.0, 232.0), (178.0, 175.0), (0.0, 0.0), ""),
        ((109.0, 144.0), (59.0, 115.0), (0.0, 0.0), ""),
        ((), (120.0, 66.0), (176.0, 123.0), "ribs beside the body counted as L1"),
    ],
)
def test_ribs_contradict_only_where_they_are_surely_there_or_surely_missing(
    t11: Sides, t12: Sides, l1: Sides, said: str
) -> None:
    assert contradiction((Level.T11, Level.T12, Level.L1), (t11, t12, l1)) == said


@pytest.mark.parametrize(
    ("l1", "l2", "said"),
    [
        ((230.0,), (84.0,), "ribs beside the bodies counted as L1 and L2"),
        ((100.0, 90.0), (50.0, 40.0), "ribs beside the bodies counted as L1 and L2"),
        ((230.0,), (0.0,), ""),
        ((30.0, 20.0), (70.0, 60.0), ""),
    ],
)
def test_ends_of_ribs_beside_l2_say_that_l1_bears_them(l1: Sides, l2: Sides, said: str) -> None:
    assert contradiction((Level.T12, Level.L1, Level.L2), ((140.0, 150.0), l1, l2)) == said


def test_a_contradiction_takes_every_name_back_and_says_why() -> None:
    naming = Naming((Level.T12, Level.L1, Level.L2), COUNTED, ())

    kept = check_ribs(naming, ((140.0, 150.0), (0.0, 0.0), (0.0, 0.0)))
    taken = check_ribs(naming, ((140.0, 150.0), (150.0, 140.0), (0.0, 0.0)))

    assert kept is naming
    assert taken.levels == (None, None, None)
    assert taken.how == CONTRADICTED
    assert [reason.code for reason in taken.reasons] == [ReasonCode.NUMBERING_AMBIGUOUS]
    assert "L1" in str(taken.reasons[0].detail)
