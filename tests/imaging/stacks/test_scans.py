"""One scan or several in one series: what proposes parts, what joins them, and what is never mixed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.imaging.stacks.test_geometry_gate import frame
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.imaging.acquisition import Acquisition, Frame
from trabecula.imaging.stacks.geometry_gate import RegularStack, check_geometry
from trabecula.imaging.stacks.split import split

CT = Acquisition(
    modality="CT",
    sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
    series_uid="2.25.5",
    slice_thickness=2.5,
    acquisition_number=1,
    acquired_at="090000",
    image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
    kernel=("B30f",),
    kvp=120.0,
)
MR = replace(CT, modality="MR", sop_class_uid="1.2.840.10008.5.1.4.1.1.4", slice_thickness=4.0, echo_time=10.0)
AGENT = {"contrast_agent": "Iomeprol 350", "contrast_route": "IV", "contrast_volume_ml": 90.0}
LATER = {"acquisition_number": 2, "acquired_at": "093000"}


def scan(
    count: int = 40, start: float = 0.0, step: float = 2.5, first: int = 1, made: Acquisition = CT, **changes: object
) -> list[Frame]:
    changed = replace(made, **changes)  # type: ignore[arg-type]
    return [
        replace(frame(first + i, start + step * i, made=changed), file=replace(frame(0, 0).file, path=f"/{start}/{i}"))
        for i in range(count)
    ]


def varied(frames: Sequence[Frame], change: Callable[[int], dict[str, object]]) -> list[Frame]:
    return [
        replace(item, acquisition=replace(item.acquisition, **change(i)))  # type: ignore[arg-type]
        for i, item in enumerate(frames)
    ]


def sizes(frames: Sequence[Frame]) -> list[int]:
    named = [replace(item, file=replace(item.file, sop_instance_uid=f"2.25.{i}")) for i, item in enumerate(frames)]
    return [len(stack.frames) for stack in split(named)]


@pytest.mark.parametrize(
    "change",
    [
        lambda i: {"acquisition_number": i + 1},
        lambda i: {"acquisition_number": 1 + i % 2},
        lambda i: {"acquisition_number": (i * 17) % 41},
        lambda i: {"acquisition_number": 1 + i // 4},
        lambda i: {"acquisition_number": 1 + i // 20, "acquired_at": f"09{i // 20:02d}{i % 20:02d}"},
        lambda i: {"acquired_at": f"0900{i:02d}.{i:03d}"},
        lambda i: {"temporal_position": i + 1},
        lambda i: {"frame_of_reference_uid": f"2.25.{i}"},
        lambda i: {"description": f"slice {i}"},
        lambda i: {"kvp": 120.0 if i % 3 else None},
        lambda i: {"kvp": (120.0, 119.99, 120.0001)[i % 3]},
        lambda i: {"kernel": ("I30f", str(2 + i % 2))},
        lambda i: {"kernel": ("B30f",) if i % 2 else ()},
        lambda i: {"image_type": ("ORIGINAL", "PRIMARY", "AXIAL", f"CT_SOM5 {i % 2}")},
        lambda i: {"image_type": ("DERIVED" if i % 2 else "ORIGINAL", "PRIMARY", "AXIAL")},
        lambda i: {"slice_thickness": (2.5, 2.499, 2.50001, None)[i % 4]},
        lambda i: {"rescale_type": ("HU", "", "US")[i % 3]},
        lambda i: AGENT if i % 2 else {},
    ],
)
def test_what_changes_from_slice_to_slice_splits_nothing(change: Callable[[int], dict[str, object]]) -> None:
    assert sizes(varied(scan(), change)) == [40]


@pytest.mark.parametrize(
    "change",
    [
        lambda i: {"echo_time": (9.649, 9.651)[i % 2]},
        lambda i: {"echo_time": (9.6, 9.65, 9.7, None)[i % 4]},
        lambda i: {"inversion_time": (None, 0.0)[i % 2]},
        lambda i: {"repetition_time": 500.0 + 0.3 * i},
        lambda i: {"sequence_name": f"tse2d1_{i}"},
        lambda i: {"image_type": ("ORIGINAL", "PRIMARY", "M", "ND", "NORM")[: 3 + i % 3]},
        lambda i: {"acquisition_number": 1 + i % 2, "acquired_at": ("090000", "091000")[i % 2]},
    ],
)
def test_trifles_and_packages_of_mr_split_nothing(change: Callable[[int], dict[str, object]]) -> None:
    assert sizes(varied(scan(13, step=4.4, made=MR), change)) == [13]


@pytest.mark.parametrize("digits", [(0.625, 0.6250001), (0.9765625, 0.977), (0.625, 0.627)])
def test_digits_of_pixel_spacing_split_nothing(digits: tuple[float, float]) -> None:
    frames = [replace(item, pixel_spacing=(digits[i % 2],) * 2) for i, item in enumerate(scan())]
    assert sizes(frames) == [40]
    assert sizes([replace(item, pixel_spacing=(0.6 + 0.1 * (i % 2),) * 2) for i, item in enumerate(scan())]) == [20, 20]


@pytest.mark.parametrize("shift", [0.3, 0.5, 1.25, 2.0])
@pytest.mark.parametrize(
    "other",
    [
        {**LATER, **AGENT},
        {"acquired_at": "093000"},
        {"acquisition_number": 2},
        {"description": "portal venous"},
        {"series_number": 9},
        {"temporal_position": 2},
        {"content_time": "101500"},
        {"frame_of_reference_uid": "2.25.77"},
    ],
)
def test_a_second_scan_between_the_slices_is_told_apart(shift: float, other: dict[str, object]) -> None:
    first = varied(scan(), lambda i: {"content_time": "090000"})
    second = varied(scan(start=shift), lambda i: {"content_time": "090000", **other})
    assert sizes(first + second) == [40, 40]


@pytest.mark.parametrize("other", [{**LATER, **AGENT}, {"acquired_at": "093000"}, {"acquisition_number": 2}])
def test_a_second_scan_of_a_part_at_the_same_positions_is_told_apart(other: dict[str, object]) -> None:
    assert sizes(scan() + scan(24, **other)) == [40, 24]
    assert sizes(scan() + scan(24, start=40.0, **other)) == [40, 24]


def test_numbers_that_go_on_over_two_scans_tell_them_apart() -> None:
    both = scan(acquired_at="") + scan(first=41, start=1.25, acquired_at="")
    assert sizes(both) == [40, 40]
    assert sizes(varied(both, lambda i: {"acquisition_number": i + 1})) == [40, 40]


def test_three_scans_are_three() -> None:
    third = scan(start=1.6, acquisition_number=3, acquired_at="100000")
    assert sizes(scan() + scan(start=0.8, **LATER) + third) == [40, 40, 40]


def test_table_steps_that_overlap_a_little_are_one_scan() -> None:
    assert sizes(scan(20) + scan(20, start=50.0, acquisition_number=2)) == [40]
    assert sizes(scan(20) + scan(20, start=47.5, acquisition_number=2)) == [39, 1]
    assert sizes(scan(20) + scan(20, start=25.0, acquisition_number=2)) == [20, 20]


@pytest.mark.parametrize(
    "other",
    [
        {**LATER},
        {"acquired_at": "090600"},
        {"acquired_at": "20260110093000"},
        {"acquired_on": "20260112"},
        {"acquired_on": "20260111", "acquired_at": "090000"},
        {"acquired_on": "2026.01.11", "acquired_at": ""},
    ],
)
def test_ct_of_another_time_or_day_is_never_joined_end_to_end(other: dict[str, object]) -> None:
    day = {"acquired_on": "20260110"}
    assert sizes(scan(20, **day) + scan(20, start=50.0, **{**day, **other})) == [20, 20]


@pytest.mark.parametrize(
    ("made", "one", "other"),
    [
        (CT, {"acquired_at": "235930"}, {"acquired_at": "000010"}),
        (
            CT,
            {"acquired_at": "235930", "acquired_on": "20260131"},
            {"acquired_at": "000010", "acquired_on": "20260201"},
        ),
        (CT, {"acquired_at": "20260131235930"}, {"acquired_at": "20260201000010", "acquisition_number": 2}),
        (CT, {"acquired_at": ""}, {"acquired_at": "", "acquisition_number": 2}),
        (CT, {"acquired_at": "", "content_time": "090000"}, {"acquired_at": "", "content_time": "094000"}),
        (CT, {"acquired_on": "20260110"}, {"acquired_on": ""}),
        (CT, {"acquired_at": "090000"}, {"acquired_at": "090400", "acquisition_number": 2}),
        (MR, {"acquired_at": "090000"}, LATER),
        (
            MR,
            {"acquired_at": "235000", "acquired_on": "20260131"},
            {"acquired_at": "000500", "acquired_on": "20260201"},
        ),
    ],
)
def test_table_steps_and_packages_over_midnight_or_without_times_are_one_scan(
    made: Acquisition, one: dict[str, object], other: dict[str, object]
) -> None:
    step = made.slice_thickness or 0.0
    parts = scan(20, step=step, made=made, **one) + scan(20, start=20 * step, step=step, made=made, **other)
    assert sizes(parts) == [40]


def test_mr_of_another_day_is_never_joined() -> None:
    first = scan(10, step=4.0, made=MR, acquired_on="20260110")
    assert sizes(first + scan(10, start=40.0, step=4.0, made=MR, acquired_on="20260112")) == [10, 10]


def test_contrast_agent_is_never_joined_end_to_end() -> None:
    assert sizes(scan(20) + scan(20, start=50.0, **AGENT)) == [20, 20]


def test_two_frames_of_reference_are_never_joined() -> None:
    one, other = {"frame_of_reference_uid": "2.25.1"}, {"frame_of_reference_uid": "2.25.2"}
    assert sizes(scan(20, **one) + scan(20, start=50.0, **other)) == [20, 20]


@pytest.mark.parametrize("shift", [0.0, 1.25])
def test_what_nothing_tells_apart_is_refused(shift: float) -> None:
    both = scan() + scan(start=shift)
    named = [replace(item, file=replace(item.file, sop_instance_uid=f"2.25.{i}")) for i, item in enumerate(both)]
    (stack,) = split(named)
    found = check_geometry(stack)
    assert isinstance(found, Reason)
    assert (found.code, found.blocking) == (ReasonCode.SEVERAL_SCANS, True)


def test_empty_values_join_only_where_the_others_agree() -> None:
    assert sizes(varied(scan(39), lambda i: {"kvp": (80.0, 140.0, None)[i % 3]})) == [13, 13, 13]


@settings(max_examples=60, deadline=None)
@given(st.floats(0.4, 3.0), st.floats(0.05, 0.95), st.integers(12, 60), st.randoms(use_true_random=False))
def test_a_native_and_a_later_contrast_scan_are_never_mixed(
    step: float, part: float, count: int, random: object
) -> None:
    first = scan(count, step=step, slice_thickness=step)
    second = scan(count, start=part * step, step=step, slice_thickness=step, **LATER, **AGENT)
    both = first + second
    random.shuffle(both)  # type: ignore[attr-defined]
    for stack in split(both):
        assert len({item.acquisition.acquisition_number for item in stack.frames}) == 1
    found = [check_geometry(stack) for stack in split(both)]
    assert [len(item.frames) for item in found if isinstance(item, RegularStack)] == [count, count]


def lossy(frames: Sequence[Frame]) -> list[Frame]:
    return [replace(item, lossy=True, instance_number=item.instance_number + 500) for item in frames]


DERIVED = {"image_type": ("DERIVED", "PRIMARY", "AXIAL")}


@pytest.mark.parametrize(
    ("copies", "left_out"),
    [
        (lossy(scan()), 40),
        (lossy(scan(count=25, start=20.0)), 25),
        (scan(first=101, **DERIVED), 40),
        (lossy(scan(first=101, **DERIVED)), 40),
        ([*lossy(scan()), *scan(first=901, **DERIVED)], 80),
    ],
)
def test_copies_beside_their_originals_are_left_out_and_told(copies: list[Frame], left_out: int) -> None:
    frames = [*scan(), *copies]
    named = [replace(item, file=replace(item.file, sop_instance_uid=f"2.25.{i}")) for i, item in enumerate(frames)]
    (stack,) = split(named)
    assert stack.blocked is None
    assert stack.scans == 1
    assert len(stack.frames) == 40
    assert not any(item.lossy or item.acquisition.image_type[0] == "DERIVED" for item in stack.frames)
    assert sum(len(item.frames) for item in stack.left_out) == left_out
    assert {item.reason.code for item in stack.left_out} == {ReasonCode.COPIES}
    assert not any(item.reason.blocking for item in stack.left_out)


def test_lossy_slices_between_others_and_a_single_original_keep_the_series() -> None:
    mixed = [replace(item, lossy=index % 3 == 0) for index, item in enumerate(scan())]
    assert sizes(mixed) == [40]
    assert sizes([*lossy(scan()), *scan(count=2)]) == [40]
