"""Stacks and the geometry gate: order, repetitions, gaps, tilt, mixed orientations, repeated acquisitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.study.study import StoredFile
from trabecula.domain.volume import Plane
from trabecula.imaging.acquisition import Acquisition, Frame
from trabecula.imaging.stacks.geometry_gate import RegularStack, check_geometry, regular_stacks
from trabecula.imaging.stacks.split import Stack, split

CT = Acquisition(modality="CT", sop_class_uid="1.2.840.10008.5.1.4.1.1.2", series_uid="2.25.5", slice_thickness=3.0)


def frame(number: int, z: float, *, x: float = 0.0, y: float = 0.0, made: Acquisition = CT, tilt: float = 0.0) -> Frame:
    cosine, sine = float(np.cos(np.radians(tilt))), float(np.sin(np.radians(tilt)))
    return Frame(
        file=StoredFile(f"/s/{number:04d}", f"2.25.5.{number}", made.sop_class_uid, made.series_uid),
        number=None,
        instance_number=number,
        rows=16,
        columns=12,
        acquisition=made,
        position=(x, y, z),
        orientation=(1.0, 0.0, 0.0, 0.0, cosine, sine),
        pixel_spacing=(0.5, 0.8),
    )


def regular(frames: list[Frame]) -> RegularStack:
    found = check_geometry(Stack(tuple(frames)))
    assert isinstance(found, RegularStack), found.sentence
    return found


def refused(frames: list[Frame]) -> Reason:
    found = check_geometry(Stack(tuple(frames)))
    assert isinstance(found, Reason)
    return found


@settings(max_examples=40, deadline=None)
@given(st.permutations(range(9)), st.floats(0.4, 6.0))
def test_slices_are_ordered_by_position_whatever_their_numbers(order: list[int], spacing: float) -> None:
    frames = [frame(number, place * spacing) for number, place in enumerate(order)]
    found = regular(frames)
    assert [item.position[2] for item in found.frames if item.position] == sorted(place * spacing for place in order)
    assert found.slice_spacing_mm == pytest.approx(spacing)
    assert found.geometry.spacing_mm[1:] == pytest.approx((0.5, 0.8))
    corner = found.geometry.to_lps(np.array([8.0, 0.0, 0.0]))
    assert corner == pytest.approx([0.0, 0.0, 8 * spacing], abs=1e-6)


def test_rows_and_columns_grow_along_their_cosines() -> None:
    found = regular([frame(i, 3.0 * i) for i in range(5)])
    assert found.geometry.to_lps(np.array([0.0, 2.0, 3.0])) == pytest.approx([3 * 0.8, 2 * 0.5, 0.0])
    assert found.geometry.plane is Plane.AXIAL


def test_slices_closer_than_any_scanner_steps_are_no_volume() -> None:
    reason = refused([frame(i, 3.0 * i) for i in range(8)] + [frame(20 + i, 3.0 * i + 0.5) for i in range(8)])
    assert (reason.code, reason.detail) == (ReasonCode.GEOMETRY, "slice distances from 0.50 to 2.50 mm")


def test_a_slice_beside_the_others_is_left_out_and_many_are_refused() -> None:
    found = regular([frame(i, 3.0 * i, x=20.0 * (i == 25)) for i in range(30)])
    assert [len(item.frames) for item in found.left_out] == [1, 4]
    assert len(found.frames) == 25
    assert "beside" in refused([frame(i, 3.0 * i, x=20.0 * (i % 5 == 0)) for i in range(30)]).detail


def test_a_tilted_gantry_is_refused() -> None:
    frames = [frame(i, 3.0 * i, tilt=18.5) for i in range(10)]
    reason = refused(frames)
    assert reason.code is ReasonCode.GANTRY_TILT
    assert reason.value == pytest.approx(18.5)
    assert reason.limit == 1.0


def test_oblique_slices_along_their_normal_are_no_tilt() -> None:
    cosine, sine = np.cos(np.radians(20)), np.sin(np.radians(20))
    frames = [frame(i, 3.0 * i * cosine, y=-3.0 * i * sine, tilt=20.0) for i in range(10)]
    assert regular(frames).slice_spacing_mm == pytest.approx(3.0)


def test_few_missing_slices_leave_the_longest_run() -> None:
    found = regular([frame(i, 3.0 * i) for i in range(20) if i != 14])
    assert len(found.frames) == 14
    assert [reason.code for reason in found.reasons] == [ReasonCode.MISSING_SLICES]


def test_many_missing_slices_are_refused_with_their_share() -> None:
    reason = refused([frame(i, 3.0 * i) for i in range(20) if i not in (5, 6, 11)])
    assert reason.code is ReasonCode.MISSING_SLICES
    assert (reason.value, reason.limit, reason.unit) == (15.0, 10.0, "%")


def test_a_distance_that_changes_is_said_and_the_finer_part_comes_first() -> None:
    places = [2.5 * i for i in range(40)] + [97.5 + 5.0 * i for i in range(1, 31)]
    found = regular_stacks(Stack(tuple(frame(i, z) for i, z in enumerate(places))))
    assert isinstance(found, tuple)
    assert [(len(item.frames), item.slice_spacing_mm) for item in found] == [(40, 2.5), (31, 5.0)]
    (reason,) = found[0].reasons
    assert (reason.code, reason.blocking) == (ReasonCode.GEOMETRY, False)
    assert "changes from 2.5 to 5 mm" in reason.detail
    assert "40 of 70" in reason.detail


def test_irregular_spacing_is_refused() -> None:
    reason = refused([frame(i, z) for i, z in enumerate([0, 3, 4.1, 8.2, 10, 14.7, 16, 21.3])])
    assert reason.code is ReasonCode.GEOMETRY
    assert "slice distances" in reason.detail


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-0.04, 0.04), min_size=6, max_size=30))
def test_rounding_of_positions_is_no_irregularity(jitter: list[float]) -> None:
    found = regular([frame(i, 3.0 * i + shift) for i, shift in enumerate(jitter)])
    assert len(found.frames) == len(jitter)


def test_one_position_or_none_is_no_volume() -> None:
    assert refused([frame(i, 5.0) for i in range(5)]).code is ReasonCode.GEOMETRY
    assert refused([replace(frame(i, 3.0 * i), position=None) for i in range(5)]).code is ReasonCode.GEOMETRY
    assert refused([replace(frame(i, 3.0 * i), orientation=None) for i in range(5)]).code is ReasonCode.GEOMETRY


def test_a_series_is_split_by_orientation_echo_and_image_type() -> None:
    short = replace(CT, echo_time=10.0)
    echo = replace(CT, echo_time=30.0)
    derived = replace(short, image_type=("DERIVED", "SECONDARY", "MIP"))
    frames = [frame(i, 3.0 * i, made=short) for i in range(5)]
    frames += [frame(10 + i, 3.0 * i, tilt=12.0, made=short) for i in range(4)]
    frames += [frame(20 + i, 3.0 * i, made=echo) for i in range(3)]
    frames += [frame(30 + i, 3.0 * i, made=derived) for i in range(2)]
    assert [len(stack.frames) for stack in split(frames)] == [5, 4, 3, 2]


def test_orientations_within_half_a_degree_stay_together() -> None:
    frames = [frame(i, 3.0 * i, tilt=0.3 * (i % 2)) for i in range(6)]
    assert len(split(frames)) == 1


def test_repeated_acquisitions_are_told_apart_by_time() -> None:
    later = replace(CT, acquired_at="120500")
    first = replace(CT, acquired_at="120000")
    frames = [frame(i, 3.0 * i, made=first) for i in range(6)] + [frame(10 + i, 3.0 * i, made=later) for i in range(6)]
    stacks = split(frames)
    assert [len(stack.frames) for stack in stacks] == [6, 6]
    assert {item.acquisition.acquired_at for item in stacks[0].frames} == {"120000"}


def test_planes_and_reach() -> None:
    axial = Stack(tuple(frame(i, 3.0 * i) for i in range(11)))
    assert axial.plane is Plane.AXIAL
    assert axial.extent_mm == pytest.approx(30.0)
    up = [replace(frame(i, 0.0, x=4.0 * i), orientation=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0)) for i in range(5)]
    assert Stack(tuple(up)).plane is Plane.SAGITTAL
    assert Stack(tuple(up)).extent_mm == pytest.approx(15 * 0.5)
