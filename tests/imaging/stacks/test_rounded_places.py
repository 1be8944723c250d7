"""Rounded positions: measured with the stated distance where rounding explains them, and no gap hides behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.imaging.stacks.test_geometry_gate import CT, frame, refused, regular
from trabecula.domain.results.reasons import ReasonCode
from trabecula.imaging.acquisition import Acquisition, Frame
from trabecula.imaging.stacks.geometry_gate import RegularStack, check_geometry
from trabecula.imaging.stacks.split import Stack

Way = Callable[[float], float]
WAYS: tuple[Way, ...] = (round, math.floor, math.ceil, lambda value: math.floor(value + 0.5))


def made(step: float, **more: float) -> Acquisition:
    return replace(CT, slice_thickness=step, **more)  # type: ignore[arg-type]


def rounded(places: Sequence[float], acquisition: Acquisition, way: Way = round, to: float = 1.0) -> list[Frame]:
    return [frame(i, to * way(place / to), x=-82.0, y=to, made=acquisition) for i, place in enumerate(places)]


def by_rounding(frames: list[Frame]) -> bool:
    """Whether all frames are one volume with the header's distance."""
    found = check_geometry(Stack(tuple(frames)))
    told = isinstance(found, RegularStack) and [item.code for item in found.reasons] == [ReasonCode.PLACES_ROUNDED]
    return told and len(found.frames) == len(frames)  # type: ignore[union-attr]


@pytest.mark.parametrize("to", [1.0, 0.5])
@pytest.mark.parametrize("step", [1.25, 2.5, 3.3])
@pytest.mark.parametrize("start", [-118.75, -120.0, 0.3])
def test_rounded_positions_are_measured_with_the_stated_distance(start: float, step: float, to: float) -> None:
    places = [start + step * i for i in range(96)]
    found = regular(rounded(places, made(step), to=to))
    assert len(found.frames) == 96
    assert found.slice_spacing_mm == pytest.approx(step, abs=0.003)
    assert found.geometry.to_lps(np.array([95.0, 0.0, 0.0]))[2] == pytest.approx(places[-1], abs=to / 2)
    assert {item.code for item in found.reasons} <= {ReasonCode.PLACES_ROUNDED}


def test_what_is_told_names_the_rounding_and_the_header() -> None:
    places = [2.5 * i for i in range(60)]
    (reason,) = regular(rounded(places, made(3.0, spacing_between_slices=2.5))).reasons
    assert (reason.code, reason.blocking) == (ReasonCode.PLACES_ROUNDED, False)
    assert reason.detail == "to 1 mm; Spacing Between Slices 2.5 mm gives each of them"


def test_oblique_slices_are_rounded_along_every_axis() -> None:
    cosine, sine = math.cos(math.radians(17)), math.sin(math.radians(17))
    frames = [frame(i, round(4.4 * i * cosine), y=round(-4.4 * i * sine), made=made(4.4), tilt=17.0) for i in range(15)]
    assert by_rounding(frames)
    assert regular(frames).slice_spacing_mm == pytest.approx(4.4)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_no_missing_slice_hides_behind_rounding(data: st.DataObject) -> None:
    step = data.draw(st.one_of(st.floats(0.6, 6.0), st.sampled_from([0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.75])))
    start = data.draw(st.one_of(st.floats(-200.0, 200.0), st.sampled_from([0.0, -0.5, 0.25])))
    count, way = data.draw(st.integers(5, 120)), data.draw(st.sampled_from(WAYS))
    gone = data.draw(st.integers(1, count - 1))
    missing = data.draw(st.integers(1, 3))
    places = [start + step * (i + missing * (i >= gone)) for i in range(count)]
    assert not by_rounding(rounded(places, made(step), way))


@pytest.mark.parametrize("off", [1.0, -1.0, 2.0])
@pytest.mark.parametrize("step", [2.5, 3.0])
def test_a_slice_that_lies_elsewhere_than_rounding_explains_is_no_rounding(step: float, off: float) -> None:
    places = [float(round(step * i)) for i in range(40)]
    places[20:] = [place + off for place in places[20:]]
    assert not by_rounding(rounded(places, made(step)))
    places = [float(round(step * i)) for i in range(40)]
    places[20] += off
    assert not by_rounding(rounded(places, made(step)))


@pytest.mark.parametrize("acquisition", [made(2.4), made(5.0), replace(CT, slice_thickness=None)])
def test_a_header_that_does_not_give_the_positions_proves_nothing(acquisition: Acquisition) -> None:
    frames = rounded([2.5 * i for i in range(60)], acquisition)
    assert refused(frames).code in (ReasonCode.GEOMETRY, ReasonCode.MISSING_SLICES)


def test_positions_with_decimals_are_not_rounded() -> None:
    frames = rounded([2.5 * i for i in range(60)], made(2.5))
    frames[7] = replace(frames[7], position=(-82.0, 1.0, 17.7))
    assert not by_rounding(frames)
