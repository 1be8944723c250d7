"""Feature extraction of a cohort: every study through the service's own analysis, its features recorded on the way.

The recorder stands where a model would stand, and calls the function that models call: a column means the same in
training and in the service.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from trabecula.analysis.analyser import StudyAnalyser
from trabecula.analysis.measuring import MeasuredStudy
from trabecula.analysis.thresholds import load_thresholds
from trabecula.data.bundle_location import find_segmenter_bundle
from trabecula.domain import codes
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.modality import Modality
from trabecula.domain.models.bundle import MANIFEST_NAME
from trabecula.domain.models.scoring import ScoringContext
from trabecula.domain.results.result import LevelResult, SeriesRole
from trabecula.domain.segmentation import Segmenter
from trabecula.domain.spine import Level
from trabecula.domain.uids import StudyUid
from trabecula.imaging.headers.frames import scan_folder
from trabecula.scoring.radiomics.feature_set import FeatureSet, load_feature_set
from trabecula.scoring.radiomics.ibsi import ibsi_facts
from trabecula.scoring.radiomics.series_features import acquisition_of, study_features
from trabecula.segmentation.attempts import AnalysisConfig
from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula.version import __version__
from trabecula_training.cohort.masks import IDENTITY, MaskSegmenter
from trabecula_training.cohort.table import Cohort, Patient
from trabecula_training.errors import FeatureTableInvalid
from trabecula_training.features.perturbation import Perturbed, perturbed_features, stability
from trabecula_training.features.readers import agreement
from trabecula_training.features.store import ExtractionStore, PatientFeatures
from trabecula_training.features.table import MEASURE_PREFIX, FeatureTable
from trabecula_training.processes import in_processes

MEASURES = ("hu", "vbq")
OUTLINES_FACT = "outlines"
"""The fact of a series whose bodies people outlined: ``masks of one's own``."""
SERIES_TRIED_WITH_MASKS = 20
"""Series of a role that may be tried until one is found on which a mask lies: most cost a header, not an outline."""
ROLES: Mapping[Modality, tuple[SeriesRole, ...]] = {
    Modality.CT: (SeriesRole.CT,),
    Modality.MR: (SeriesRole.T1W, SeriesRole.T2W),
}
MakeSegmenter = Callable[[], Segmenter]


@dataclass(frozen=True, kw_only=True)
class ExtractionJob:
    """One patient's study for one process; ``perturb`` also measures how features bear other outlines. ``masks`` take
    the segmenter's place, those of ``second`` tell how far two readers agree."""

    patient: str
    folder: Path
    set_name: str
    perturb: bool
    make_segmenter: MakeSegmenter
    masks: tuple[Path, ...] = ()
    second: tuple[Path, ...] = ()


@cache
def network_segmenter(bundle: Path) -> Segmenter:
    """Return the segmenter of a bundle, one for each process."""
    return NetworkSegmenter(bundle, threads=1)


def default_segmenter() -> Segmenter:
    """Return the segmenter that the service uses."""
    return network_segmenter(find_segmenter_bundle())


def features_of(context: ScoringContext, settings: FeatureSet, perturb: bool = False) -> PatientFeatures:
    """Return the features of a measured study, no patient named; with ``perturb`` those of moved outlines too."""
    roles = [role for role in ROLES[settings.modality] if role in context.series]
    features = study_features(context, roles, settings)
    levels = {item.level: item for item in context.levels}
    return PatientFeatures(
        patient="",
        features=features,
        measures={(role, level): _measures(levels[level], context, role) for role, level in features},
        facts={role: acquisition_of(context.series[role]) for role in roles},
        perturbed={role: perturbed_features(context, role, settings) for role in roles} if perturb else {},
    )


def _measures(level: LevelResult, context: ScoringContext, role: SeriesRole) -> tuple[float, ...]:
    """Attenuation (mean) and VBQ of a level in the series of ``role``; NaN where not measured."""
    uid = context.series[role].source.series_uid
    own = [value for value in level.measurements if value.series_uid == uid]
    attenuation = [item.value for item in own if item.concept == codes.ATTENUATION and item.derivation == codes.MEAN]
    quality = [item.value for item in own if item.concept == codes.VBQ and role is SeriesRole.T1W]
    return tuple(values[0] if values else float("nan") for values in (attenuation, quality))


def extract_patient(job: ExtractionJob) -> PatientFeatures:
    """Measure one study and return its features; a study that cannot be measured gives a problem, not an error."""
    settings = load_feature_set(job.set_name)
    try:
        analyser, measured = _measured(job, job.masks)
        context = measured.scoring_context
        found = features_of(context, settings, job.perturb) if context is not None else None
        if found is not None and job.second:
            found = replace(found, readers=_both_readers(found, _measured(job, job.second)[1], settings))
    except TrabeculaError as error:
        return PatientFeatures(patient=job.patient, problem=f"{error.code}: {error.sentence}", settled=False)
    if found is None or not found.features:
        why = why_not_measured(analyser, job.patient, measured)
        return PatientFeatures(patient=job.patient, problem=why or "no body could be measured")
    if job.masks:
        marked = {role: {**facts, OUTLINES_FACT: IDENTITY.name} for role, facts in found.facts.items()}
        found = replace(found, facts=marked)
    return replace(found, patient=job.patient)


def _measured(job: ExtractionJob, masks: tuple[Path, ...]) -> tuple[StudyAnalyser, MeasuredStudy]:
    """The study of a job, outlined by masks where there are any."""
    files, segmenter = scan_folder(job.folder), job.make_segmenter()
    if masks:
        segmenter = MaskSegmenter(masks, files, segmenter)
    config = AnalysisConfig(attempts_per_role=SERIES_TRIED_WITH_MASKS) if masks else None
    analyser = StudyAnalyser(segmenter, (), load_thresholds(None), config)
    measured = analyser.measure(files)
    return analyser, measured


def _both_readers(
    found: PatientFeatures, second: MeasuredStudy, settings: FeatureSet
) -> dict[SeriesRole, tuple[Perturbed, ...]]:
    """The features of every body that both readers outlined, [reader, feature]."""
    if second.scoring_context is None:
        return {}
    theirs = features_of(second.scoring_context, settings).features
    pairs: dict[SeriesRole, list[Perturbed]] = {}
    for place, vector in found.features.items():
        if place in theirs:
            pairs.setdefault(place[0], []).append(np.stack([vector, theirs[place]]))
    return {role: tuple(bodies) for role, bodies in pairs.items()}


def why_not_measured(analyser: StudyAnalyser, patient: str, measured: MeasuredStudy) -> str:
    """The two reasons that tell most about a study of which nothing can be learned; empty where there is none."""
    reasons = analyser.decide(StudyUid(patient), 1, measured).result.reasons
    return " ".join([reason.sentence for reason in reasons if reason.blocking][:2])


def _killed(job: ExtractionJob) -> PatientFeatures:
    """What is told of a study whose process was killed, twice: it costs this study alone, and is tried again next
    time."""
    problem = "the process that measured it was killed twice (memory, or a crash in a library)"
    return PatientFeatures(patient=job.patient, problem=problem, settled=False)


def store_of(folder: Path, set_name: str, segmenter_sha256: str) -> ExtractionStore:
    """Return the store of extractions by these settings, this segmenter and this version of the program."""
    made_by = f"{load_feature_set(set_name).sha256}|{segmenter_sha256}|{__version__}"
    return ExtractionStore(folder, made_by)


def segmenter_digest(bundle: Path | None = None) -> str:
    """Return the digest of a segmenter, by default the one that ``default_segmenter`` gives: its manifest names every
    file."""
    return hashlib.sha256(((bundle or find_segmenter_bundle()) / MANIFEST_NAME).read_bytes()).hexdigest()


def extract_cohort(
    cohort: Cohort,
    set_name: str,
    workers: int = 1,
    perturb_first: int = 0,
    make_segmenter: MakeSegmenter = default_segmenter,
    store: ExtractionStore | None = None,
) -> Iterator[PatientFeatures]:
    """Yield the features of every patient that has a study, as they are done, in ``workers`` processes.

    The first ``perturb_first`` patients also tell how stable the features are. What ``store`` has is not done again,
    and what is done is kept there at once.
    """
    jobs: list[ExtractionJob] = []
    for number, patient in enumerate(cohort.patients):
        if patient.study is None:
            continue
        job = ExtractionJob(
            patient=patient.patient,
            folder=patient.study,
            set_name=set_name,
            perturb=number < perturb_first,
            make_segmenter=make_segmenter,
            masks=patient.masks,
            second=patient.masks_reader_2,
        )
        drawn = (*job.masks, *job.second)
        kept = store.find(job.patient, job.folder, job.perturb, drawn) if store else None
        if kept is None:
            jobs.append(job)
        else:
            yield kept if job.perturb else replace(kept, perturbed={})
    for job, found in in_processes(extract_patient, jobs, workers, _killed):
        if store:
            store.keep(found, job.folder, job.perturb, (*job.masks, *job.second))
        yield found


def feature_table(cohort: Cohort, found: Iterable[PatientFeatures], set_name: str) -> FeatureTable:
    """Return the table of what was found, in the order of the cohort. Raises FeatureTableInvalid when it is empty."""
    settings = load_feature_set(set_name)
    everybody = {item.patient: item for item in found}
    by_name = {name: item for name, item in everybody.items() if item.features}
    people: list[Patient] = [patient for patient in cohort.patients if patient.patient in by_name]
    rows: list[tuple[str, SeriesRole, Level]] = []
    values: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]] = []
    for patient in people:
        item = by_name[patient.patient]
        for (role, level), vector in item.features.items():
            rows.append((patient.patient, role, level))
            values.append(np.concatenate([vector, item.measures[role, level]]))
    if not rows:
        raise FeatureTableInvalid("no study of the cohort gave features")
    extra = len(MEASURES)
    readers = {role: [body for item in by_name.values() for body in item.readers.get(role, ())] for role in SeriesRole}
    perturbed = {
        role: [body for item in by_name.values() for body in item.perturbed.get(role, ())] for role in SeriesRole
    }
    return FeatureTable(
        names=(*settings.names, *(MEASURE_PREFIX + name for name in MEASURES)),
        patients=tuple(patient for patient, _, _ in rows),
        levels=tuple(level for _, _, level in rows),
        roles=tuple(role for _, role, _ in rows),
        values=np.stack(values),
        settings_sha256=settings.sha256,
        regions=settings.region,
        facts={(item.patient, role): facts for item in by_name.values() for role, facts in item.facts.items()},
        stability={
            role: np.concatenate([stability(bodies), np.ones(extra)])
            for role, bodies in perturbed.items()
            if len(bodies) > 1
        },
        readers={role: agreement(bodies, extra) for role, bodies in readers.items() if len(bodies) > 1},
        ibsi=ibsi_facts(settings),
        absent={name: item.problem for name, item in everybody.items() if not item.features},
    )
