"""The outlined vertebral bodies as a DICOM Segmentation on the grid of the measured series (PS3.3 A.51)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from highdicom import (
    AlgorithmIdentificationSequence,
    PixelMeasuresSequence,
    PlaneOrientationSequence,
    PlanePositionSequence,
)
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentationTypeValues, SegmentDescription
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.valuerep import format_number_as_ds

from trabecula.domain.errors import ReportInvalid
from trabecula.domain.ports import AnalysedVolume
from trabecula.domain.result import ObjectKind, ResultObject, StudyResult
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, level_of_label
from trabecula.domain.volume import Geometry
from trabecula.reporting.concepts import coded, coding_schemes, level_code
from trabecula.reporting.identifiers import Identities
from trabecula.reporting.palette import level_colour
from trabecula.reporting.sources import UTF8, frame_numbers, is_multiframe
from trabecula.reporting.stamping import SERIES_NUMBERS, Stamp, finished
from trabecula.reporting.structured_report import evidence_item
from trabecula.version import __version__

_ENHANCED_CLASSES = {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}


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
    _set_dimension_organization(dataset, stamp.identities.dimension_organization())
    if is_multiframe(header):
        _set_frame_numbers(dataset, frame_numbers(header, volume.volume.geometry))
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
        content_description="Vertebral bodies, automatic",
        coding_schemes=coding_schemes(),
        specific_character_set=UTF8,
    )


def _descriptions(found: Sequence[int], identities: Identities, result: StudyResult) -> list[SegmentDescription]:
    algorithm = AlgorithmIdentificationSequence(
        name="Trabecula segmenter",
        family=coded("artificial_intelligence"),
        version=result.versions.get("segmenter", __version__),
    )
    return [
        SegmentDescription(
            segment_number=number,
            segment_label=label_name(label),
            segmented_property_category=coded("anatomical_structure"),
            segmented_property_type=coded(level_code(level_of_label(label))),
            algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
            tracking_uid=identities.tracking(label_name(label)),
            tracking_id=label_name(label),
            display_color=CIELabColor.from_rgb(*level_colour(label)),
        )
        for number, label in enumerate(found, start=1)
    ]


def _sources(volume: AnalysedVolume, header: Dataset, stamp: Stamp) -> list[Dataset]:
    """Return the source images as highdicom needs them: identity and geometry, the latter from the measured volume."""
    geometry = volume.volume.geometry
    frame_of_reference = str(header.get("FrameOfReferenceUID") or stamp.identities.tracking("frame of reference"))
    if is_multiframe(header):
        return [_multiframe_source(volume, header, frame_of_reference, stamp)]
    if len(volume.files) != geometry.shape[0]:
        raise ReportInvalid(f"{len(volume.files)} images for {geometry.shape[0]} slices")
    sources = []
    for index, file in enumerate(volume.files):
        item = evidence_item(
            stamp.identities.study_uid, str(header.SeriesInstanceUID), file.sop_class_uid, file.sop_instance_uid
        )
        item.Modality = volume.volume.modality.value
        item.FrameOfReferenceUID = frame_of_reference
        item.Rows, item.Columns = geometry.shape[1:]
        item.ImagePositionPatient = _decimals(geometry.to_lps(np.array([index, 0.0, 0.0])))
        item.ImageOrientationPatient = _orientation(geometry)
        item.PixelSpacing = _decimals(geometry.spacing_mm[1:])
        item.SliceThickness = header.get("SliceThickness") or format_number_as_ds(geometry.spacing_mm[0])
        sources.append(item)
    return sources


def _multiframe_source(volume: AnalysedVolume, header: Dataset, frame_of_reference: str, stamp: Stamp) -> Dataset:
    """Return the multi-frame source as if its frames were the slices of the volume; true numbers are set afterwards."""
    geometry = volume.volume.geometry
    modality = volume.volume.modality.value
    item = evidence_item(
        stamp.identities.study_uid, str(header.SeriesInstanceUID), _ENHANCED_CLASSES[modality], header.SOPInstanceUID
    )
    item.Modality = modality
    item.SOPClassUID = header.SOPClassUID
    item.FrameOfReferenceUID = frame_of_reference
    item.Rows, item.Columns = geometry.shape[1:]
    item.NumberOfFrames = geometry.shape[0]
    shared = Dataset()
    shared.PlaneOrientationSequence = PlaneOrientationSequence("PATIENT", _orientation(geometry))
    shared.PixelMeasuresSequence = PixelMeasuresSequence(
        pixel_spacing=_decimals(geometry.spacing_mm[1:]), slice_thickness=geometry.spacing_mm[0]
    )
    item.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for index in range(geometry.shape[0]):
        frame = Dataset()
        position = _decimals(geometry.to_lps(np.array([index, 0.0, 0.0])))
        frame.PlanePositionSequence = PlanePositionSequence("PATIENT", position)
        frames.append(frame)
    item.PerFrameFunctionalGroupsSequence = frames
    return item


def _orientation(geometry: Geometry) -> list[float]:
    """Return Image Orientation (Patient): direction of growing column index, then of growing row index."""
    return _decimals([*geometry.directions[:, 2], *geometry.directions[:, 1]])


def _decimals(values: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """Return the values as a Decimal String of 16 characters can hold them."""
    return [float(format_number_as_ds(float(value))) for value in values]


def _set_dimension_organization(dataset: Dataset, uid: str) -> None:
    for item in [*dataset.DimensionOrganizationSequence, *dataset.get("DimensionIndexSequence", [])]:
        item.DimensionOrganizationUID = uid


def _set_frame_numbers(dataset: Dataset, numbers: tuple[int, ...]) -> None:
    for frame in dataset.PerFrameFunctionalGroupsSequence:
        for derivation in frame.get("DerivationImageSequence", []):
            for source in derivation.SourceImageSequence:
                source.ReferencedFrameNumber = numbers[int(source.ReferencedFrameNumber) - 1]
