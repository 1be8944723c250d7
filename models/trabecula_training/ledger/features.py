"""Features of studies that the service has measured: from the kept outlines and images, without segmenting again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from trabecula.analysis.result import versions
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.errors import SpoolObjectMissing, TrabeculaError
from trabecula.domain.models.scoring import MeasuredSeries, ScoringContext
from trabecula.domain.results.result import SeriesRole, StudyResult
from trabecula.domain.results.stored_labels import StoredLabels
from trabecula.domain.segmentation import Segmentation, SegmenterIdentity
from trabecula.domain.study.study import StoredFile
from trabecula.imaging.headers.contrast import contrast_phase
from trabecula.imaging.headers.frames import read_headers
from trabecula.imaging.volumes.dicom import SeriesLoader
from trabecula.ledger.label_maps import AnalysisStore
from trabecula.scoring.radiomics.feature_set import load_feature_set
from trabecula.series.kernels import kernel_class
from trabecula_training.features.extraction import features_of
from trabecula_training.features.store import ExtractionStore, PatientFeatures
from trabecula_training.ledger.files import StudyFolder
from trabecula_training.processes import in_processes

_DECIDED_BY_SITE = ("thresholds_sha256", "models_sha256")
"""Versions that may differ: which levels a site's thresholds keep is what its models will see; models see no outlines
of their own."""


@dataclass(frozen=True, kw_only=True)
class StoredStudy:
    """What the service keeps of a study, for one process."""

    patient: str
    result: StudyResult
    files: tuple[StoredFile, ...]
    results_root: Path
    set_name: str
    perturb: bool


def made_by_present(result: StudyResult, segmenter: SegmenterIdentity) -> bool:
    """Return whether a result was made by this version of the program with this segmenter: only then are its outlines
    those that an extraction of today would find."""
    present = versions(segmenter, load_thresholds(None))
    return _comparable(result.versions) == _comparable(present)


def _comparable(made: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in made.items() if name not in _DECIDED_BY_SITE}


def stored_features(study: StoredStudy) -> PatientFeatures:
    """Return the features of a study from its kept outlines; what cannot be read gives a problem, not an error."""
    try:
        found = features_of(stored_context(study), load_feature_set(study.set_name), study.perturb)
    except TrabeculaError as error:
        return PatientFeatures(patient=study.patient, problem=f"{error.code}: {error.sentence}", settled=False)
    if not found.features:
        return PatientFeatures(patient=study.patient, problem="no level could be measured", settled=False)
    return replace(found, patient=study.patient)


def stored_context(study: StoredStudy) -> ScoringContext:
    """Return what a scorer saw of the study. Raises SpoolObjectMissing, GeometryInvalid, PixelDataUndecodable."""
    result = study.result
    kept = AnalysisStore(study.results_root).load_labels(result.study_uid, result.revision)
    series: dict[SeriesRole, MeasuredSeries] = {}
    for labels in kept:
        source = next((item for item in result.sources if item.series_uid == labels.series_uid), None)
        if source is not None:
            series[source.role] = _measured(study, labels, source.role)
    if not series:
        raise SpoolObjectMissing("no outlines are kept of this study")
    return ScoringContext(series=series, levels=result.levels, summary=result.summary, reasons=result.reasons)


def _measured(study: StoredStudy, labels: StoredLabels, role: SeriesRole) -> MeasuredSeries:
    by_uid = {file.sop_instance_uid: file for file in study.files}
    missing = [uid for uid in labels.file_uids if uid not in by_uid]
    if missing:
        raise SpoolObjectMissing(f"{len(missing)} of {len(labels.file_uids)} images")
    files = [by_uid[uid] for uid in labels.file_uids]
    volume = SeriesLoader().load(files, labels.sop_instance_uids, labels.frames)
    frames, _, _ = read_headers(files[:1])
    made = frames[0].acquisition
    source = next(item for item in study.result.sources if item.role is role)
    named = study.result.versions
    identity = SegmenterIdentity(named.get("segmenter", ""), "", named.get("segmenter_weights_sha256", ""))
    segmentation = Segmentation(
        labels=labels.labels, bodies=(), segmenter=identity, quality=1.0, numbering=study.result.numbering
    )
    kernel = kernel_class(made.manufacturer, made.kernel)
    return MeasuredSeries(
        source=source,
        volume=volume,
        segmentation=segmentation,
        kernel_class=kernel,
        contrast_phase=contrast_phase(made),
    )


def keep_features(
    studies: Sequence[StudyFolder],
    store: ExtractionStore,
    set_name: str,
    results_root: Path,
    workers: int,
    perturb_first: int,
) -> Iterator[PatientFeatures]:
    """Yield the features of each study as they are done, keeping them in ``store`` where a run looks for them.

    The first ``perturb_first`` also tell how stable the features are. What is kept already is not done again.
    """
    waiting: list[tuple[StoredStudy, Path]] = []
    for number, item in enumerate(studies):
        name, perturb = item.chosen.patient.patient, number < perturb_first
        kept = store.find(name, item.folder, perturb)
        result = item.chosen.record.result
        if kept is not None:
            yield kept
        elif result is not None:
            study = StoredStudy(
                patient=name,
                result=result,
                files=item.files,
                results_root=results_root,
                set_name=set_name,
                perturb=perturb,
            )
            waiting.append((study, item.folder))
    for (study, folder), found in in_processes(_features_of, waiting, workers):
        store.keep(found, folder, study.perturb)
        yield found


def _features_of(job: tuple[StoredStudy, Path]) -> PatientFeatures:
    return stored_features(job[0])
