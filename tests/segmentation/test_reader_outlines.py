"""A reader's outlines: a SEG that a person drew takes the place of the segmenter's bodies, anything else is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.segmentation.drawn_spines import LEVELS, draw_spine
from tests.segmentation.foreign.drawn_segs import (
    AUTOMATIC,
    CODES,
    GEOMETRY,
    MANUAL,
    VERTEBRA,
    description,
    stacked,
    volume,
    write_seg,
)
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import Level
from trabecula.domain.study.study import StoredFile
from trabecula.domain.volume import TISSUE_LABELS, Geometry, Tissue, Volume
from trabecula.segmentation.reader_outlines import NUMBERING, ReaderOutlines


@dataclass(frozen=True)
class Program:
    """Finds one body too large, names it L4, and sees the canal."""

    @property
    def identity(self) -> SegmenterIdentity:
        return SegmenterIdentity("program", "1")

    def segment(self, volume: Volume) -> Segmentation:
        _, whole, canal = draw_spine(GEOMETRY)
        labels = np.where(whole == Level.L3.label, Level.L4.label, 0).astype(np.uint8)
        tissues = np.where(labels > 0, TISSUE_LABELS[Tissue.BODY], 0).astype(np.uint8)
        tissues[canal] = TISSUE_LABELS[Tissue.CANAL]
        return Segmentation(
            labels=labels,
            bodies=(SegmentedBody(label=Level.L4.label, level=Level.L4, quality=0.9),),
            segmenter=self.identity,
            quality=0.9,
            numbering="counted from the sacrum",
            tissues=tissues,
        )


def drawn(path: Path, made: object = MANUAL, levels: bool = True, of: tuple[Level, ...] = LEVELS) -> StoredFile:
    """A SEG of the bodies of some levels."""
    described = [
        description(number, f"body {number}", CODES[level] if levels else VERTEBRA, made)  # type: ignore[arg-type]
        for number, level in enumerate(of, start=1)
    ]
    masks = stacked(draw_spine(GEOMETRY)[0])[..., [LEVELS.index(level) for level in of]]
    return write_seg(path, masks, described)


def segmented(*files: StoredFile) -> Segmentation:
    """What comes of these SEGs, the newest first."""
    return ReaderOutlines(Program(), files, [file.sop_instance_uid for file in files]).segment(volume())


def test_a_readers_bodies_take_the_place_of_the_programs_with_its_tissues_around(tmp_path: Path) -> None:
    file = drawn(tmp_path / "seg.dcm")
    found = segmented(file)
    truth, _, canal = draw_spine(GEOMETRY)
    assert np.array_equal(found.labels, truth)
    assert [body.level for body in found.bodies] == list(LEVELS)
    assert (found.numbering, found.outlined_by) == (NUMBERING, file.sop_instance_uid)
    assert [(reason.code, reason.blocking) for reason in found.numbering_reasons] == [
        (ReasonCode.OUTLINES_CORRECTED, False)
    ]
    assert found.tissues is not None
    assert np.array_equal(found.tissues == TISSUE_LABELS[Tissue.CANAL], canal)
    assert np.array_equal(found.tissues == TISSUE_LABELS[Tissue.BODY], truth > 0)


def test_of_several_the_newest_is_taken(tmp_path: Path) -> None:
    newest = drawn(tmp_path / "new.dcm", of=(Level.L3, Level.L4))
    found = segmented(newest, drawn(tmp_path / "old.dcm"))
    assert (found.outlined_by, len(found.bodies)) == (newest.sop_instance_uid, 2)


def test_a_newer_one_that_is_refused_is_told_beside_the_older_one_that_is_used(tmp_path: Path) -> None:
    older = drawn(tmp_path / "old.dcm")
    found = segmented(drawn(tmp_path / "new.dcm", AUTOMATIC), older)
    assert found.outlined_by == older.sop_instance_uid
    assert [reason.code for reason in found.numbering_reasons] == [
        ReasonCode.OUTLINES_CORRECTED,
        ReasonCode.OUTLINES_REFUSED,
    ]


@pytest.mark.parametrize(
    ("made", "levels", "words"),
    [(AUTOMATIC, True, "a program made them"), (MANUAL, False, "names a vertebral level")],
)
def test_what_is_no_readers_outline_of_levels_is_refused_and_told(
    tmp_path: Path, made: object, levels: bool, words: str
) -> None:
    found = segmented(drawn(tmp_path / "seg.dcm", made, levels))
    assert [body.level for body in found.bodies] == [Level.L4]
    (reason,) = found.numbering_reasons
    assert (reason.code, reason.blocking, found.outlined_by) == (ReasonCode.OUTLINES_REFUSED, False, "")
    assert words in reason.detail


def test_a_seg_of_other_images_and_a_broken_one_are_told(tmp_path: Path) -> None:
    elsewhere = drawn(tmp_path / "seg.dcm")
    other = volume()
    shifted = Volume(array=other.array, geometry=_far(other), modality=other.modality)
    found = ReaderOutlines(Program(), [elsewhere], [elsewhere.sop_instance_uid]).segment(shifted)
    assert "no vertebra of the measured images" in found.numbering_reasons[0].detail
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"not DICOM")
    file = StoredFile(str(broken), "1.2.3", elsewhere.sop_class_uid, "1.2")
    assert "unreadable SEG" in segmented(file).numbering_reasons[0].detail


@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_seg_that_ends_too_early_is_refused_with_a_reason(tmp_path: Path, kept: float) -> None:
    whole = drawn(tmp_path / "seg.dcm")
    content = Path(whole.path).read_bytes()
    Path(whole.path).write_bytes(content[: int(kept * len(content))])
    found = segmented(whole)
    (reason,) = found.numbering_reasons
    assert (reason.code, reason.blocking, found.outlined_by) == (ReasonCode.OUTLINES_REFUSED, False, "")
    assert reason.detail
    assert [body.level for body in found.bodies] == [Level.L4]


def _far(other: Volume) -> Geometry:
    affine = np.array(other.geometry.affine)
    affine[2, 3] += 2000.0
    return Geometry(other.geometry.shape, affine)
