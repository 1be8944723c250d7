"""Masks of one's own: vertebral bodies as people outlined them, NIfTI or DICOM SEG, in the place of the segmenter's.

``check_masks`` looks at headers and label values alone and says in words what is wrong; ``MaskSegmenter`` uses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray

from trabecula.domain.errors import GeometryInvalid, InputUnreadable, SegmenterFailed
from trabecula.domain.modality import Modality
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.segmentation import Segmentation, Segmenter, SegmenterIdentity
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, MEASURED_LEVELS, Level
from trabecula.domain.study.study import StoredFile
from trabecula.domain.volume import Geometry, Volume
from trabecula.imaging.headers.frames import READ_ERRORS, lenient, read_headers, scan_folder
from trabecula.imaging.volumes.files import is_volume_file, read_labels_on
from trabecula.segmentation.foreign.dicom_seg import DicomSegSegmenter
from trabecula.segmentation.foreign.label_maps import label_map
from trabecula.segmentation.foreign.labelled import LabelSource, segmentation_of
from trabecula.segmentation.foreign.seg_segments import vertebra_segments
from trabecula.segmentation.reader_outlines import drawn_upon
from trabecula.series.choice import choose

IDENTITY = SegmenterIdentity("masks of one's own", "")
NUMBERING = "named in the mask"
FEWEST_LEVELS = 2
"""Levels of L1-L4 without which a patient has no vector."""
_KNOWN = frozenset(level.label for level in Level)
_NAMED = ", ".join(f"{level.label} = {level}" for level in MEASURED_LEVELS)


class MaskSegmenter:
    """The bodies of a study's own masks, on whichever series they lie (implements the Segmenter port).

    ``other`` still tells the tissues around the bodies on MR, where VBQ needs the spinal canal. A series on which no
    mask lies is not measured: nothing of it is outlined by a program instead.
    """

    def __init__(self, masks: Sequence[Path], images: Sequence[StoredFile], other: Segmenter) -> None:
        self._masks, self._images, self._other = tuple(masks), tuple(images), other

    @property
    def identity(self) -> SegmenterIdentity:
        """People, not a program."""
        return IDENTITY

    def segment(self, volume: Volume) -> Segmentation:
        """Return the bodies of the first mask that lies on a volume. Raises SegmenterFailed where none does."""
        faults: list[str] = []
        for mask in self._masks:
            try:
                drawn = self._drawn(mask, volume)
            except (GeometryInvalid, InputUnreadable, SegmenterFailed) as error:
                faults.append(error.detail)
                continue
            if drawn.bodies:
                if volume.modality is Modality.CT:
                    return drawn
                return drawn_upon(self._other.segment(volume), drawn)
            faults.append(f"{mask.name} shows no vertebra of these images")
        raise SegmenterFailed(f"no mask of one's own lies on this series ({'; '.join(faults)})")

    def _drawn(self, mask: Path, volume: Volume) -> Segmentation:
        if is_volume_file(mask):
            labels = known_labels(mask, read_labels_on(mask, volume.geometry))
            quality = label_map("verse").expected_dice
            return segmentation_of(
                labels, volume.geometry, LabelSource(identity=IDENTITY, numbering=NUMBERING, quality=quality)
            )
        return DicomSegSegmenter((*scan_folder(mask), *self._images)).segment(volume)


def known_labels(mask: Path, labels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return the labels that name a level, the others as background. Raises InputUnreadable where L1-L4 are not among
    them, or where a value is none that a label map of vertebrae has."""
    values = [int(value) for value in np.unique(labels) if value]
    strange = [value for value in values if value not in _KNOWN and not FIRST_UNKNOWN_LABEL <= value <= 255]
    if strange or not any(level.label in values for level in MEASURED_LEVELS):
        held = ", ".join(map(str, values[:6])) or "nothing"
        raise InputUnreadable(f"{mask.name} holds the values {held}; {_NAMED} are needed, one for each body")
    return np.asarray(np.where(np.isin(labels, list(_KNOWN)), labels, 0), dtype=np.uint8)


def check_masks(masks: Sequence[Path], folder: Path, roles: Sequence[SeriesRole]) -> str:
    """Return what is wrong with a study's masks for these series, in words; empty where every mask lies on a series and
    shows two of L1-L4."""
    files = scan_folder(folder)
    frames, _, _ = read_headers(files)
    choice = choose(frames)
    grids = [candidate.stack.geometry for role in roles for candidate in choice.of(role)]
    uids = {str(file.sop_instance_uid) for file in files}
    for mask in masks:
        wrong = _wrong_volume(mask, grids) if is_volume_file(mask) else _wrong_seg(mask, uids)
        if wrong:
            return wrong
    return ""


def _wrong_volume(mask: Path, grids: Sequence[Geometry]) -> str:
    why = "the study has no series to compare it with"
    for geometry in grids:
        try:
            labels = known_labels(mask, read_labels_on(mask, geometry))
        except GeometryInvalid as error:
            why = error.detail
            continue
        except InputUnreadable as error:
            return error.detail
        shown = [level for level in MEASURED_LEVELS if (labels == level.label).any()]
        return "" if len(shown) >= FEWEST_LEVELS else f"{mask.name} shows {', '.join(map(str, shown))} alone of L1-L4"
    return why


def _wrong_seg(mask: Path, uids: set[str]) -> str:
    try:
        with lenient():
            dataset = pydicom.dcmread(mask, stop_before_pixels=True)
            shown = {segment.level for segment in vertebra_segments(dataset)} & set(MEASURED_LEVELS)
            named = {
                str(instance.get("ReferencedSOPInstanceUID") or "")
                for series in dataset.get("ReferencedSeriesSequence") or ()
                for instance in series.get("ReferencedInstanceSequence") or ()
            }
    except READ_ERRORS as error:
        return f"{mask.name} is neither NIfTI nor DICOM ({type(error).__name__})"
    if len(shown) < FEWEST_LEVELS:
        return f"{mask.name} names fewer than {FEWEST_LEVELS} of L1-L4 in its segments"
    return "" if not named or named & uids else f"{mask.name} refers to images that are not in the study"
