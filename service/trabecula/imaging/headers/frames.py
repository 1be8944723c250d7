"""The border from DICOM headers to frames: classic and Enhanced multi-frame CT and MR, read without pixels."""

from __future__ import annotations

import math
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from trabecula.domain.sop_classes import CT_CLASSES, MR_CLASSES
from trabecula.domain.study.study import StoredFile
from trabecula.domain.transfer_syntaxes import LOSSY
from trabecula.domain.uids import InstanceUid, SeriesUid
from trabecula.imaging.acquisition import Acquisition, Frame, StatedPatient
from trabecula.imaging.character_sets import read_as_meant
from trabecula.imaging.header_values import Lookup, integer, number, numbers, text, words
from trabecula.imaging.headers.codestream import MAY_BE_LOSSY, is_irreversible
from trabecula.imaging.headers.phantoms import is_phantom
from trabecula.imaging.patient.facts import one_patient
from trabecula.imaging.patient.headers import PatientHeader, patient_header

_T = TypeVar("_T")

READ_ERRORS = (
    InvalidDicomError,
    BytesLengthException,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    NotImplementedError,
    RecursionError,
)
"""What pydicom raises on bytes that are not a usable data set."""


@contextmanager
def lenient() -> Iterator[None]:
    """Read odd values (TE ``015.2``, over-long strings, unknown character sets) without warnings or refusals."""
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def scan_folder(path: Path) -> tuple[StoredFile, ...]:
    """Return every readable DICOM image under a folder (or the one file), ordered by path; the rest is passed over."""
    paths = sorted(item for item in path.rglob("*") if item.is_file()) if path.is_dir() else [path]
    found = []
    with lenient():
        for item in paths:
            try:
                head = pydicom.dcmread(item, stop_before_pixels=True, specific_tags=list(_IDENTITY))
            except READ_ERRORS:
                continue
            uid = text(head, "SOPInstanceUID")
            if uid:
                series = text(head, "SeriesInstanceUID")
                found.append(
                    StoredFile(str(item.resolve()), InstanceUid(uid), text(head, "SOPClassUID"), SeriesUid(series))
                )
    return tuple(found)


_IDENTITY = ("SOPInstanceUID", "SOPClassUID", "SeriesInstanceUID", "StudyInstanceUID", "Modality")


def study_of(file: StoredFile) -> str:
    """Return the Study Instance UID of a file, empty where it has none."""
    with lenient():
        return text(
            pydicom.dcmread(file.path, stop_before_pixels=True, specific_tags=["StudyInstanceUID"]), "StudyInstanceUID"
        )


def read_headers(files: Sequence[StoredFile]) -> tuple[tuple[Frame, ...], StatedPatient, tuple[StoredFile, ...]]:
    """Return the frames of all CT and MR images, the patient's facts, and the files that could not be read."""
    frames: list[Frame] = []
    people: list[PatientHeader] = []
    unreadable: list[StoredFile] = []
    with lenient():
        for file in files:
            try:
                dataset = pydicom.dcmread(file.path, stop_before_pixels=True)
                read_as_meant(dataset)
                people.append(patient_header(dataset))
                frames.extend(_frames(dataset, file))
            except READ_ERRORS:
                unreadable.append(file)
    return tuple(frames), one_patient(people), tuple(unreadable)


def frames_of(dataset: Dataset, file: StoredFile) -> tuple[Frame, ...]:
    """Return the frames of one data set that was read by the caller."""
    with lenient():
        return tuple(_frames(dataset, file))


def _frames(dataset: Dataset, file: StoredFile) -> Iterator[Frame]:
    """One frame an item of the functional groups (PS3.3 C.7.6.16).

    Where there are none, or not one for each frame, no frame has a position: which item a frame lost cannot be known.
    """
    shared = dataset.get("SharedFunctionalGroupsSequence")
    per_frame = dataset.get("PerFrameFunctionalGroupsSequence") or ()
    count = integer(Lookup(dataset), "NumberOfFrames") or 1
    if not per_frame and count <= 1:
        yield _frame(Lookup(dataset), dataset, file, None)
        return
    common = shared[0] if shared else Dataset()
    if per_frame and ("NumberOfFrames" not in dataset or count == len(per_frame)):
        for index, own in enumerate(per_frame):
            yield _frame(Lookup(dataset, (own, common)), dataset, file, index + 1)
        return
    bare = replace(_frame(Lookup(dataset, (common,)), dataset, file, None), position=None)
    for index in range(min(count, _MAXIMUM_FRAMES)):
        yield replace(bare, number=index + 1)


_MAXIMUM_FRAMES = 20_000
"""Frames of one file that are told apart; a larger Number of Frames is a damaged value."""


def _frame(lookup: Lookup, dataset: Dataset, file: StoredFile, index: int | None) -> Frame:
    position = numbers(lookup, "ImagePositionPatient", 3)
    orientation = numbers(lookup, "ImageOrientationPatient", 6)
    spacing = numbers(lookup, "PixelSpacing", 2)
    syntax = text(getattr(dataset, "file_meta", Dataset()), "TransferSyntaxUID")
    return Frame(
        file=file,
        number=index,
        instance_number=integer(lookup, "InstanceNumber") or 0,
        rows=integer(lookup, "Rows") or 0,
        columns=integer(lookup, "Columns") or 0,
        acquisition=_acquisition(lookup, file),
        position=_place(position),
        orientation=_orientation(orientation),
        pixel_spacing=_spacing(spacing),
        rescale=(number(lookup, "RescaleSlope"), number(lookup, "RescaleIntercept")),
        lookup_table=lookup.has("ModalityLUTSequence"),
        transfer_syntax_uid=syntax,
        lossy=_lossy(lookup) or syntax in LOSSY or (syntax in MAY_BE_LOSSY and is_irreversible(Path(file.path))),
        bits_stored=integer(lookup, "BitsStored"),
    )


_FARTHEST_MM = 1e5
_SPACING_MM = (0.01, 50.0)


def _place(position: tuple[float, ...] | None) -> tuple[float, float, float] | None:
    """Image Position (Patient), or None for one that lies in no hospital: a damaged value."""
    if position is None or max(abs(value) for value in position) > _FARTHEST_MM:
        return None
    return (position[0], position[1], position[2])


def _spacing(spacing: tuple[float, ...] | None) -> tuple[float, float] | None:
    """Pixel Spacing, or None for one that no CT or MR image has."""
    if spacing is None or min(spacing) < _SPACING_MM[0] or max(spacing) > _SPACING_MM[1]:
        return None
    return (spacing[0], spacing[1])


def _orientation(values: tuple[float, ...] | None) -> tuple[float, float, float, float, float, float] | None:
    if values is None:
        return None
    rows, columns = values[:3], values[3:]
    lengths = math.hypot(*rows), math.hypot(*columns)
    skew = abs(sum(a * b for a, b in zip(rows, columns, strict=True)))
    if min(lengths) < 0.9 or max(lengths) > 1.1 or skew > 0.02:
        return None
    a, b, c = (value / lengths[0] for value in rows)
    d, e, f = (value / lengths[1] for value in columns)
    return (a, b, c, d, e, f)


def _acquisition(lookup: Lookup, file: StoredFile) -> Acquisition:
    study_text = " ".join(text(lookup, name) for name in ("StudyDescription", "RequestedProcedureDescription"))
    inversion = text(lookup, "InversionRecovery")
    sop_class = text(lookup, "SOPClassUID") or file.sop_class_uid
    return Acquisition(
        modality=text(lookup, "Modality").upper() or _MODALITIES.get(sop_class, ""),
        sop_class_uid=sop_class,
        series_uid=SeriesUid(text(lookup, "SeriesInstanceUID")) or file.series_uid,
        series_number=integer(lookup, "SeriesNumber"),
        frame_of_reference_uid=text(lookup, "FrameOfReferenceUID"),
        description=text(lookup, "SeriesDescription"),
        protocol=text(lookup, "ProtocolName"),
        sequence_name=text(lookup, "SequenceName") or text(lookup, "PulseSequenceName"),
        study_text=study_text.strip(),
        body_part=text(lookup, "BodyPartExamined"),
        image_type=words(lookup, "FrameType") or words(lookup, "ImageType"),
        burned_in=text(lookup, "BurnedInAnnotation").upper() == "YES",
        samples_per_pixel=integer(lookup, "SamplesPerPixel") or 1,
        manufacturer=text(lookup, "Manufacturer"),
        model=text(lookup, "ManufacturerModelName"),
        acquired_at=_any(lookup, "AcquisitionDateTime", "FrameAcquisitionDateTime", "AcquisitionTime"),
        slice_thickness=number(lookup, "SliceThickness"),
        kvp=number(lookup, "KVP"),
        kernel=words(lookup, "ConvolutionKernel"),
        rescale_type=text(lookup, "RescaleType"),
        gantry_tilt_degrees=number(lookup, "GantryDetectorTilt"),
        tube_current_ma=number(lookup, "XRayTubeCurrent") or number(lookup, "XRayTubeCurrentInmA"),
        multi_energy=text(lookup, "MultienergyCTAcquisition").upper() == "YES",
        contrast_agent=text(lookup, "ContrastBolusAgent") or "; ".join(lookup.meanings("ContrastBolusAgentSequence")),
        contrast_given=_administered(lookup),
        scanning_sequence=_scanning_sequence(lookup),
        sequence_variant=words(lookup, "SequenceVariant"),
        scan_options=words(lookup, "ScanOptions"),
        three_dimensional="3D" in (text(lookup, "MRAcquisitionType") + text(lookup, "VolumetricProperties")).upper(),
        repetition_time=number(lookup, "RepetitionTime"),
        echo_time=_first(number(lookup, "EffectiveEchoTime"), number(lookup, "EchoTime")),
        inversion_time=_first(number(lookup, "InversionTime"), number(lookup, "InversionTimes")),
        inversion_recovery=None if not inversion else inversion.upper() == "YES",
        flip_angle=number(lookup, "FlipAngle"),
        field_strength=_tesla(number(lookup, "MagneticFieldStrength")),
        fat_suppressed=text(lookup, "SpectrallySelectedSuppression").upper() in ("FAT", "FAT_AND_WATER"),
        acquisition_contrast=text(lookup, "AcquisitionContrast").upper(),
        b_value=number(lookup, "DiffusionBValue"),
        temporal_position=_first(
            integer(lookup, "TemporalPositionIndex"), integer(lookup, "TemporalPositionIdentifier")
        ),
        acquisition_number=integer(lookup, "AcquisitionNumber"),
        contrast_route=" ".join((text(lookup, "ContrastBolusRoute"), *lookup.meanings(_CONTRAST_ROUTES))).strip(),
        contrast_volume_ml=number(lookup, "ContrastBolusVolume"),
        contrast_dose_ml=number(lookup, "ContrastBolusTotalDose"),
        contrast_start=text(lookup, "ContrastBolusStartTime"),
        contrast_ingredient=text(lookup, "ContrastBolusIngredient"),
        quality_control=text(lookup, "QualityControlImage").upper() == "YES",
        phantom=is_phantom(lookup),
        content_time=text(lookup, "ContentTime"),
        series_time=text(lookup, "SeriesTime"),
        acquired_on=_any(lookup, "AcquisitionDate", "SeriesDate", "ContentDate"),
        spacing_between_slices=number(lookup, "SpacingBetweenSlices"),
        reconstruction_diameter_mm=number(lookup, "ReconstructionDiameter"),
    )


def _any(lookup: Lookup, *keywords: str) -> str:
    """The text of the first of these attributes that has one."""
    return next((found for keyword in keywords if (found := text(lookup, keyword))), "")


_MOST_TESLA = 30.0


def _tesla(written: float | None) -> float | None:
    """Return Magnetic Field Strength in tesla: some write gauss (15000), and no magnet for people is above 12 T."""
    return written / 1e4 if written is not None and written > _MOST_TESLA else written


def _lossy(lookup: Lookup) -> bool:
    """Lossy Image Compression (0028,2110), or a ratio of it (0028,2112) that was left when the mark was lost."""
    return text(lookup, "LossyImageCompression") == "01" or (number(lookup, "LossyImageCompressionRatio") or 0.0) > 1.0


def _administered(lookup: Lookup) -> bool | None:
    """What Contrast/Bolus Agent Administered (0018,9342) says; an item of the agent sequence without it means yes."""
    given = text(lookup, "ContrastBolusAgentAdministered").upper()
    if given:
        return given == "YES"
    return True if lookup.has("ContrastBolusAgentSequence") else None


_CONTRAST_ROUTES = "ContrastBolusAdministrationRouteSequence"


_MODALITIES = {**dict.fromkeys(CT_CLASSES, "CT"), **dict.fromkeys(MR_CLASSES, "MR")}
"""What an image is where Modality (0008,0060) is empty."""


def _first(first: _T | None, second: _T | None) -> _T | None:
    return second if first is None else first


_ENHANCED_ECHO = {"SPIN": ("SE",), "GRADIENT": ("GR",), "BOTH": ("SE", "GR")}


def _scanning_sequence(lookup: Lookup) -> tuple[str, ...]:
    """Scanning Sequence (0018,0020), or its terms from the Enhanced attributes (PS3.3 C.8.13.4)."""
    classic = words(lookup, "ScanningSequence")
    if classic:
        return classic
    terms = list(_ENHANCED_ECHO.get(text(lookup, "EchoPulseSequence").upper(), ()))
    if text(lookup, "InversionRecovery").upper() == "YES":
        terms.append("IR")
    if text(lookup, "EchoPlanarPulseSequence").upper() == "YES":
        terms.append("EP")
    return tuple(terms)
