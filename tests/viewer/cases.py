"""The studies that the viewer opens: images of two small phantoms, each kind of result about them, and its objects.

The images and the outlines are a phantom's, drawn from its truth; the numbers are plain, since what is tested is how a
viewer shows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom import Dataset

from tests.reporting.builders import ANALYSED_AT, INSTALLATION_UID, VERSIONS, not_evaluable_result
from trabecula.analysis.outlines import polygon
from trabecula.domain import codes
from trabecula.domain.identity import derived_uid
from trabecula.domain.modality import Modality
from trabecula.domain.ports.reporter import ReportContext
from trabecula.domain.results.analysis import AnalysedVolume, Analysis
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import (
    Category,
    LevelResult,
    Measurement,
    Outline,
    ResultObject,
    SeriesRole,
    SourceSeries,
    StudyResult,
)
from trabecula.domain.spine import LUMBAR_LEVELS, Level
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid
from trabecula.domain.volume import Volume
from trabecula.phantom.dicom import datasets
from trabecula.phantom.study import PhantomSeries, PhantomStudy
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter

SHOWN_LEVELS = (Level.T12, *LUMBAR_LEVELS)
_ROLES = {"CT": SeriesRole.CT, "CT_SAGITTAL": SeriesRole.CT, "T1": SeriesRole.T1W, "T2": SeriesRole.T2W}
_DEFORMED = Reason(
    code=ReasonCode.FRACTURE_LEVEL,
    blocking=True,
    level=Level.L2,
    detail="wedge, grade 2, height loss",
    value=31.0,
    limit=25.0,
    unit="%",
)


@dataclass(frozen=True, eq=False, repr=False)
class Measured:
    """One series of a case: its files, and what was outlined on it."""

    role: SeriesRole
    volume: AnalysedVolume
    uid: str


@dataclass(frozen=True, eq=False, repr=False)
class Case:
    """A study in the archive: its images and result objects as files, and the result."""

    study_uid: str
    images: tuple[bytes, ...]
    objects: tuple[ResultObject, ...]
    result: StudyResult

    @property
    def files(self) -> tuple[bytes, ...]:
        """Everything that the archive holds of the study."""
        return (*self.images, *(item.content for item in self.objects))


class CaseFolder:
    """Makes one study under UIDs of its own in a folder: first its series, then what a result says of them."""

    def __init__(self, name: str, phantom: PhantomStudy, folder: Path) -> None:
        self.study_uid = StudyUid(derived_uid("viewer case", name))
        self.images: list[bytes] = []
        self.files: list[StoredFile] = []
        self._name, self._phantom, self._folder = name, phantom, folder / name
        self._folder.mkdir(parents=True)

    def add(self, series: PhantomSeries, localizer: Volume | None = None) -> Measured:
        """Write a series; with ``localizer`` its images are the first of it, as some scanners send them."""
        source = replace(series, more=(localizer,)) if localizer is not None else replace(series, more=())
        count = series.volume.geometry.shape[0]
        stored = []
        for index, dataset in enumerate(datasets(self._phantom, source)):
            if index >= count:
                dataset.InstanceNumber = 0
                del dataset.SliceLocation
            stored.append(self._write(dataset, series.uid))
        files = tuple(stored[:count])
        labels = series.labels if series.labels is not None else np.zeros(series.volume.geometry.shape, dtype=np.uint8)
        volume = replace(series.volume, source_uids=tuple(file.sop_instance_uid for file in files))
        measured = AnalysedVolume(volume, np.where(np.isin(labels, _SHOWN), labels, 0).astype(np.uint8), files)
        return Measured(_ROLES.get(series.role, SeriesRole.CT), measured, str(files[0].series_uid))

    def case(self, *reports: tuple[Analysis, tuple[Predecessor, ...]], picture: bool = False) -> Case:
        """Return the study with the objects of each report, each an analysis and its predecessors."""
        reporter = DicomReporter(ReportingConfig(with_picture=picture))
        objects: list[ResultObject] = []
        for analysis, predecessors in reports:
            context = ReportContext(
                analysed_at=ANALYSED_AT,
                installation_uid=INSTALLATION_UID,
                study_files=tuple(self.files),
                predecessors=predecessors,
            )
            objects += reporter.report(analysis, context)
        return Case(self.study_uid, tuple(self.images), tuple(objects), reports[-1][0].result)

    def _write(self, dataset: Dataset, series_uid: str) -> StoredFile:
        dataset.PatientID = self._name.replace(" ", "-")  # each case is a person of its own, without earlier studies
        dataset.StudyInstanceUID = self.study_uid
        dataset.SeriesInstanceUID = derived_uid("viewer case", self._name, series_uid)
        dataset.SOPInstanceUID = derived_uid("viewer case", self._name, str(dataset.SOPInstanceUID))
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        written = BytesIO()
        dataset.save_as(written, enforce_file_format=True)
        path = self._folder / f"{len(self.files):04d}.dcm"
        path.write_bytes(written.getvalue())
        self.images.append(written.getvalue())
        file = StoredFile(
            str(path),
            InstanceUid(dataset.SOPInstanceUID),
            str(dataset.SOPClassUID),
            SeriesUid(dataset.SeriesInstanceUID),
        )
        self.files.append(file)
        return file


def result_of(
    study_uid: StudyUid, series: Sequence[Measured], *, revision: int = 1, deformed: bool = False
) -> StudyResult:
    """Return a result with every number that an analysis gives; ``deformed`` keeps L2 out as a graded deformity."""
    primary = series[0]
    levels = tuple(_level(level, series, deformed and level is Level.L2) for level in SHOWN_LEVELS)
    ct = primary.role is SeriesRole.CT
    summary = [
        item
        for found in series
        for item in (
            [
                _number(codes.ATTENUATION, 104.2, codes.HOUNSFIELD, found, codes.MEAN, f"trab_v1 {place}")
                for place in _PLACES
            ]
            if ct
            else _vbq(found)
        )
    ]
    return StudyResult(
        study_uid=study_uid,
        revision=revision,
        category=Category.LOW_BONE_DENSITY_SUSPECTED if ct else Category.INDETERMINATE,
        reasons=(replace(_DEFORMED, blocking=False),) if deformed else (),
        levels=tuple(level for level in levels if level.outlines),
        summary=tuple(summary),
        sources=tuple(_source(found) for found in series),
        primary=primary.uid,
        numbering="counted from the sacrum",
        deformity_suspected=deformed,
        versions=VERSIONS,
    )


def not_evaluable(study_uid: StudyUid) -> StudyResult:
    """Return a result of a study in which nothing could be measured."""
    return not_evaluable_result(study_uid=study_uid)


_SHOWN = [level.label for level in SHOWN_LEVELS]
_PLACES = ("L1", "L1-L4")


def _number(
    concept: codes.Code,
    value: float,
    unit: codes.Code,
    series: Measured,
    derivation: codes.Code | None = None,
    method: str = "",
) -> Measurement:
    return Measurement(
        concept=concept, value=value, unit=unit, derivation=derivation, method=method, series_uid=SeriesUid(series.uid)
    )


def _vbq(series: Measured) -> list[Measurement]:
    first = "t2_" if series.role is SeriesRole.T2W else ""
    found = [
        _number(codes.VBQ, 0.47 if first else 2.86, codes.RATIO, series, None, f"{first}vbq_v1:medullary_v1/csf_v1")
    ]
    if not first:
        found.append(_number(codes.VBQ, 2.89, codes.RATIO, series, None, "vbq_voxels_v1:medullary_v1/csf_v1"))
    return [*found, _number(codes.CSF_SIGNAL, 376.9, codes.RATIO, series, codes.MEAN, "csf_v1 at L3")]


def _level(level: Level, series: Sequence[Measured], deformed: bool) -> LevelResult:
    numbers = [item for found in series for item in _numbers(found, 31.0 if deformed else 3.9)]
    volume = series[0].volume
    shown = np.flatnonzero((volume.labels == level.label).any(axis=(1, 2)))
    outlines: tuple[Outline, ...] = ()
    if shown.size:
        index = int(shown[shown.size // 2])
        points = polygon(volume.labels[index] == level.label)
        outlines = (Outline(volume.volume.source_uids[index], points),)
    return LevelResult(
        level=level,
        evaluable=not deformed,
        quality=0.95,
        flags=(_DEFORMED,) if deformed else (),
        measurements=tuple(numbers),
        outlines=outlines,
    )


def _numbers(series: Measured, loss: float) -> list[Measurement]:
    if series.role is SeriesRole.CT:
        first = [
            _number(codes.ATTENUATION, 104.2, codes.HOUNSFIELD, series, codes.MEAN, "trab_v1"),
            _number(codes.ATTENUATION, 41.3, codes.HOUNSFIELD, series, codes.STANDARD_DEVIATION, "trab_v1"),
        ]
    else:
        first = [_number(codes.MR_SIGNAL, 893.3, codes.RATIO, series, codes.MEAN, "medullary_v1"), _vbq(series)[0]]
    return [
        *first,
        _number(codes.VOLUME, 28.7, codes.CUBIC_CENTIMETRE, series, None, "segmentation"),
        _number(codes.ANTERIOR_HEIGHT, 25.5, codes.MILLIMETRE, series, None, "heights_v1"),
        _number(codes.HEIGHT_LOSS, loss, codes.PERCENT, series, None, "heights_v1"),
    ]


def _source(series: Measured) -> SourceSeries:
    return SourceSeries(
        role=series.role,
        series_uid=SeriesUid(series.uid),
        modality=Modality.CT if series.role is SeriesRole.CT else Modality.MR,
        description=series.role.value,
        number=2,
        frame_of_reference_uid="",
        instance_uids=series.volume.volume.source_uids,
    )
