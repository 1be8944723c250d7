"""Phantom studies as DICOM: readable by others, geometry and values intact, byte for byte the same each time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.defects import Defect
from trabecula.phantom.dicom import TRUTH_FILE, write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import CtProtocol, MrProtocol
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomStudy

CT = CtProtocol(pixel_mm=2.0, matrix=(80, 70), thickness_mm=5.0, increment_mm=5.0, scout=True, sagittal_reformat_mm=4.0)
MR = MrProtocol(pixel_mm=2.0, matrix=(120, 96), slices=5, localizer=True)


@pytest.fixture(scope="module")
def ct() -> PhantomStudy:
    return make_ct_study(CtStudySpec(sample_patient(21, 7), CT))


@pytest.fixture(scope="module")
def mr() -> PhantomStudy:
    return make_mr_study(MrStudySpec(sample_patient(21, 7), MR))


@pytest.mark.parametrize("role", ["CT", "CT_SAGITTAL"])
def test_ct_files_hold_the_hu_and_the_place_of_every_voxel(ct: PhantomStudy, tmp_path: Path, role: str) -> None:
    write_study(ct, tmp_path)
    series = ct.series_of(role)
    index = 3

    dataset = pydicom.dcmread(tmp_path / f"S{series.number:03d}" / f"IM{index + 1:04d}.dcm")

    stored = dataset.pixel_array * dataset.RescaleSlope + dataset.RescaleIntercept
    assert np.array_equal(stored, series.volume.array[index])
    row, column = 11, 23
    orientation = np.array(dataset.ImageOrientationPatient, dtype=float)
    place = np.array(dataset.ImagePositionPatient, dtype=float)
    place += orientation[:3] * dataset.PixelSpacing[1] * column + orientation[3:] * dataset.PixelSpacing[0] * row
    assert place == pytest.approx(series.volume.geometry.to_lps(np.array([index, row, column])), abs=0.01)


def test_the_same_study_gives_the_same_bytes(ct: PhantomStudy, tmp_path: Path) -> None:
    first, second = write_study(ct, tmp_path / "a"), write_study(ct, tmp_path / "b")

    assert len(first) == sum(series.volume.geometry.shape[0] for series in ct.series)
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_identifiers_tell_series_and_instances_apart_and_name_a_phantom(mr: PhantomStudy, tmp_path: Path) -> None:
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in write_study(mr, tmp_path)]

    assert len({header.SOPInstanceUID for header in headers}) == len(headers) == 9 + 2 * 5
    assert {header.StudyInstanceUID for header in headers} == {mr.study_uid}
    assert len({header.SeriesInstanceUID for header in headers}) == 3
    assert {str(header.PatientName) for header in headers} == {"PHANTOM^0007"}
    assert all(len(header.SOPInstanceUID) <= 64 for header in headers)


def test_the_localizer_mixes_three_orientations_in_one_series(mr: PhantomStudy, tmp_path: Path) -> None:
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in write_study(mr, tmp_path)]

    localizer = [header for header in headers if header.SeriesNumber == 1]

    assert len({tuple(header.ImageOrientationPatient) for header in localizer}) == 3
    assert "LOCALIZER" in localizer[0].ImageType


def test_the_truth_lies_beside_the_images(mr: PhantomStudy, tmp_path: Path) -> None:
    write_study(mr, tmp_path)

    truth = json.loads((tmp_path / TRUTH_FILE).read_text())

    assert truth["study_uid"] == mr.study_uid
    assert {level["level"] for level in truth["levels"]} >= {"L1", "L2", "L3", "L4", "L5", "S1"}
    assert truth["series"][0]["role"] == "T1"
    assert truth["series"][0]["vbq"] == mr.truth.series[0].vbq


def test_missing_slices_never_reach_the_folder(tmp_path: Path) -> None:
    protocol = replace(CT, scout=False, sagittal_reformat_mm=0.0)
    study = make_ct_study(CtStudySpec(sample_patient(22, 1), protocol, frozenset({Defect.MISSING_SLICES})))
    series = study.series_of("CT")

    paths = write_study(study, tmp_path)

    assert len(paths) == series.volume.geometry.shape[0] - len(series.omitted)
    assert len(series.omitted) >= 0.1 * series.volume.geometry.shape[0]
    places = sorted(float(pydicom.dcmread(path).ImagePositionPatient[2]) for path in paths)
    assert np.diff(places).max() > 3 * 5.0


@pytest.mark.system
def test_a_validator_finds_no_error(
    ct: PhantomStudy, mr: PhantomStudy, tmp_path: Path, require_tool: Callable[[str], str]
) -> None:
    dciodvfy = require_tool("dciodvfy")
    paths = [
        folder / "IM0001.dcm"
        for study, name in ((ct, "ct"), (mr, "mr"))
        if write_study(study, tmp_path / name)
        for folder in sorted((tmp_path / name).glob("S*"))
    ]

    answers = [subprocess.run([dciodvfy, str(path)], capture_output=True, text=True, check=False) for path in paths]

    assert len(paths) == 6
    assert [answer.stderr for answer in answers if "Error" in answer.stderr] == []
