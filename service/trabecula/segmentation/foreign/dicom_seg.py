"""The vertebrae of a DICOM SEG that came with the study, on the grid of a series of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from trabecula.domain.errors import GeometryInvalid, SegmenterFailed
from trabecula.domain.segmentation import Segmentation, SegmenterIdentity
from trabecula.domain.sop_classes import SEGMENTATION_CLASSES
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL
from trabecula.domain.study.study import StoredFile
from trabecula.domain.volume import TISSUE_LABELS, Geometry, Volume
from trabecula.imaging.headers.frames import READ_ERRORS, lenient
from trabecula.segmentation.foreign.label_maps import label_map
from trabecula.segmentation.foreign.labelled import LabelSource, segmentation_of
from trabecula.segmentation.foreign.seg_frames import SegFrames, carry_over, read_frames
from trabecula.segmentation.foreign.seg_segments import CodedSegment, vertebra_segments
from trabecula.segmentation.foreign.whole_vertebrae import body_of_vertebra

"""Segmentation Storage and Label Map Segmentation Storage (PS3.4 B.5)."""

_ERRORS = (*READ_ERRORS, RuntimeError, IndexError, ArithmeticError, MemoryError, GeometryInvalid)
_OURS = "trabecula"


@dataclass(frozen=True, eq=False)
class _Found:
    dataset: Dataset
    segments: tuple[CodedSegment, ...]
    refers: bool
    ours: bool


class DicomSegSegmenter:
    """Reads vertebrae from the SEG objects among a study's files (implements the Segmenter port).

    Of several objects the one that refers to the images wins, then one of another product, then the one with most
    vertebrae on them. Objects in another frame of reference are passed over.
    """

    def __init__(self, files: Sequence[StoredFile]) -> None:
        self._files = tuple(files)

    @property
    def identity(self) -> SegmenterIdentity:
        """A DICOM SEG; ``segment`` names its maker."""
        return SegmenterIdentity("dicom-seg", "")

    def segment(self, volume: Volume) -> Segmentation:
        """Return the bodies of the best SEG. Raises SegmenterFailed where the study holds none that fits."""
        start = time.monotonic()
        with lenient():
            found, faults = self._candidates(volume)
            best: Segmentation | None = None
            for candidate in found:
                try:
                    result = _read(candidate, volume.geometry)
                except _ERRORS as error:
                    faults.append(str(error) or type(error).__name__)
                    continue
                if best is None or len(result.bodies) > len(best.bodies):
                    best = result
                if best.bodies and candidate.refers:
                    break
        if best is None:
            detail = f" ({'; '.join(faults)})" if faults else ""
            raise SegmenterFailed(f"the study holds no DICOM SEG with vertebrae of these images{detail}")
        return replace(best, timings_s={"dicom-seg": time.monotonic() - start})

    def _candidates(self, volume: Volume) -> tuple[list[_Found], list[str]]:
        frame_of_reference = self._frame_of_reference(volume)
        found: list[_Found] = []
        faults: list[str] = []
        for file in self._files:
            if file.sop_class_uid not in SEGMENTATION_CLASSES:
                continue
            try:
                answer = _examine(pydicom.dcmread(file.path), frame_of_reference, set(volume.source_uids))
            except _ERRORS as error:
                answer = f"unreadable SEG: {type(error).__name__}"
            if isinstance(answer, str):
                faults.append(answer)
            else:
                found.append(answer)
        found.sort(key=lambda item: (not item.refers, item.ours))
        return found, faults

    def _frame_of_reference(self, volume: Volume) -> str:
        for file in self._files:
            if volume.source_uids and file.sop_instance_uid == volume.source_uids[0]:
                header = pydicom.dcmread(file.path, stop_before_pixels=True, specific_tags=["FrameOfReferenceUID"])
                return str(header.get("FrameOfReferenceUID") or "")
        return ""


def _examine(dataset: Dataset, frame_of_reference: str, sources: set[str]) -> _Found | str:
    """Say what a SEG offers, or in words why it does not fit."""
    segments = vertebra_segments(dataset)
    theirs = str(dataset.get("FrameOfReferenceUID") or "")
    if not any(segment.tissue is None for segment in segments):
        return "a SEG without vertebrae"
    if frame_of_reference and theirs and frame_of_reference != theirs:
        return "a SEG in another frame of reference"
    return _Found(dataset, segments, bool(_referenced(dataset) & sources), _OURS in _maker(dataset).lower())


def _read(found: _Found, geometry: Geometry) -> Segmentation:
    frames = read_frames(found.dataset)
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    tissues = np.zeros(geometry.shape, dtype=np.uint8)
    unknown = 0
    for segment in found.segments:
        if segment.tissue is not None:
            _paint(frames, segment, geometry, tissues, TISSUE_LABELS[segment.tissue])
        elif segment.level is not None:
            _paint(frames, segment, geometry, labels, segment.level.label)
        else:
            _paint(frames, segment, geometry, labels, FIRST_UNKNOWN_LABEL + unknown)
            unknown += 1
    maker = _maker(found.dataset)
    version = str(found.dataset.get("SoftwareVersions") or "")
    source = LabelSource(
        identity=SegmenterIdentity(f"dicom-seg: {maker}" if maker else "dicom-seg", version),
        numbering="named in the DICOM SEG",
        quality=label_map("verse").expected_dice,
    )
    return segmentation_of(labels, geometry, source, tissues if tissues.any() else None)


def _paint(frames: SegFrames, segment: CodedSegment, geometry: Geometry, target: NDArray[np.uint8], value: int) -> None:
    taken = frames.segment(segment.number)
    if taken is None:
        return
    occupancy, first = taken
    if segment.tissue is None and not segment.is_body:
        affine = np.array(frames.geometry.affine)
        affine[:3, 3] = frames.geometry.to_lps(np.array([first, 0.0, 0.0]))
        shape = (occupancy.shape[0], occupancy.shape[1], occupancy.shape[2])
        occupancy = np.where(body_of_vertebra(occupancy >= 0.5, Geometry(shape, affine)), occupancy, 0.0)
    carried = carry_over(occupancy, first, frames.geometry, geometry)
    if carried is not None:
        window, mask = carried
        part = target[window]
        part[mask & (part == 0)] = value


def _referenced(dataset: Dataset) -> set[str]:
    return {
        str(instance.get("ReferencedSOPInstanceUID") or "")
        for series in dataset.get("ReferencedSeriesSequence") or ()
        for instance in series.get("ReferencedInstanceSequence") or ()
    }


def _maker(dataset: Dataset) -> str:
    """Manufacturer and model as the SEG names them: no patient data."""
    words = [str(dataset.get(keyword) or "").strip() for keyword in ("Manufacturer", "ManufacturerModelName")]
    return " ".join(dict.fromkeys(word for word in words if word))[:64]
