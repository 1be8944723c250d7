"""Contradictions: the same images twice in a series, with headers that say two things of what a value means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid

from tests.imaging.drawn_series import CT_TAGS, axial, write_stack
from trabecula.domain.results.reasons import ReasonCode
from trabecula.imaging.headers.frames import read_headers, scan_folder
from trabecula.series.choice import Choice, choose

GEOMETRY = axial((24, 12, 10), (4.0, 4.0, 4.0))
NOISE = np.random.default_rng(5).integers(-20, 20, (2, *GEOMETRY.shape))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tags = {**CT_TAGS, "RescaleIntercept": "-1024", "SeriesDescription": "Abdomen", "KVP": "120"}
    write_stack(tmp_path, 1050 + NOISE[0], GEOMETRY, tags)
    return tmp_path


def again(folder: Path, count: int, *, kvp: str, noise: int = 0) -> Choice:
    """The choice in the series after its first ``count`` images were sent again with another tube voltage."""
    for number, path in enumerate(sorted(folder.glob("1-*.dcm"))[:count]):
        dataset = dcmread(path)
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        dataset.KVP = kvp
        dataset.PixelData = (1050 + NOISE[noise][number]).astype("<i2").tobytes()
        dataset.save_as(path.with_name(f"again-{path.name}"))
    return choose(read_headers(scan_folder(folder))[0])


@pytest.mark.parametrize("count", [8, 24])
def test_copies_that_state_another_tube_voltage_are_not_measured(folder: Path, count: int) -> None:
    choice = again(folder, count, kvp="80")
    assert not choice.candidates
    (reason,) = choice.refused
    assert reason.code is ReasonCode.HEADERS_DIFFER
    assert reason.detail.startswith("the same images are recorded with a tube voltage of 80 and of 120 kV")


def test_a_second_voltage_of_a_dual_energy_scan_contradicts_nothing(folder: Path) -> None:
    choice = again(folder, 24, kvp="80", noise=1)
    first, *_ = choice.candidates
    assert len(first.stack.frames) == 24
    assert first.stack.frames[0].acquisition.kvp == 120


def test_copies_whose_voltage_differs_by_a_digit_are_folded(folder: Path) -> None:
    choice = again(folder, 24, kvp="120.4")
    assert [len(item.stack.frames) for item in choice.candidates] == [24]
