"""The outlined vertebral bodies as a DICOM Segmentation on the grid of the measured series (PS3.3 A.51)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import (
    AlgorithmIdentificationSequence,
    PlanePositionSequence,
)
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import CTImageStorage, MRImageStorage
from pydicom.valuerep import format_number_as_ds

from trabecula.domain.errors import ReportInvalid
from trabecula.domain.modality import Modality
from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.results.result import ObjectKind, ResultObject, StudyResult
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, level_of_label
from trabecula.domain.uids import InstanceUid, SeriesUid
from trabecula.domain.volume import Geometry
from trabecula.reporting.identifiers import Identities
from trabecula.reporting.picture.palette import level_colour
from trabecula.reporting.sources.headers import UTF8
from trabecula.reporting.sr.concepts import coded, coding_schemes, level_code
from trabecula.reporting.sr.structured_report import evidence_item
from trabecula.reporting.stamping import SERIES_NUMBERS, Stamp, finished, reference, tell_loss
from trabecula.version import __version__

_STANDS_FOR_FRAME = "2.25.1"
"""Root of the UIDs under which frames are handed to highdicom; none of them is written."""


def segmentation(volume: AnalysedVolume, header: Dataset, stamp: Stamp, result: StudyResult) -> ResultObject:
    """Return the segmentation: one segment a body, from head to foot, tied to the report by Tracking UID.

    Slices without a body are not stored. Raises ReportInvalid for empty labels or labels of another shape.
    """
    labels = volume.labels
    if labels.shape != volume.volume.geometry.shape:
        raise ReportInvalid(
            f"labels {labels.shape} do not lie on the grid of the images {volume.volume.geometry.shape}"
        )
    found = [int(label) for label in np.unique(labels) if label]
    if not found:
        raise ReportInvalid("the label map is empty")
    lookup = np.zeros(256, dtype=np.uint8)
    lookup[found] = np.arange(1, len(found) + 1)
    try:
        dataset = _built(volume, lookup[labels], found, header, stamp, result)
    except (ValueError, TypeError, AttributeError, IndexError) as error:
        raise ReportInvalid(f"the segmentation cannot be built ({type(error).__name__}: {error})") from error
    tell_loss(dataset, header)
    dataset.ImageLaterality = "U"  # the spine is not a paired structure (PS3.3 C.7.6.1); so no Laterality is missing
    _set_dimension_organization(dataset, stamp.identities.dimension_organization())
    if volume.volume.source_frames:
        _name_true_sources(dataset, volume)
    return finished(dataset, ObjectKind.SEGMENTATION, stamp, result)


def label_name(label: int) -> str:
    """Return the name of a body: its level, or its number from the top where the level is unknown."""
    level = level_of_label(label)
    return str(level) if level else f"Vertebra {label - FIRST_UNKNOWN_LABEL + 1} (level unknown)"


def _built(
    volume: AnalysedVolume,
    segments: NDArray[np.uint8],
    found: list[int],
    header: Dataset,
    stamp: Stamp,
    result: StudyResult,
) -> Dataset:
    geometry = volume.volume.geometry
    occupied = np.flatnonzero(segments.any(axis=(1, 2)))
    config = stamp.config
    return Segmentation(
        source_images=_sources(volume, header, stamp),
        pixel_array=segments[occupied],
        plane_positions=[
            PlanePositionSequence("PATIENT", _decimals(geometry.to_lps(np.array([index, 0.0, 0.0]))))
            for index in occupied
        ],
        segmentation_type=SegmentationTypeValues(config.segmentation_encoding.value),
        segment_descriptions=_descriptions(found, stamp.identities, result),
        series_instance_uid=stamp.identities.series("SEG"),
        series_number=SERIES_NUMBERS[ObjectKind.SEGMENTATION],
        sop_instance_uid=stamp.identities.instance("SEG"),
        instance_number=1,
        manufacturer=config.manufacturer,
        manufacturer_model_name=config.model_name,
        software_versions=__version__,
        device_serial_number=stamp.serial_number,
        content_label="VERTEBRAE",
        content_description=f"Vertebral bodies, {'of a reader' if 'outlined_by' in result.versions else 'automatic'}",
        coding_schemes=coding_schemes(),
        specific_character_set=UTF8,
    )


def _descriptions(found: Sequence[int], identities: Identities, result: StudyResult) -> list[SegmentDescription]:
    algorithm = AlgorithmIdentificationSequence(
        name="Trabecula segmenter",
        family=coded("artificial_intelligence"),
        version=result.versions.get("segmenter", __version__),
    )
    drawn = "outlined_by" in result.versions
    made = SegmentAlgorithmTypeValues.SEMIAUTOMATIC if drawn else SegmentAlgorithmTypeValues.AUTOMATIC
    return [
        SegmentDescription(
            segment_number=number,
            segment_label=label_name(label),
            segmented_property_category=coded("anatomical_structure"),
            segmented_property_type=coded(level_code(level_of_label(label))),
            algorithm_type=made,
            algorithm_identification=algorithm,
            tracking_uid=identities.tracking(label_name(label)),
            tracking_id=label_name(label),
            display_color=CIELabColor.from_rgb(*level_colour(label)),
        )
        for number, label in enumerate(found, start=1)
    ]


def _sources(volume: AnalysedVolume, header: Dataset, stamp: Stamp) -> list[Dataset]:
    """Return one source image a slice, as highdicom needs it: identity, and the geometry of the measured volume.

    A slice that is a frame of a multi-frame instance is handed over as an image of its own, under a UID that stands
    for it; ``_name_true_sources`` puts instance and frame number in its place.
    """
    geometry = volume.volume.geometry
    frame_of_reference = str(header.get("FrameOfReferenceUID") or stamp.identities.tracking("frame of reference"))
    thickness = header.get("SliceThickness") or format_number_as_ds(geometry.spacing_mm[0])
    sources = []
    for index, (sop_class, uid) in enumerate(_handed_over(volume)):
        item = evidence_item(
            stamp.identities.study_uid, SeriesUid(str(header.SeriesInstanceUID)), sop_class, InstanceUid(uid)
        )
        item.Modality = volume.volume.modality.value
        item.FrameOfReferenceUID = frame_of_reference
        item.Rows, item.Columns = geometry.shape[1:]
        item.ImagePositionPatient = _decimals(geometry.to_lps(np.array([index, 0.0, 0.0])))
        item.ImageOrientationPatient = _orientation(geometry)
        item.PixelSpacing = _decimals(geometry.spacing_mm[1:])
        item.SliceThickness = thickness
        sources.append(item)
    return sources


def _handed_over(volume: AnalysedVolume) -> list[tuple[str, str]]:
    """Return SOP Class and UID of each slice as given to highdicom. Raises ReportInvalid where a slice has no image."""
    classes = {file.sop_instance_uid: file.sop_class_uid for file in volume.files}
    slices = volume.volume.geometry.shape[0]
    if volume.volume.source_frames:
        if not all(uid in classes for uid in volume.volume.source_uids):
            raise ReportInvalid("a frame was measured whose image the study does not hold")
        simple = CTImageStorage if volume.volume.modality is Modality.CT else MRImageStorage
        return [(simple, f"{_STANDS_FOR_FRAME}.{index + 1}") for index in range(slices)]
    if len(volume.files) != slices:
        raise ReportInvalid(f"{len(volume.files)} images for {slices} slices")
    return [(file.sop_class_uid, file.sop_instance_uid) for file in volume.files]


def _name_true_sources(dataset: Dataset, volume: AnalysedVolume) -> None:
    """Put the multi-frame instances, and in every frame of ours its frame number, where the stand-in UIDs are.

    highdicom writes one item for all segments of a slice: each is visited once.
    """
    classes = {file.sop_instance_uid: file.sop_class_uid for file in volume.files}
    uids, numbers = volume.volume.source_uids, volume.volume.source_frames
    true = {f"{_STANDS_FOR_FRAME}.{index + 1}": place for index, place in enumerate(zip(uids, numbers, strict=True))}
    items = (
        source
        for frame in dataset.PerFrameFunctionalGroupsSequence
        for derivation in frame.get("DerivationImageSequence", [])
        for source in derivation.SourceImageSequence
    )
    for source in {id(item): item for item in items}.values():
        uid, number = true[source.ReferencedSOPInstanceUID]
        source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = classes[uid], uid
        if number is not None:
            source.ReferencedFrameNumber = number
    for series in dataset.ReferencedSeriesSequence:
        series.ReferencedInstanceSequence = [reference(classes[uid], uid) for uid in dict.fromkeys(uids)]
    if "SourceImageSequence" in dataset:
        dataset.SourceImageSequence = [reference(classes[uid], uid) for uid in dict.fromkeys(uids)]


def _orientation(geometry: Geometry) -> list[float]:
    """Return Image Orientation (Patient): direction of growing column index, then of growing row index."""
    return _decimals([*geometry.directions[:, 2], *geometry.directions[:, 1]])


def _decimals(values: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """Return the values as a Decimal String of 16 characters can hold them."""
    return [float(format_number_as_ds(float(value))) for value in values]


def _set_dimension_organization(dataset: Dataset, uid: str) -> None:
    for item in [*dataset.DimensionOrganizationSequence, *dataset.get("DimensionIndexSequence", [])]:
        item.DimensionOrganizationUID = uid
