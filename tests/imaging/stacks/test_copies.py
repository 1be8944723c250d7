"""Copies of images in a series: however a copy is stored or named, each image is measured once and nothing is mixed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from tests.imaging.drawn_series import CT_TAGS, axial, write_stack
from trabecula.analysis.accounting import series_uses
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.imaging.headers.frames import read_headers, scan_folder
from trabecula.imaging.stacks.geometry_gate import RegularStack, check_geometry
from trabecula.imaging.stacks.split import split
from trabecula.imaging.volumes.dicom import load_volume
from trabecula.series.choice import Choice, choose

GEOMETRY = axial((24, 12, 10), (4.0, 4.0, 4.0))
TAGS = {**CT_TAGS, "RescaleIntercept": "-1024", "SeriesDescription": "Abdomen"}
Edit = Callable[[Dataset], None]


def slices() -> NDArray[np.int64]:
    """A head-foot ramp of 2 HU a slice with noise that tells the slices apart."""
    noise = np.random.default_rng(5).integers(-20, 20, GEOMETRY.shape)
    return np.asarray(1050 + 2 * np.arange(24)[:, None, None] + noise)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_stack(tmp_path, slices(), GEOMETRY, TAGS)
    return tmp_path


def paths(folder: Path) -> list[Path]:
    return [folder / f"1-{number:04d}.dcm" for number in range(1, 25)]


def copy(path: Path, edit: Edit, *, own_uid: bool) -> None:
    dataset = dcmread(path)
    edit(dataset)
    if own_uid:
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.save_as(path.with_name(f"z{path.name}"))


def stored_finer(dataset: Dataset) -> None:
    """The same Hounsfield units in steps of half a unit, from another intercept."""
    dataset.PixelData = (2 * (dataset.pixel_array.astype(int) - 1024 + 1030)).astype("<i2").tobytes()
    dataset.RescaleSlope, dataset.RescaleIntercept = "0.5", "-1030"


def turned_by_a_digit(dataset: Dataset) -> None:
    dataset.ImageOrientationPatient = ["0.9999999", "0.00001", "0", "-0.00001", "0.9999999", "0"]
    x, y, z = dataset.ImagePositionPatient
    dataset.ImagePositionPatient = [float(x) + 0.004, y, z]


def measured(folder: Path) -> tuple[Choice, NDArray[np.float32]]:
    choice = choose(read_headers(scan_folder(folder))[0])
    (candidate,) = choice.candidates
    return choice, load_volume(candidate.stack).array


@pytest.mark.parametrize("edit", [stored_finer, turned_by_a_digit])
def test_one_instance_stored_in_two_ways_is_one_image(folder: Path, edit: Edit) -> None:
    for path in paths(folder)[::3]:
        copy(path, edit, own_uid=False)
    choice, array = measured(folder)
    assert np.array_equal(array, slices() - 1024)
    assert choice.left_out == choice.candidates[0].stack.left_out == ()


@pytest.mark.parametrize("share", [range(9), [*range(0, 6), *range(12, 18)], range(0, 24, 2)])
def test_copies_with_another_image_type_never_part_a_scan(folder: Path, share: list[int]) -> None:
    def renamed(dataset: Dataset) -> None:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "CSA RESAMPLED", "17"]

    for number, path in enumerate(paths(folder)):
        copy(path, renamed if number in share else lambda dataset: None, own_uid=True)
        if number not in share and number % 2:
            original = dcmread(path)
            renamed(original)
            original.save_as(path)
    frames = read_headers(scan_folder(folder))[0]
    choice, array = measured(folder)
    assert np.array_equal(array, slices() - 1024)
    (candidate,) = choice.candidates
    (use,), _ = series_uses(frames, (), choice, {SeriesRole.CT: candidate}, ())
    assert [(reason.code, reason.detail) for reason in use.reasons] == [(ReasonCode.COPIES, "24 copies")]


def test_a_copy_without_the_word_does_not_hide_contrast_agent(folder: Path) -> None:
    def agent(dataset: Dataset) -> None:
        dataset.ContrastBolusAgent, dataset.ContrastBolusRoute = "Ultravist 370", "IV"

    for path in paths(folder):
        copy(path, agent, own_uid=True)
    choice, _ = measured(folder)
    assert choice.candidates[0].phase is not ContrastPhase.NATIVE


def test_two_scans_that_share_a_few_empty_slices_lose_none(folder: Path) -> None:
    for number, path in enumerate(paths(folder)):
        later = dcmread(path)
        later.SOPInstanceUID = later.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        later.AcquisitionNumber = 2
        later.PixelData = (later.pixel_array + 60).astype("<i2").tobytes()
        first = dcmread(path)
        first.AcquisitionNumber = 1
        if number > 20:
            first.PixelData = later.PixelData = bytes(len(first.PixelData))
        first.save_as(path)
        later.save_as(path.with_name(f"later-{path.name}"))
    stacks = split(read_headers(scan_folder(folder))[0])
    found = [check_geometry(stack) for stack in stacks]
    assert [len(item.frames) for item in found if isinstance(item, RegularStack)] == [24, 24]


def test_images_stored_in_coarse_steps_are_no_copies_of_others(folder: Path) -> None:
    """Values that agree to half a step prove nothing where a step is as large as what the image shows."""
    for path in paths(folder):
        other = dcmread(path)
        other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        other.PixelData = bytes(len(other.PixelData))
        other.RescaleSlope, other.RescaleIntercept = "500", "60"
        other.save_as(path.with_name(f"coarse-{path.name}"))
    choice = choose(read_headers(scan_folder(folder))[0])
    assert [reason.code for reason in choice.refused] == [ReasonCode.SEVERAL_SCANS]
