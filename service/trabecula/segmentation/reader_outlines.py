"""A reader's outlines: vertebrae that a person drew or edited as a DICOM SEG take the place of the segmenter's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from trabecula.domain.errors import SegmenterFailed
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.segmentation import Segmentation, Segmenter, SegmenterIdentity
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import InstanceUid
from trabecula.domain.volume import TISSUE_LABELS, Tissue, Volume
from trabecula.imaging.headers.frames import READ_ERRORS, lenient
from trabecula.segmentation.foreign.dicom_seg import DicomSegSegmenter
from trabecula.segmentation.foreign.seg_segments import vertebra_segments

NUMBERING = "outlined and named by a reader"
_BY_A_PERSON = frozenset({"MANUAL", "SEMIAUTOMATIC"})


class ReaderOutlines:
    """A segmenter whose bodies are a reader's wherever a SEG of theirs fits (implements the Segmenter port).

    ``seg_uids`` name the SEGs among ``files``, the newest first: the first that fits a volume is used. The other
    segmenter still tells the tissues around the bodies (VBQ needs the spinal canal). A SEG that cannot be used is told.
    """

    def __init__(self, other: Segmenter, files: Sequence[StoredFile], seg_uids: Sequence[InstanceUid]) -> None:
        self._other = other
        by_uid = {file.sop_instance_uid: file for file in files}
        self._segs = tuple(by_uid[uid] for uid in seg_uids if uid in by_uid)
        self._images = tuple(file for file in files if file.sop_instance_uid not in set(seg_uids))

    @property
    def identity(self) -> SegmenterIdentity:
        """The other segmenter; ``Segmentation.outlined_by`` tells whose the outlines are."""
        return self._other.identity

    def segment(self, volume: Volume) -> Segmentation:
        """Return the reader's bodies on the grid of a volume, else those of the other segmenter.

        Raises what the other segmenter raises.
        """
        found = self._other.segment(volume)
        told: list[Reason] = []
        for file in self._segs:
            refusal = self._refusals[file.sop_instance_uid]
            if not refusal:
                try:
                    drawn = DicomSegSegmenter((file, *self._images)).segment(volume)
                except SegmenterFailed as error:
                    refusal = error.detail
                else:
                    if any(body.level is not None for body in drawn.bodies):
                        reason = Reason(code=ReasonCode.OUTLINES_CORRECTED, blocking=False)
                        return replace(
                            drawn_upon(found, drawn),
                            numbering=NUMBERING,
                            numbering_reasons=(reason, *told),
                            outlined_by=file.sop_instance_uid,
                        )
                    refusal = "it shows no vertebra of the measured images"
            told.append(Reason(code=ReasonCode.OUTLINES_REFUSED, blocking=False, detail=refusal))
        return replace(found, numbering_reasons=(*found.numbering_reasons, *told))

    @cached_property
    def _refusals(self) -> dict[InstanceUid, str]:
        """Why each SEG is not a reader's outlines of vertebrae, in words; empty where it is."""
        with lenient():
            return {file.sop_instance_uid: _refusal(file) for file in self._segs}


def _refusal(file: StoredFile) -> str:
    try:
        dataset = pydicom.dcmread(file.path, stop_before_pixels=True)
        levels = [segment for segment in vertebra_segments(dataset) if segment.level is not None]
        by_a_person = _drawn_by_a_person(dataset)
    except READ_ERRORS as error:
        return f"unreadable SEG: {type(error).__name__}"
    if not levels:
        return "no segment of it names a vertebral level"
    return "" if by_a_person else "its segments say that a program made them (Segment Algorithm Type AUTOMATIC)"


def _drawn_by_a_person(dataset: Dataset) -> bool:
    """Whether a person drew or edited any segment: Segment Algorithm Type (0062,0008)."""
    kinds = {str(item.get("SegmentAlgorithmType") or "").strip().upper() for item in dataset.get("SegmentSequence", ())}
    return bool(kinds & _BY_A_PERSON)


def drawn_upon(found: Segmentation, drawn: Segmentation) -> Segmentation:
    """Return the bodies of ``drawn`` with the tissues around them that a program found."""
    return replace(
        drawn,
        tissues=_tissues(found.tissues, drawn.labels),
        against_header=found.against_header,
        timings_s={**found.timings_s, **drawn.timings_s},
    )


def _tissues(found: NDArray[np.uint8] | None, labels: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """The tissues that were found, with the reader's bodies: what only the program took for body is their rim."""
    if found is None:
        return None
    tissues = found.copy()
    tissues[tissues == TISSUE_LABELS[Tissue.BODY]] = TISSUE_LABELS[Tissue.RIM]
    tissues[labels > 0] = TISSUE_LABELS[Tissue.BODY]
    return tissues
