"""Small synthetic studies for the reporting tests: DICOM files with box-shaped bodies, and results about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from pydicom import Dataset, config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import (
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
)

from trabecula.domain import codes
from trabecula.domain.modality import Modality
from trabecula.domain.ports.reporter import ReportContext
from trabecula.domain.results.analysis import AnalysedVolume, Analysis
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import (
    Category,
    LevelResult,
    Measurement,
    Outline,
    Score,
    SeriesRole,
    SourceSeries,
    StudyResult,
)
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.study.study import StoredFile
from trabecula.domain.volume import Geometry, Volume

STUDY_UID = "1.2.826.0.1.3680043.8.498.1"
INSTALLATION_UID = "2.25.123456789"
ANALYSED_AT = datetime(2026, 11, 20, 9, 30, 15, tzinfo=UTC)
VERSIONS = {"segmenter": "lumbar-net 1", "region": "trab_v1", "thresholds": "2026-11", "settings": "sha256:00ff"}


@dataclass(frozen=True, eq=False, repr=False)
class Study:
    """A written study: its files, the measured volume and what a report of it needs."""

    files: tuple[StoredFile, ...]
    volume: AnalysedVolume
    series_uid: str

    def context(self, **changes: object) -> ReportContext:
        values: dict[str, object] = {
            "analysed_at": ANALYSED_AT,
            "installation_uid": INSTALLATION_UID,
            "study_files": self.files,
        }
        return ReportContext(**{**values, **changes})  # type: ignore[arg-type]

    def analysis(self, result: StudyResult) -> Analysis:
        return Analysis(result, (self.volume,))


def ct_study(folder: Path, *, slices: int = 60, size: int = 96, **header: object) -> Study:
    """An axial CT, 3 mm slices of 1.5 mm pixels: five boxes, L1 at the top (highest z)."""
    affine = np.array([[0, 0, 1.5, -72], [0, 1.5, 0, -72], [3, 0, 0, -90], [0, 0, 0, 1]], dtype=np.float64)
    labels = np.zeros((slices, size, size), dtype=np.uint8)
    for number, level in enumerate(reversed((*MEASURED_LEVELS, Level.L5))):
        bottom = 2 + number * 11
        labels[bottom : bottom + 8, 34:58, 32:64] = level.label
    array = np.where(labels > 0, 120.0, 40.0).astype(np.float32)
    return _study(folder, Modality.CT, CTImageStorage, array, labels, affine, header)


def mr_study(folder: Path, *, slices: int = 11, rows: int = 120, columns: int = 96, **header: object) -> Study:
    """A sagittal T1w MR, 4.4 mm slices of 1.6 mm pixels, from the patient's right to the left."""
    affine = np.array([[4.4, 0, 0, -22], [0, 0, 1.6, -60], [0, -1.6, 0, 100], [0, 0, 0, 1]], dtype=np.float64)
    labels = np.zeros((slices, rows, columns), dtype=np.uint8)
    for number, level in enumerate((*MEASURED_LEVELS, Level.L5)):
        top = 6 + number * 22
        labels[2:-2, top : top + 16, 28:50] = level.label
    array = np.where(labels > 0, 420.0, 120.0).astype(np.float32)
    return _study(folder, Modality.MR, MRImageStorage, array, labels, affine, header)


def enhanced_mr_study(folder: Path, *, objects: int = 1, kinds: int = 1) -> Study:
    """The MR study as multi-frame files whose frames lie in reverse order of the volume's slices.

    Each of ``objects`` files holds every n-th slice; each slice is there in ``kinds`` kinds of image, of which the last
    was measured (the kind stands in Frame Type).
    """
    study = mr_study(folder / "single")
    volume, slices = study.volume.volume, study.volume.volume.geometry.shape[0]
    files, places = [], {}
    for part in range(objects):
        dataset = _header(Modality.MR, EnhancedMRImageStorage, "1.2.826.0.1.3680043.8.498.1.3", f"7.{part + 1}")
        dataset.Rows, dataset.Columns = volume.geometry.shape[1:]
        shared, orientation, measures = Dataset(), Dataset(), Dataset()
        orientation.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        measures.PixelSpacing, measures.SliceThickness = [1.6, 1.6], 4.4
        shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = [orientation], [measures]
        dataset.SharedFunctionalGroupsSequence = [shared]
        frames = []
        for index in reversed(range(part, slices, objects)):
            for kind in range(kinds):
                frame, position, named = Dataset(), Dataset(), Dataset()
                position.ImagePositionPatient = [float(v) for v in volume.geometry.to_lps(np.array([index, 0.0, 0.0]))]
                named.FrameType = ["ORIGINAL", "PRIMARY", "DIXON", f"KIND_{kind}"]
                frame.PlanePositionSequence, frame.MRImageFrameTypeSequence = [position], [named]
                frames.append(frame)
                places[index] = (str(dataset.SOPInstanceUID), len(frames))
        dataset.NumberOfFrames = len(frames)
        dataset.PerFrameFunctionalGroupsSequence = frames
        files.append(_write(folder / f"enhanced{part}.dcm", dataset))
    uids, numbers = zip(*(places[index] for index in range(slices)), strict=True)
    measured = Volume(
        array=volume.array, geometry=volume.geometry, modality=volume.modality, source_uids=uids, source_frames=numbers
    )
    return Study(tuple(files), AnalysedVolume(measured, study.volume.labels, tuple(files)), files[0].series_uid)


def result_of(study: Study, **changes: object) -> StudyResult:
    """A complete result of a study: four measured levels, a source, versions; ``changes`` replace fields."""
    modality = study.volume.volume.modality
    measured = modality is Modality.CT
    levels = tuple(_level(study, level, measured) for level in MEASURED_LEVELS)
    role = SeriesRole.CT if measured else SeriesRole.T1W
    facts: dict[str, str | float] = {"kvp": 120.0, "kernel": "Br40d", "slice_thickness_mm": 3.0}
    if not measured:
        facts = {"repetition_time_ms": 550.0, "echo_time_ms": 11.0, "field_strength_t": 1.5, "slice_thickness_mm": 4.0}
    source = SourceSeries(
        role=role,
        series_uid=study.series_uid,
        modality=modality,
        description="LSP 3.0 Br40" if measured else "t1_tse_sag",
        number=4,
        frame_of_reference_uid="1.2.3.9",
        instance_uids=tuple(dict.fromkeys(study.volume.volume.source_uids)),
        acquisition=facts,
    )
    summary: tuple[Measurement, ...] = (
        Measurement(
            concept=codes.ATTENUATION,
            value=98.4,
            unit=codes.HOUNSFIELD,
            derivation=codes.MEAN,
            method="trab_v1",
            series_uid=study.series_uid,
        ),
    )
    if not measured:
        summary = (
            Measurement(
                concept=codes.VBQ,
                value=3.2174,
                unit=codes.RATIO,
                derivation=None,
                method="vbq_v1",
                series_uid=study.series_uid,
            ),
        )
    values: dict[str, object] = {
        "study_uid": STUDY_UID,
        "revision": 1,
        "category": Category.LOW_BONE_DENSITY_SUSPECTED if measured else Category.INDETERMINATE,
        "reasons": (),
        "levels": levels,
        "summary": summary,
        "sources": (source,),
        "primary": study.series_uid,
        "numbering": "counted from the sacrum",
        "versions": VERSIONS,
        "timings_s": {"segment": 1.5},
    }
    return StudyResult(**{**values, **changes})  # type: ignore[arg-type]


def not_evaluable_result(**changes: object) -> StudyResult:
    """A result without any measured series."""
    reasons = (
        Reason(code=ReasonCode.NO_SUITABLE_SERIES),
        Reason(code=ReasonCode.SLICE_THICKNESS, value=6.5, limit=5.0, unit="mm"),
    )
    values: dict[str, object] = {
        "study_uid": STUDY_UID,
        "revision": 1,
        "category": Category.NOT_EVALUABLE,
        "reasons": reasons,
        "levels": (),
        "versions": VERSIONS,
    }
    return StudyResult(**{**values, **changes})  # type: ignore[arg-type]


def demonstration_score(**changes: object) -> Score:
    values: dict[str, object] = {
        "model_id": "ct-demo",
        "model_version": "1.0",
        "model_sha256": "ab" * 32,
        "applicable": True,
        "demonstration": True,
        "endpoint": "osteoporosis",
        "probability": 0.8216,
        "operating_point": "sensitivity 0.9",
        "threshold": 0.42,
        "positive": True,
        "role": SeriesRole.CT,
    }
    return Score(**{**values, **changes})  # type: ignore[arg-type]


def _numbers(level: Level, series: str, measured: bool) -> tuple[Measurement, ...]:
    value = 120.0 - 5 * level.label % 17
    numbers: tuple[Measurement, ...] = (
        Measurement(
            concept=codes.ATTENUATION,
            value=value,
            unit=codes.HOUNSFIELD,
            derivation=codes.MEAN,
            method="trab_v1",
            series_uid=series,
        ),
        Measurement(
            concept=codes.ATTENUATION,
            value=8.04,
            unit=codes.HOUNSFIELD,
            derivation=codes.STANDARD_DEVIATION,
            method="trab_v1",
            series_uid=series,
        ),
        Measurement(
            concept=codes.VOLUME,
            value=33.1149,
            unit=codes.CUBIC_CENTIMETRE,
            derivation=None,
            method="",
            series_uid=series,
        ),
    )
    if not measured:
        numbers = (
            Measurement(
                concept=codes.VBQ,
                value=3.1 + level.label / 100,
                unit=codes.RATIO,
                derivation=None,
                method="vbq_v1",
                series_uid=series,
            ),
            Measurement(
                concept=codes.MR_SIGNAL,
                value=419.83,
                unit=codes.RATIO,
                derivation=codes.MEAN,
                method="trab_v1",
                series_uid=series,
            ),
        )
    return numbers


def _level(study: Study, level: Level, measured: bool) -> LevelResult:
    labels, volume = study.volume.labels, study.volume.volume
    where = np.argwhere(labels == level.label)
    index = int(np.median(where[:, 0]))
    rows, columns = where[where[:, 0] == index][:, 1], where[where[:, 0] == index][:, 2]
    box = (
        (columns.min(), rows.min()),
        (columns.max(), rows.min()),
        (columns.max(), rows.max()),
        (columns.min(), rows.max()),
    )
    points = tuple((float(x), float(y)) for x, y in box)
    series = study.series_uid
    outline = Outline(volume.source_uids[index], points, volume.source_frames[index] if volume.source_frames else None)
    numbers = _numbers(level, series, measured)
    return LevelResult(level=level, evaluable=True, quality=0.94, flags=(), measurements=numbers, outlines=(outline,))


def _study(
    folder: Path,
    modality: Modality,
    sop_class: str,
    array: np.ndarray,
    labels: np.ndarray,
    affine: np.ndarray,
    changes: dict[str, object],
) -> Study:
    folder.mkdir(parents=True, exist_ok=True)
    geometry = Geometry(array.shape, affine)
    series_uid = f"{STUDY_UID}.{2 if modality is Modality.CT else 4}"
    files = []
    for index in range(array.shape[0]):
        dataset = _header(modality, sop_class, series_uid, f"{index + 1}")
        dataset.Rows, dataset.Columns = array.shape[1:]
        dataset.ImagePositionPatient = [round(float(v), 6) for v in geometry.to_lps(np.array([index, 0.0, 0.0]))]
        dataset.ImageOrientationPatient = [round(float(v), 6) for v in affine[:3, 2] / np.linalg.norm(affine[:3, 2])]
        dataset.ImageOrientationPatient.extend(
            round(float(v), 6) for v in affine[:3, 1] / np.linalg.norm(affine[:3, 1])
        )
        dataset.PixelSpacing = [geometry.spacing_mm[1], geometry.spacing_mm[2]]
        for keyword, value in changes.items():
            put(dataset, keyword, value)
        files.append(_write(folder / f"{index:03d}.dcm", dataset))
    volume = Volume(
        array=array, geometry=geometry, modality=modality, source_uids=tuple(file.sop_instance_uid for file in files)
    )
    return Study(tuple(files), AnalysedVolume(volume, labels, tuple(files)), series_uid)


def put(dataset: Dataset, keyword: str, value: object) -> None:
    """Set an attribute, whether the value is valid or not; bytes are written as they are, None removes it."""
    if keyword in dataset:
        delattr(dataset, keyword)
    if isinstance(value, bytes):
        tag = Tag(tag_for_keyword(keyword) or 0)
        padded = value + b" " * (len(value) % 2)
        dataset[tag] = RawDataElement(tag, dictionary_VR(tag), len(padded), padded, 0, False, True)
    elif value is not None:
        with config.disable_value_validation():
            setattr(dataset, keyword, value)


def item(**values: object) -> Dataset:
    """Return an item of a sequence with these values, valid or not."""
    made = Dataset()
    for keyword, value in values.items():
        put(made, keyword, value)
    return made


def _header(modality: Modality, sop_class: str, series_uid: str, suffix: str) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, f"{series_uid}.{suffix}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = STUDY_UID, series_uid
    dataset.FrameOfReferenceUID = "1.2.3.9"
    dataset.Modality = modality.value
    dataset.PatientName, dataset.PatientID = "Müller^Eva", "PID-0042"
    dataset.IssuerOfPatientID = "HOSP"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = "19520607", "F", "074Y"
    dataset.StudyDate, dataset.StudyTime, dataset.StudyID = "20261119", "101500", "S77"
    dataset.StudyDescription = "CT Abdomen"
    dataset.AccessionNumber, dataset.ReferringPhysicianName = "ACC-1", "Ref^Doc"
    dataset.Manufacturer, dataset.ManufacturerModelName, dataset.StationName = "SIEMENS", "SOMATOM", "CT01"
    dataset.SliceThickness = 3
    request = Dataset()
    request.RequestedProcedureID, request.RequestedProcedureDescription = "RP1", "CT Abdomen with contrast"
    request.ScheduledProcedureStepID = "SPS1"
    dataset.RequestAttributesSequence = [request]
    return dataset


def _write(path: Path, dataset: Dataset) -> StoredFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.save_as(path, enforce_file_format=True)
    return StoredFile(str(path), str(dataset.SOPInstanceUID), str(dataset.SOPClassUID), str(dataset.SeriesInstanceUID))
