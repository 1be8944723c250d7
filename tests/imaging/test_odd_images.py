"""Odd images inside a series: they are left out with a reason that names them, and the rest is measured."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.uid import generate_uid

from tests.imaging.drawn_series import CT_TAGS, axial, sagittal, write_enhanced, write_stack
from trabecula.analysis.accounting import series_uses
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.volume import Volume
from trabecula.imaging.headers.frames import read_headers, scan_folder
from trabecula.imaging.stacks.geometry_gate import RegularStack
from trabecula.imaging.volumes.dicom import load_volume
from trabecula.imaging.volumes.loading import Remainder, load
from trabecula.series.choice import Choice, choose

GEOMETRY = axial((40, 12, 10), (2.5, 4.0, 4.0))
TAGS = {**CT_TAGS, "RescaleIntercept": "-1024"}


def slices() -> NDArray[np.int64]:
    """A head-foot ramp of 2 HU a slice with noise that tells the slices apart."""
    noise = np.random.default_rng(5).integers(-20, 20, GEOMETRY.shape)
    return np.asarray(1050 + 2 * np.arange(40)[:, None, None] + noise)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_stack(tmp_path, slices(), GEOMETRY, TAGS)
    return tmp_path


def change(folder: Path, numbers: list[int], edit: Callable[[Dataset], None]) -> list[Path]:
    paths = [folder / f"1-{number:04d}.dcm" for number in numbers]
    for path in paths:
        dataset = dcmread(path)
        edit(dataset)
        dataset.save_as(path)
    return paths


def without(*keywords: str) -> Callable[[Dataset], None]:
    def edit(dataset: Dataset) -> None:
        for keyword in keywords:
            delattr(dataset, keyword)

    return edit


def chosen(folder: Path) -> Choice:
    return choose(read_headers(scan_folder(folder))[0])


def loaded(folder: Path) -> tuple[Volume, RegularStack]:
    """What is measured of the best candidate, after anything unfit was left out."""
    stack = chosen(folder).candidates[0].stack
    found = load(stack)
    if isinstance(found, Remainder):
        stack = found.stacks[0]
        return load_volume(stack), stack
    return found, stack


def told(stack: RegularStack) -> dict[ReasonCode, int]:
    return {item.reason.code: len(item.frames) for item in stack.left_out}


def refusal(folder: Path) -> Reason:
    choice = chosen(folder)
    assert choice.candidates == ()
    (reason,) = choice.refused
    return reason


def copy_of(path: Path, shift_mm: float) -> None:
    dataset = dcmread(path)
    x, y, z = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [x, y, float(z) + shift_mm]
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.save_as(path.with_name(f"copy-{path.name}"))


@pytest.mark.parametrize("shift_mm", [0.0, 0.02, 0.2, -0.02])
def test_every_slice_twice_is_measured_once(folder: Path, shift_mm: float) -> None:
    for path in sorted(folder.iterdir()):
        copy_of(path, shift_mm)
    volume, stack = loaded(folder)
    assert np.array_equal(volume.array, slices() - 1024)
    assert told(stack) == {ReasonCode.COPIES: 40}


def test_a_few_positions_with_two_images_are_left_out(folder: Path) -> None:
    for path in change(folder, [39, 40], lambda dataset: None):
        copy_of(path, 0.0)
        altered = dcmread(path)
        altered.PixelData = bytes(len(altered.PixelData))
        altered.save_as(path)
    volume, stack = loaded(folder)
    assert volume.array.shape[0] == 38
    assert told(stack) == {ReasonCode.SEVERAL_SCANS: 4}


def test_the_same_files_twice_are_the_same_images(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        path.with_name(f"again-{path.name}").write_bytes(path.read_bytes())
    volume, stack = loaded(folder)
    assert np.array_equal(volume.array, slices() - 1024)
    assert stack.left_out == ()


def test_other_pixels_under_the_same_uid_are_seen(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        other = dcmread(path)
        other.PixelData = (other.pixel_array + 60).astype("<i2").tobytes()
        other.save_as(path.with_name(f"a{path.name}"))
    assert refusal(folder).code is ReasonCode.SEVERAL_SCANS


def test_of_a_file_that_was_also_sent_damaged_the_readable_one_is_measured(folder: Path) -> None:
    for number, path in enumerate(sorted(folder.iterdir())):
        damaged = dcmread(path)
        cut_off(damaged)
        damaged.save_as(path.with_name(f"{'az'[number % 2]}{path.name}"))
    volume, stack = loaded(folder)
    assert np.array_equal(volume.array, slices() - 1024)
    assert stack.left_out == ()


def test_two_series_whose_images_share_uids_are_refused(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        other = dcmread(path)
        other.SeriesInstanceUID = "2.25.77"
        other.PixelData = (other.pixel_array + 60).astype("<i2").tobytes()
        other.save_as(path.with_name(f"a{path.name}"))
    choice = chosen(folder)
    assert choice.candidates == ()
    assert [(reason.code, reason.detail) for reason in choice.refused] == [
        (ReasonCode.UID_SHARED, "40 of 40 images share a UID")
    ] * 2


def test_slices_under_one_uid_are_refused_and_counted(folder: Path) -> None:
    def same(dataset: Dataset) -> None:
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.1"

    change(folder, list(range(1, 41)), same)
    frames = read_headers(scan_folder(folder))[0]
    choice = choose(frames)
    assert [reason.code for reason in choice.refused] == [ReasonCode.UID_SHARED]
    _, (use,) = series_uses(frames, (), choice, {}, ())
    assert use.images_total == 40


def test_quality_control_images_in_a_series_are_told(folder: Path) -> None:
    def marked(dataset: Dataset) -> None:
        dataset.QualityControlImage = "YES"

    change(folder, list(range(1, 41, 2)), marked)
    (candidate,) = chosen(folder).candidates
    told_first = candidate.reasons[0]
    assert (told_first.code, told_first.blocking) == (ReasonCode.QUALITY_CONTROL, False)
    assert told_first.detail == "20 images of the series left out"


def test_images_without_position_do_not_cost_the_series(folder: Path) -> None:
    paths = change(folder, [1, 2, 3], lambda dataset: None)
    for number, path in enumerate(paths):
        shot = dcmread(path)
        del shot.ImagePositionPatient
        shot.SOPInstanceUID = shot.file_meta.MediaStorageSOPInstanceUID = f"2.25.99.{number}"
        shot.save_as(folder / f"shot-{number}.dcm")
    choice = chosen(folder)
    assert len(choice.candidates[0].stack.frames) == 40
    assert [len(item.frames) for item in choice.left_out] == [3]


def cut_off(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[: len(dataset.PixelData) // 2 // 2 * 2]


def no_jpeg(dataset: Dataset) -> None:
    dataset.PixelData = encapsulate([b"no JPEG at all"])
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"


@pytest.mark.parametrize("damage", [cut_off, no_jpeg, without("PixelData")])
def test_a_slice_that_cannot_be_decoded_is_left_out_and_named(folder: Path, damage: Callable[[Dataset], None]) -> None:
    (path,) = change(folder, [5], damage)
    volume, stack = loaded(folder)
    assert np.array_equal(volume.array, slices()[5:] - 1024)
    assert told(stack) == {ReasonCode.UNREADABLE_PIXELS: 1, ReasonCode.MISSING_SLICES: 4}
    detail = stack.left_out[0].reason.detail
    assert path.name in detail
    assert dcmread(path, stop_before_pixels=True).SOPInstanceUID in detail
    assert "transfer syntax" in detail
    assert str(folder) not in detail
    assert {reason.code for reason in stack.reasons} == {ReasonCode.UNREADABLE_PIXELS, ReasonCode.MISSING_SLICES}


def test_many_slices_that_cannot_be_decoded_cost_the_series(folder: Path) -> None:
    change(folder, [3, 8, 13, 18, 23], cut_off)
    found = load(chosen(folder).candidates[0].stack)
    assert isinstance(found, Remainder)
    assert found.stacks == ()
    assert "5 of 40 images" in found.left_out.reason.detail


def test_a_slice_of_another_matrix_is_left_out(folder: Path) -> None:
    def smaller(dataset: Dataset) -> None:
        dataset.Rows = 6
        cut_off(dataset)

    change(folder, [2], smaller)
    volume, stack = loaded(folder)
    assert volume.array.shape[0] == 38
    assert told(stack) == {ReasonCode.MISSING_SLICES: 1}


@pytest.mark.parametrize("lost", [("RescaleSlope", "RescaleIntercept"), ("RescaleIntercept",), ("RescaleSlope",)])
def test_slices_that_lost_their_rescale_values_are_told(folder: Path, lost: tuple[str, ...]) -> None:
    change(folder, [3, 6], without(*lost))
    volume, stack = loaded(folder)
    assert np.array_equal(volume.array, slices()[6:] - 1024)
    assert told(stack) == {ReasonCode.RESCALE: 2, ReasonCode.MISSING_SLICES: 4}
    assert stack.left_out[0].reason.detail == "missing in 2 of 40 images"
    assert ReasonCode.RESCALE in {reason.code for reason in chosen(folder).candidates[0].reasons}


def test_rescale_values_lost_in_many_slices_are_the_reason(folder: Path) -> None:
    change(folder, [3, 8, 13, 18, 23], without("RescaleSlope", "RescaleIntercept"))
    reason = refusal(folder)
    assert reason.code is ReasonCode.RESCALE
    assert "missing in 5 of 40 images" in reason.detail


def test_rescale_values_that_contradict_the_neighbours_are_told(folder: Path) -> None:
    change(folder, [4], lambda dataset: setattr(dataset, "RescaleIntercept", "0"))
    volume, stack = loaded(folder)
    assert np.array_equal(volume.array, slices()[4:] - 1024)
    assert told(stack) == {ReasonCode.RESCALE: 1, ReasonCode.MISSING_SLICES: 3}
    assert "beside their neighbours" in stack.left_out[0].reason.detail
    assert abs(volume.array).max() < 200


def test_the_account_tells_the_number_of_images_once(folder: Path) -> None:
    change(folder, [40], lambda dataset: setattr(dataset, "RescaleIntercept", "0"))
    change(folder, [1], without("RescaleSlope"))
    frames = read_headers(scan_folder(folder))[0]
    choice = choose(frames)
    found = load(choice.candidates[0].stack)
    assert isinstance(found, Remainder)
    rest = choice.candidates[0].instead(found.stacks[0])
    assert rest is not None
    (use,), _ = series_uses(frames, (), choice, {SeriesRole.CT: rest}, ())
    assert [(reason.code.name, reason.detail.split(",")[0]) for reason in use.reasons] == [
        ("RESCALE", "missing in 1 of 40 images"),
        ("RESCALE", "1 of 39 images"),
    ]


def test_rescale_values_of_one_and_zero_need_not_be_stated(tmp_path: Path) -> None:
    write_stack(tmp_path, slices() - 1024, GEOMETRY, CT_TAGS)
    change(tmp_path, [5, 6, 7, 8, 9, 10], without("RescaleSlope", "RescaleIntercept"))
    volume, stack = loaded(tmp_path)
    assert np.array_equal(volume.array, slices() - 1024)
    assert stack.left_out == ()


def test_the_distance_counts_where_thickness_is_absent_or_smaller(tmp_path: Path) -> None:
    sparse = axial((16, 12, 10), (7.5, 4.0, 4.0))
    for number, thickness in enumerate(["", "1.0"]):
        folder = tmp_path / str(number)
        write_stack(folder, slices()[:16], sparse, {**TAGS, "SliceThickness": thickness})
        reason = refusal(folder)
        assert (reason.code, reason.value, reason.limit) == (ReasonCode.SLICE_THICKNESS, 7.5, 5.0)


def test_images_too_thick_among_thin_ones_are_left_out_and_told(folder: Path) -> None:
    change(folder, [*range(33, 41)], lambda dataset: setattr(dataset, "SliceThickness", "7"))
    (candidate,) = chosen(folder).candidates
    assert len(candidate.stack.frames) == 32
    assert told(candidate.stack) == {ReasonCode.SLICE_THICKNESS: 8}
    (reason,) = candidate.reasons
    assert (reason.code, reason.blocking, reason.value, reason.limit) == (ReasonCode.SLICE_THICKNESS, False, 7.0, 5.0)
    assert candidate.slice_mm == 2.5


def test_images_too_thick_throughout_a_series_are_the_reason(folder: Path) -> None:
    change(folder, [*range(1, 41, 4)], lambda dataset: setattr(dataset, "SliceThickness", "7"))
    reason = refusal(folder)
    assert (reason.code, reason.detail, reason.value) == (ReasonCode.SLICE_THICKNESS, "10 of 40 images", 7.0)


def test_the_largest_of_several_thicknesses_counts(folder: Path) -> None:
    change(folder, [7, 20], lambda dataset: setattr(dataset, "SliceThickness", "4"))
    (candidate,) = chosen(folder).candidates
    assert candidate.slice_mm == 4.0
    assert [reason.detail for reason in candidate.reasons] == ["Slice Thickness from 2.5 to 4 mm; the largest counts"]


def test_a_multi_frame_image_without_positions_says_so(folder: Path) -> None:
    (path,) = change(folder, [1], lambda dataset: setattr(dataset, "NumberOfFrames", 40))
    for other in folder.iterdir():
        if other != path:
            other.unlink()
    reason = refusal(folder)
    assert reason.code is ReasonCode.GEOMETRY
    assert "multi-frame" in reason.detail


@pytest.mark.parametrize(("frames", "items"), [(12, 13), (13, 12)])
def test_a_multi_frame_image_that_lost_a_frame_or_its_item_is_refused(tmp_path: Path, frames: int, items: int) -> None:
    geometry = sagittal((13, 60, 12), (4.0, 1.6, 4.0))
    array = np.random.default_rng(3).integers(100, 900, geometry.shape)
    dataset = dcmread(write_enhanced(tmp_path / "one.dcm", array, geometry, range(13)))
    if frames < 13:
        dataset.PixelData = dataset.PixelData[: 12 * 60 * 12 * 2]
        dataset.NumberOfFrames = 12
    else:
        dataset.PerFrameFunctionalGroupsSequence = list(dataset.PerFrameFunctionalGroupsSequence)[1:]
    dataset.save_as(tmp_path / "one.dcm")
    reason = refusal(tmp_path)
    assert reason.code is ReasonCode.GEOMETRY
    assert "not one functional group for each frame" in reason.detail


@pytest.mark.parametrize(("lost", "kept"), [(2, 10), (3, 9), (5, 7), (9, 9)])
def test_a_lost_frame_leaves_the_longest_run_wherever_the_gap_is(tmp_path: Path, lost: int, kept: int) -> None:
    geometry = sagittal((13, 60, 12), (4.0, 1.6, 4.0))
    array = np.random.default_rng(3).integers(100, 900, geometry.shape)
    write_enhanced(tmp_path / "one.dcm", array, geometry, [index for index in range(13) if index != lost])
    candidate = chosen(tmp_path).candidates[0]
    assert len(candidate.stack.frames) == kept
    assert [reason.code for reason in candidate.reasons] == [ReasonCode.MISSING_SLICES]


def test_jpeg_extended_of_12_bits_is_decoded_as_dcmtk_does(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        dataset = dcmread(path)
        dataset.PixelRepresentation, dataset.BitsStored, dataset.HighBit = 0, 12, 11
        dataset.save_as(path)
        subprocess.run(["dcmcjpeg", "+ee", "+q", "95", path, path], check=True, capture_output=True)
    volume, stack = loaded(folder)
    (reason,) = chosen(folder).candidates[0].reasons
    assert (reason.code, reason.blocking) == (ReasonCode.LOSSY, False)
    plain = folder / "plain.dcm"
    subprocess.run(["dcmdjpeg", stack.frames[7].file.path, plain], check=True, capture_output=True)
    expected = dcmread(plain)
    values = expected.pixel_array * float(expected.RescaleSlope) + float(expected.RescaleIntercept)
    assert np.array_equal(volume.array[7], values)
    assert np.abs(volume.array - (slices() - 1024)).max() < 12
