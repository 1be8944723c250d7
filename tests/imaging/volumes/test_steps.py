"""An intercept that is another one in part of a CT is seen in air, fat and soft tissue; one only declared is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from tests.imaging.drawn_series import CT_TAGS, axial, write_stack
from tests.imaging.volumes.test_alternation import scan
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.volume import Geometry, Volume
from trabecula.imaging.headers.frames import read_headers, scan_folder
from trabecula.imaging.volumes.loading import Remainder, load
from trabecula.imaging.volumes.steps import shifts
from trabecula.phantom.protocols import Phase
from trabecula.series.choice import choose

TAGS = {**CT_TAGS, "RescaleIntercept": "-1024"}


def volume(array: np.ndarray) -> Volume:
    return Volume(
        array=array,
        geometry=geometry(array),
        modality=Modality.CT,
        source_uids=tuple(f"2.25.{index}" for index in range(len(array))),
    )


def geometry(array: np.ndarray) -> Geometry:
    depth, rows, columns = array.shape
    return axial((depth, rows, columns), (2.5, 1.9, 1.9))


@pytest.mark.parametrize("offset", [24, -24, 12])
@pytest.mark.parametrize(("number", "increment_mm"), [(1, 2.5), (2, 5.0)])
def test_an_offset_of_some_slices_is_seen_with_its_size(offset: int, number: int, increment_mm: float) -> None:
    array = scan(number, Phase.NATIVE, increment_mm).copy()
    array[20:24] += offset
    found = shifts(volume(array))
    assert np.flatnonzero(found).tolist() == [20, 21, 22, 23]
    assert found[20:24] == pytest.approx(offset, abs=3)


@pytest.mark.parametrize(("increment_mm", "noise"), [(1.25, 1.0), (2.5, 4.0), (5.0, 1.0)])
def test_one_scan_has_no_steps(increment_mm: float, noise: float) -> None:
    assert not shifts(volume(scan(2, Phase.NATIVE, increment_mm, noise))).any()


def test_contrast_agent_that_comes_half_way_is_no_offset() -> None:
    native, venous = scan(1, Phase.NATIVE), scan(1, Phase.PORTAL)
    assert not shifts(volume(np.concatenate([native[:50], venous[50:]]))).any()


def written(folder: Path, odd: range, *, values_follow: bool) -> Volume | Remainder:
    """What is loaded of a CT whose slices ``odd`` declare 24 HU more, with stored values that make up for it or not."""
    array = np.rint(scan(1, Phase.NATIVE)).astype(np.int64) + 1024
    paths = write_stack(folder, array, geometry(array), TAGS)
    for index in odd:
        dataset = dcmread(paths[index])
        dataset.RescaleIntercept = "-1000"
        if values_follow:
            dataset.PixelData = (array[index] - 24).astype("<i2").tobytes()
        dataset.save_as(paths[index])
    return load(choose(read_headers(scan_folder(folder))[0]).candidates[0].stack)


def test_slices_with_another_intercept_are_left_out_and_told(tmp_path: Path) -> None:
    found = written(tmp_path, range(93, 103), values_follow=False)
    assert isinstance(found, Remainder)
    assert len(found.stacks[0].frames) == 93
    assert found.left_out.reason.code is ReasonCode.RESCALE
    assert "10 of 103 images" in found.left_out.reason.detail


def test_half_a_series_with_another_intercept_is_refused(tmp_path: Path) -> None:
    found = written(tmp_path, range(45), values_follow=False)
    assert isinstance(found, Remainder)
    assert found.stacks == ()
    assert found.left_out.reason.code is ReasonCode.RESCALE


def test_intercepts_that_differ_with_their_values_are_harmless(tmp_path: Path) -> None:
    assert isinstance(written(tmp_path, range(45), values_follow=True), Volume)
