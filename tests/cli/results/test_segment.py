"""``trabecula segment``: every kind of input through the real command, with a stand-in program as segmenter."""

from __future__ import annotations

import json
import stat
import sys
import textwrap
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.regions.drawn_bodies import single_slice
from tests.segmentation.drawn_spines import draw_spine, spine_grid, spine_volume
from trabecula.cli.main import app
from trabecula.domain.modality import Modality
from trabecula.domain.volume import Geometry, Volume
from trabecula.imaging.volumes.files import read_labels_on, write_labels_of, write_nifti_image

GEOMETRY = spine_grid("sagittal", (4.0, 1.3, 1.3))


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A configuration whose segmenter ``drawn`` gives the labels that lie in truth.nii.gz."""
    write_labels_of(tmp_path / "truth.nii.gz", draw_spine(GEOMETRY)[0], GEOMETRY)
    script = tmp_path / "drawn"
    script.write_text(
        textwrap.dedent(f"""\
        #!{sys.executable}
        import sys, nibabel, numpy as np
        from nibabel.orientations import io_orientation, ornt_transform
        image, truth = nibabel.load(sys.argv[1]), nibabel.load({str(tmp_path / "truth.nii.gz")!r})
        turn = ornt_transform(io_orientation(truth.affine), io_orientation(image.affine))
        data = np.asarray(truth.as_reoriented(turn).dataobj)
        if data.shape != image.shape:
            data = np.zeros(image.shape, np.uint8)
        nibabel.save(nibabel.Nifti1Image(data, image.affine), sys.argv[2])
        """)
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    config = tmp_path / "trabecula.toml"
    config.write_text(
        textwrap.dedent(f"""\
        data_dir = "{tmp_path / "data"}"
        segmenter = "drawn"
        [external_segmenters.drawn]
        command = "{script} {{input}} {{output}}"
        label_map = "trabecula"
        """)
    )
    monkeypatch.setenv("TRABECULA_CONFIG", str(config))
    write_nifti_image(tmp_path / "image.nii.gz", spine_volume(GEOMETRY, Modality.MR))
    return tmp_path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["segment", *(str(argument) for argument in arguments)])


def test_a_volume_becomes_labels_numbers_and_a_picture(configured: Path) -> None:
    result = run(
        configured / "image.nii.gz",
        *("--out", configured / "out" / "labels.nii.gz", "--json", configured / "out" / "qc.json"),
        *("--png", configured / "out" / "planes.png", "--modality", "mr"),
    )

    assert result.exit_code == 0, result.output
    assert np.array_equal(read_labels_on(configured / "out" / "labels.nii.gz", GEOMETRY), draw_spine(GEOMETRY)[0])
    document = json.loads((configured / "out" / "qc.json").read_text())
    assert [(body["label"], body["level"]) for body in document["bodies"]] == [(22, "L3"), (23, "L4"), (24, "L5")]
    assert document["segmenter"]["name"] == "external:drawn"
    assert document["input"]["modality"] == "MR"
    assert not document["input"]["modality_guessed"]
    assert document["input"]["plane"] == "SAGITTAL"
    assert document["quality"] == 0.9
    assert document["numbering"]
    assert document["timings"]
    assert all(body["complete"] and body["volume_mm3"] > 1000 for body in document["bodies"])
    assert (configured / "out" / "planes.png").read_bytes().startswith(b"\x89PNG")
    assert "L4" in result.output


@pytest.mark.parametrize("name", ["image.nrrd", "image.mha", "image.nii"])
def test_other_formats_give_the_same(configured: Path, name: str) -> None:
    import SimpleITK

    SimpleITK.WriteImage(SimpleITK.ReadImage(str(configured / "image.nii.gz")), str(configured / name))

    result = run(configured / name, "--out", configured / "labels.nrrd")

    assert result.exit_code == 0, result.output
    assert np.array_equal(read_labels_on(configured / "labels.nrrd", GEOMETRY), draw_spine(GEOMETRY)[0])


def test_a_single_sagittal_slice(configured: Path) -> None:
    bodies, geometry = single_slice(draw_spine(GEOMETRY)[0] > 0, GEOMETRY)
    middle = GEOMETRY.shape[0] // 2
    write_labels_of(configured / "truth.nii.gz", draw_spine(GEOMETRY)[0][middle][None], geometry)
    array = spine_volume(GEOMETRY, Modality.MR).array[middle][None]
    write_nifti_image(configured / "slice.nii.gz", Volume(array=array, geometry=geometry, modality=Modality.MR))

    result = run(configured / "slice.nii.gz", "--out", configured / "labels.nii.gz", "--png", configured / "p.png")

    assert result.exit_code == 0, result.output
    labels = np.asarray(nib.load(configured / "labels.nii.gz").dataobj)
    assert labels.shape == nib.load(configured / "slice.nii.gz").shape
    assert (labels > 0).sum() == bodies.sum()


def test_an_image_without_a_spine_is_an_answer(configured: Path) -> None:
    other = Geometry((3, 20, 21), np.diag([4.0, 1.0, 1.0, 1.0]))
    write_nifti_image(
        configured / "noise.nii.gz",
        Volume(array=np.ones(other.shape, np.float32), geometry=other, modality=Modality.MR),
    )

    result = run(configured / "noise.nii.gz", "--out", configured / "l.nii.gz", "--json", configured / "qc.json")

    assert result.exit_code == 0, result.output
    document = json.loads((configured / "qc.json").read_text())
    assert document["bodies"] == []
    assert [(reason["code"], reason["blocking"]) for reason in document["reasons"]] == [("NOT_A_SPINE", True)]
    assert document["reasons"][0]["sentence"]
    assert document["reasons"][0]["next_step"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["absent.nii.gz", "--out", "l.nii.gz"], "INPUT_UNREADABLE"),
        (["text.txt", "--out", "l.nii.gz"], "INPUT_UNREADABLE"),
        (["empty", "--out", "l.nii.gz"], "INPUT_UNREADABLE"),
        (["image.nii.gz", "--out", "l.png"], "INPUT_UNREADABLE"),
        (["image.nii.gz", "--out", "l.nii.gz", "--modality", "US"], "INPUT_UNREADABLE"),
        (["image.nii.gz", "--out", "l.nii.gz", "--segmenter", "external:nothing"], "CONFIGURATION_INVALID"),
        (["image.nii.gz", "--out", "l.nii.gz", "--segmenter", "dicom-seg"], "SEGMENTER_FAILED"),
        (["image.nii.gz", "--out", "l.nii.gz", "--segmenter", "totalsegmentator"], "SEGMENTER_FAILED"),
    ],
)
def test_errors_have_code_sentence_and_next_step(
    configured: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: str
) -> None:
    monkeypatch.chdir(configured)
    (configured / "text.txt").write_text("no image")
    (configured / "empty").mkdir()

    result = run(*arguments)

    assert result.exit_code == 2
    first, *rest = result.stderr.strip().splitlines()
    assert first.startswith(f"{code}: ")
    assert rest
    assert not (configured / "l.nii.gz").exists()
