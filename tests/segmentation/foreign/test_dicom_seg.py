"""DICOM SEG of other products: matched by codes or words, carried onto the grid of the images, odd ones passed over."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import CTImageStorage, generate_uid

from tests.segmentation.drawn_spines import LEVELS, dice, draw_spine, spine_grid, spine_volume
from tests.segmentation.foreign.drawn_segs import (
    BODY,
    CANAL,
    CODES,
    GEOMETRY,
    SEGMENTATION,
    SERIES,
    TISSUE,
    VERTEBRA,
    bodies_seg,
    description,
    source_images,
    stacked,
    volume,
    write_seg,
)
from trabecula.domain.errors import SegmenterFailed
from trabecula.domain.sop_classes import SEGMENTATION_CLASSES
from trabecula.domain.spine import Level
from trabecula.domain.study.study import StoredFile
from trabecula.domain.volume import TISSUE_LABELS, Tissue, Volume
from trabecula.segmentation.foreign.dicom_seg import DicomSegSegmenter
from trabecula.segmentation.foreign.seg_segments import vertebra_segments


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_bodies_come_through_exactly_on_their_own_grid(tmp_path: Path, kind: str) -> None:
    file = bodies_seg(tmp_path / "seg.dcm", kind)
    assert file.sop_class_uid in SEGMENTATION_CLASSES

    result = DicomSegSegmenter([file]).segment(volume())

    assert [body.level for body in result.bodies] == list(LEVELS)
    assert np.array_equal(result.labels, draw_spine(GEOMETRY)[0])
    assert result.segmenter.name == "dicom-seg: Other Maker Spine"
    assert result.segmenter.version == "7"
    assert result.numbering == "named in the DICOM SEG"


def test_whole_vertebrae_by_code_are_cut_and_the_canal_is_kept(tmp_path: Path) -> None:
    bodies, whole, canal = draw_spine(GEOMETRY)
    described = [description(place + 1, str(level), CODES[level]) for place, level in enumerate(LEVELS)]
    masks = np.concatenate([stacked(whole), canal[..., None].astype(np.uint8)], axis=-1)
    file = write_seg(tmp_path / "seg.dcm", masks, [*described, description(4, "canal", CANAL)])

    result = DicomSegSegmenter([file]).segment(volume())

    assert dice(result.labels > 0, bodies > 0) > 0.95
    assert result.tissues is not None
    assert dice(result.tissues == TISSUE_LABELS[Tissue.CANAL], canal) > 0.99


@pytest.mark.parametrize(("plane", "spacing"), [("sagittal", (3.0, 0.9, 0.9)), ("coronal", (2.0, 1.0, 1.0))])
def test_a_seg_of_one_series_is_carried_to_another(
    tmp_path: Path, plane: str, spacing: tuple[float, float, float]
) -> None:
    other = spine_grid(plane, spacing)
    file = bodies_seg(tmp_path / "seg.dcm")

    result = DicomSegSegmenter([file]).segment(spine_volume(other))

    assert [body.level for body in result.bodies] == list(LEVELS)
    for level in LEVELS:
        assert dice(result.labels == level.label, draw_spine(other)[0] == level.label) > 0.93


def test_of_several_the_other_products_seg_of_these_images_is_taken(tmp_path: Path) -> None:
    ours = bodies_seg(tmp_path / "ours.dcm", maker="Trabecula")
    theirs = bodies_seg(tmp_path / "theirs.dcm")

    result = DicomSegSegmenter([ours, theirs]).segment(volume())
    alone = DicomSegSegmenter([ours]).segment(volume())

    assert result.segmenter.name == "dicom-seg: Other Maker Spine"
    assert alone.segmenter.name == "dicom-seg: Trabecula Spine"


def test_levels_without_a_code_come_from_the_words(tmp_path: Path) -> None:
    described = [description(place + 1, f"vertebrae_{level}", TISSUE) for place, level in enumerate(LEVELS)]
    file = write_seg(tmp_path / "seg.dcm", stacked(draw_spine(GEOMETRY)[0]), described)

    result = DicomSegSegmenter([file]).segment(volume())

    assert [body.level for body in result.bodies] == list(LEVELS)


def test_vertebral_bodies_without_a_level_are_numbered_from_the_top(tmp_path: Path) -> None:
    described = [description(place + 1, f"structure {place}", BODY) for place in range(3)]
    file = write_seg(tmp_path / "seg.dcm", stacked(draw_spine(GEOMETRY)[0])[..., ::-1], described)

    result = DicomSegSegmenter([file]).segment(volume())

    assert [(body.label, body.level) for body in result.bodies] == [(101, None), (102, None), (103, None)]
    assert np.array_equal(result.labels == 101, draw_spine(GEOMETRY)[0] == Level.L3.label)


@pytest.mark.parametrize(
    ("label", "kind", "wanted"),
    [
        ("L1", TISSUE, Level.L1),
        ("LWK 2", TISSUE, Level.L2),
        ("BWK12", TISSUE, Level.T12),
        ("Lumbar vertebra L03", VERTEBRA, Level.L3),
        ("S1", TISSUE, Level.S1),
        ("vertebra", VERTEBRA, None),
    ],
)
def test_words_that_name_a_vertebra(label: str, kind: Code, wanted: Level | None) -> None:
    dataset = Dataset()
    dataset.SegmentSequence = [description(1, label, kind)]

    (segment,) = vertebra_segments(dataset)

    assert segment.level is wanted


@pytest.mark.parametrize("label", ["L4-L5 disc", "L5 nerve root", "L3/L4", "liver", "T2 hyperintensity left L", "CL1P"])
def test_words_that_name_none(label: str) -> None:
    dataset = Dataset()
    dataset.SegmentSequence = [description(1, label, TISSUE)]

    assert vertebra_segments(dataset) == ()


def failure(files: list[StoredFile], of: Volume) -> SegmenterFailed:
    with pytest.raises(SegmenterFailed) as caught:
        DicomSegSegmenter(files).segment(of)
    assert caught.value.code == "SEGMENTER_FAILED"
    assert caught.value.next_step
    return caught.value


def test_studies_without_a_usable_seg_say_why(tmp_path: Path) -> None:
    liver = write_seg(
        tmp_path / "liver.dcm",
        stacked(draw_spine(GEOMETRY)[0])[..., :1],
        [description(1, "liver", Code("10200004", "SCT", "Liver"))],
    )
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"nothing")
    image = source_images(GEOMETRY)[0]

    assert "no DICOM SEG" in failure([], volume()).sentence
    assert "without vertebrae" in failure([liver], volume()).sentence
    assert "unreadable" in failure([StoredFile(str(broken), "1", SEGMENTATION, "2")], volume()).sentence
    assert (
        "no DICOM SEG"
        in failure([StoredFile("x", image.SOPInstanceUID, CTImageStorage, SERIES)], spine_volume(GEOMETRY)).sentence
    )


def test_a_seg_in_another_frame_of_reference_is_passed_over(tmp_path: Path) -> None:
    file = bodies_seg(tmp_path / "seg.dcm")
    header = source_images(GEOMETRY)[0]
    header.FrameOfReferenceUID = generate_uid()
    header.file_meta = hd.base.FileMetaDataset()
    header.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    header.save_as(tmp_path / "image.dcm", enforce_file_format=True)
    source = StoredFile(str(tmp_path / "image.dcm"), header.SOPInstanceUID, CTImageStorage, SERIES)

    assert "another frame of reference" in failure([source, file], volume()).sentence


def test_a_reference_of_unknown_representation_is_said_in_words(tmp_path: Path) -> None:
    file = bodies_seg(tmp_path / "seg.dcm")
    raw = Path(file.path).read_bytes()
    element = bytes.fromhex("08005511") + b"UI"
    assert element in raw
    Path(file.path).write_bytes(raw.replace(element, element[:-1] + b"\0"))

    assert "unreadable" in failure([file], volume()).sentence


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_segs_fail_in_words(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "seg.dcm"
    if not (tmp_path / "good.dcm").exists():
        bodies_seg(tmp_path / "good.dcm")
    raw = bytearray((tmp_path / "good.dcm").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(raw[: data.draw(st.integers(len(raw) // 2, len(raw)))])

    code = ""
    try:
        DicomSegSegmenter([StoredFile(str(path), "1", SEGMENTATION, "2")]).segment(volume())
    except SegmenterFailed as error:
        code = error.code
    assert code in ("", "SEGMENTER_FAILED")


def test_a_saved_seg_is_read_as_it_was_written(tmp_path: Path) -> None:
    bodies_seg(tmp_path / "seg.dcm")

    segments = vertebra_segments(dcmread(tmp_path / "seg.dcm"))

    assert [(segment.number, segment.level, segment.is_body) for segment in segments] == [
        (1, Level.L3, True),
        (2, Level.L4, True),
        (3, Level.L5, True),
    ]
