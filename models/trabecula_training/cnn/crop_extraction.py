"""Crops of a cohort's studies, through the service's own analysis; every study is kept, so that a run goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from trabecula.analysis.analyser import StudyAnalyser
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain import codes
from trabecula.domain.errors import TrabeculaError
from trabecula.domain.models.scoring import ScoringContext
from trabecula.domain.results.result import LevelResult, SeriesRole
from trabecula.domain.uids import SeriesUid
from trabecula.files import whole_file
from trabecula.imaging.headers.frames import scan_folder
from trabecula.scoring.crops.definition import CropDefinition, load_crop_definition
from trabecula.scoring.crops.vertebra import study_crops
from trabecula.scoring.radiomics.series_features import acquisition_of
from trabecula.version import __version__
from trabecula_training.cnn.crop_bank import CropBank, CropGroup, load_crops, merged, save_crops
from trabecula_training.cohort.table import Cohort
from trabecula_training.errors import FeatureTableInvalid
from trabecula_training.features.extraction import MakeSegmenter, default_segmenter, segmenter_digest, why_not_measured
from trabecula_training.features.store import study_fingerprint
from trabecula_training.processes import in_processes

MR_ROLES = (SeriesRole.T1W, SeriesRole.T2W)


def crop_groups(context: ScoringContext, definition: CropDefinition) -> tuple[CropGroup, ...]:
    """Return the crops of a measured study, one group for each MR role, without a patient's name."""
    levels = {item.level: item for item in context.levels}
    groups: list[CropGroup] = []
    for role in MR_ROLES:
        crops = study_crops(context, role, definition)
        if crops:
            uid = context.series[role].source.series_uid
            groups.append(
                CropGroup(
                    patient="",
                    role=role,
                    levels=tuple(crops),
                    crops=tuple(crops.values()),
                    vbq=tuple(_vbq(levels[level], uid) for level in crops),
                    facts=acquisition_of(context.series[role]),
                )
            )
    return tuple(groups)


def _vbq(level: LevelResult, series_uid: SeriesUid) -> float:
    """VBQ of a level in one series; NaN where not measured."""
    found = [item.value for item in level.measurements if item.series_uid == series_uid and item.concept == codes.VBQ]
    return float(found[0]) if found else float("nan")


@dataclass(frozen=True)
class CropJob:
    """One patient's study for one process."""

    patient: str
    folder: Path
    definition: str
    make_segmenter: MakeSegmenter


def crops_of_patient(job: CropJob) -> CropBank:
    """Measure one study and return its crops; a study that gives none is told in ``absent``."""
    definition = load_crop_definition(job.definition)
    analyser = StudyAnalyser(job.make_segmenter(), (), load_thresholds(None))
    measured = analyser.measure(scan_folder(job.folder))
    context = measured.scoring_context
    groups = crop_groups(context, definition) if context is not None else ()
    if groups:
        return CropBank(tuple(replace(group, patient=job.patient) for group in groups), definition)
    why = why_not_measured(analyser, job.patient, measured)
    return CropBank((), definition, {job.patient: why or "no body could be pictured"})


def _tried(job: CropJob) -> tuple[CropBank, bool]:
    """The crops, and whether another try would end in the same way (a file that cannot be read may be mended)."""
    try:
        return crops_of_patient(job), True
    except TrabeculaError as error:
        why = {job.patient: f"{error.code}: {error.sentence}"}
        return CropBank((), load_crop_definition(job.definition), why), False


@dataclass(frozen=True)
class CropStore:
    """A folder of kept crops, one file for each study, named after its files and all that shapes the crops."""

    folder: Path
    made_by: str

    def path(self, job: CropJob) -> Path:
        """Return where the crops of a study are kept."""
        whole = f"{self.made_by}|{load_crop_definition(job.definition).sha256}|{study_fingerprint(job.folder)}"
        return self.folder / f"{hashlib.sha256(whole.encode()).hexdigest()[:32]}.npz"

    def find(self, job: CropJob) -> CropBank | None:
        """Return what was kept of a study, under the patient's present name, or None."""
        try:
            bank = load_crops(self.path(job))
        except FeatureTableInvalid:
            return None
        groups = tuple(replace(group, patient=job.patient) for group in bank.groups)
        absent = dict(zip([job.patient], bank.absent.values(), strict=False))
        return replace(bank, groups=groups, absent=absent)

    def keep(self, job: CropJob, bank: CropBank) -> None:
        """Write the crops of a study, whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with whole_file(self.path(job)) as file:
            save_crops(bank, file)


def _ignore(bank: CropBank) -> None:
    """Take no notice of progress."""


def extract_crops(
    cohort: Cohort,
    definition: str,
    path: Path,
    workers: int = 1,
    on_patient: Callable[[CropBank], None] = _ignore,
    make_segmenter: MakeSegmenter = default_segmenter,
) -> CropBank:
    """Return the crops of a cohort's studies and write them to ``path``; the folder of the same name beside it keeps
    every study's part.

    ``on_patient`` hears of every patient, kept or measured. Raises FeatureTableInvalid when no study gave any crop.
    """
    store = CropStore(path.with_suffix(""), f"{segmenter_digest()}|{__version__}")
    found: dict[str, CropBank] = {}
    for name, bank in _all(cohort, definition, store, workers, make_segmenter):
        found[name] = bank
        on_patient(bank)
    if not any(bank.groups for bank in found.values()):
        raise FeatureTableInvalid("no study of the cohort gave crops")
    whole = merged([found[patient.patient] for patient in cohort.patients if patient.patient in found])
    save_crops(whole, path)
    return whole


def _all(
    cohort: Cohort, definition: str, store: CropStore, workers: int, make_segmenter: MakeSegmenter
) -> Iterator[tuple[str, CropBank]]:
    jobs: list[CropJob] = []
    for patient in cohort.patients:
        if patient.study is None:
            continue
        job = CropJob(patient.patient, patient.study, definition, make_segmenter)
        kept = store.find(job)
        if kept is None:
            jobs.append(job)
        else:
            yield job.patient, kept
    for job, (bank, settled) in in_processes(_tried, jobs, workers):
        if settled:
            store.keep(job, bank)
        yield job.patient, bank
