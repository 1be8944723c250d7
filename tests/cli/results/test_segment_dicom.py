"""``trabecula segment`` on DICOM folders: the series is chosen, labels lie in its place, a SEG of the study is read."""

from __future__ import annotations

import json
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from tests.builders import image, part10, uid, write_series
from tests.segmentation.drawn_spines import LEVELS, draw_spine, spine_grid, spine_volume
from trabecula.cli.main import app

GEOMETRY = spine_grid("axial", (2.5, 1.4, 1.4))
CODES = ("36470004", "11994002", "49668003")


def write_ct(folder: Path, series: int = 1) -> list[Dataset]:
    folder.mkdir(parents=True, exist_ok=True)
    volume = spine_volume(GEOMETRY)
    written = []
    for index in range(GEOMETRY.shape[0]):
        slice_ = image(1, series, index + 1, rows=GEOMETRY.shape[1])
        slice_.FrameOfReferenceUID = uid(1, 77)
        slice_.ImagePositionPatient = [round(float(x), 6) for x in GEOMETRY.to_lps(np.array([index, 0.0, 0.0]))]
        slice_.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        slice_.PixelSpacing, slice_.SliceThickness = [1.4, 1.4], 2.5
        slice_.RescaleSlope, slice_.RescaleIntercept, slice_.KVP = 1, 0, 120
        slice_.PatientBirthDate = slice_.PatientSex = slice_.StudyTime = slice_.AccessionNumber = ""
        slice_.StudyID = slice_.ReferringPhysicianName = ""
        slice_.PixelData = volume.array[index].astype(np.int16).tobytes()
        (folder / f"{series}-{index:03}.dcm").write_bytes(part10(slice_))
        written.append(slice_)
    return written


def write_seg(folder: Path, images: list[Dataset]) -> None:
    bodies = draw_spine(GEOMETRY)[0]
    descriptions = [
        hd.seg.SegmentDescription(
            place + 1,
            f"{level} body",
            Code("123037004", "SCT", "Anatomical Structure"),
            Code(CODES[place], "SCT", f"{level} vertebra"),
            hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for place, level in enumerate(LEVELS)
    ]
    seg = hd.seg.Segmentation(
        source_images=images,
        pixel_array=np.stack([bodies == level.label for level in LEVELS], axis=-1).astype(np.uint8),
        segmentation_type="BINARY",
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=9,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Other Maker",
        manufacturer_model_name="Spine",
        software_versions="7",
        device_serial_number="1",
    )
    seg.save_as(folder / "seg.dcm")


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TRABECULA_CONFIG", raising=False)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "study"
    write_seg(folder, write_ct(folder))
    (folder / "notes.txt").write_text("not an image")
    return folder


def test_a_study_with_a_seg_gives_its_bodies_in_place(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "labels.nii.gz"

    result = CliRunner().invoke(
        app, ["segment", str(study), "--out", str(out), "--json", str(tmp_path / "qc.json"), "--segmenter", "dicom-seg"]
    )

    assert result.exit_code == 0, result.output
    written = nib.load(out)
    truth = draw_spine(GEOMETRY)[0]
    assert np.array_equal(np.asarray(written.dataobj).transpose(2, 1, 0), truth)
    place = np.argwhere(truth == LEVELS[0].label)[0].astype(float)
    ras = written.affine @ [*place[::-1], 1]
    assert np.allclose(ras[:3] * [-1, -1, 1], GEOMETRY.to_lps(place), atol=1e-3)
    document = json.loads((tmp_path / "qc.json").read_text())
    assert document["input"] == document["input"] | {"kind": "dicom", "series_uid": uid(1, 1), "modality": "CT"}
    assert [body["level"] for body in document["bodies"]] == ["L3", "L4", "L5"]


@pytest.mark.parametrize("arguments", [["--modality", "MR"], ["--series", "1.2.3"]])
def test_what_the_folder_does_not_hold_is_said(study: Path, tmp_path: Path, arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["segment", str(study), "--out", str(tmp_path / "labels.nii.gz"), *arguments])

    assert result.exit_code == 2
    assert result.stderr.startswith("GEOMETRY_INVALID: ")
    assert len(result.stderr.strip().splitlines()) >= 2


def test_images_without_geometry_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "one"
    write_series(folder, 1)

    result = CliRunner().invoke(app, ["segment", str(folder), "--out", str(tmp_path / "labels.nii.gz")])

    assert result.exit_code == 2
    assert result.stderr.split(":")[0] in ("GEOMETRY_INVALID", "INPUT_UNREADABLE")
