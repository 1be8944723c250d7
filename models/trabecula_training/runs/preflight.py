"""The check of a cohort before any work: its file, its study folders or its features, and what each task would be left
with. Everything that is wrong is told at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from trabecula.domain.models.conditioning import Imputation
from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula_training.cohort.cohort_csv import CohortReading, class_problems, read_cohort, task_problems
from trabecula_training.cohort.confounding import confounding, confounding_remarks
from trabecula_training.cohort.labels import Task
from trabecula_training.cohort.masks import check_masks
from trabecula_training.cohort.study_check import FolderFacts, read_study
from trabecula_training.cohort.table import Cohort, Part, Patient
from trabecula_training.errors import CohortInvalid, FeatureTableInvalid
from trabecula_training.features.reading import empty_cells, load_features
from trabecula_training.features.table import FeatureTable
from trabecula_training.learning.conditioning.plan import NOTHING, ConditioningChoice, combat_patients_at_least
from trabecula_training.learning.dataset import (
    FEW_LEVELS,
    WITHHELD,
    Dataset,
    known_batches,
    make_dataset,
    usable_layout,
)
from trabecula_training.learning.recipe import InputSet
from trabecula_training.problems import Problem, blocking

AGE_TOLERANCE_YEARS = 2.0
"""Further apart than this, the age in cohort.csv and the age in the images belong to different days or people."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a run will ask of a cohort: inputs and tasks, how levels become one vector, outer folds, whether features
    must bear perturbed outlines, and what is filled in and harmonised."""

    pairs: tuple[tuple[InputSet, Task], ...] = ()
    aggregation: LevelAggregation = LevelAggregation.MEAN
    folds: int = 5
    stable_only: bool = True
    conditioning: ConditioningChoice = NOTHING

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Each task once."""
        return tuple({task.name: task for _, task in self.pairs}.values())


@dataclass(frozen=True)
class Preflight:
    """What the check gave. ``studies`` maps patients to what their folders hold (empty where features came ready)."""

    cohort: Cohort
    problems: tuple[Problem, ...]
    studies: Mapping[str, FolderFacts] = field(default_factory=dict)

    def usable(self) -> Cohort:
        """Return the cohort. Raises CohortInvalid, which carries the table, when work must not begin."""
        if blocking(self.problems):
            raise CohortInvalid(problems=self.problems)
        return self.cohort


def _ignore(done: int, total: int) -> None:
    """Take no notice of progress."""


def check_studies(
    path: Path,
    roles: Sequence[SeriesRole],
    tasks: Iterable[Task] = (),
    workers: int = 1,
    on_study: Callable[[int, int], None] = _ignore,
    choice: ConditioningChoice = NOTHING,
) -> Preflight:
    """Check cohort.csv and every study folder it names, for a recipe that reads ``roles`` and answers ``tasks``, with
    what is to be harmonised.

    ``on_study`` hears how many folders of how many were read. Nothing is decoded but one image per series.
    """
    reading = read_cohort(path, need_studies=True)
    problems = list(reading.problems)
    facts = _read_all(reading.cohort.patients, roles, workers, on_study)
    owner: dict[str, int] = {}
    able: list[Patient] = []
    for patient in reading.cohort.patients:
        line = reading.lines[patient.patient]
        found = study_problems(line, patient, facts[patient.patient], roles)
        found += _shared_study(line, facts[patient.patient], owner)
        problems += found
        if not blocking(found):
            able.append(patient)
    problems += _of_tasks(Cohort(tuple(able)), tasks, reading, choice)
    return Preflight(reading.cohort, _in_order(problems), facts)


def check_features(path: Path, features: Path, wanted: Wanted) -> tuple[Preflight, FeatureTable]:
    """Check cohort.csv against a ready feature table: everybody must have features or have been measured in vain, every
    task enough patients.

    Raises CohortInvalid for a wrong file before the table is looked at, and FeatureTableInvalid.
    """
    reading = read_cohort(path, need_studies=False)
    if blocking(reading.problems):
        raise CohortInvalid(problems=reading.problems)
    table = load_features(features)
    return check_table(reading, table, wanted), table


def check_table(reading: CohortReading, table: FeatureTable, wanted: Wanted) -> Preflight:
    """Check a cohort that was read without blocking problems against the rows of a table, by making the very data sets
    that the run will use."""
    problems: list[Problem] = list(reading.problems)
    known = set(table.patients)
    for patient in reading.cohort.patients:
        if patient.patient in table.absent:
            found = f"{patient.patient} gave no features: {table.absent[patient.patient]}"
            line = reading.lines[patient.patient]
            problems.append(Problem(line=line, column="features", found=found, remedy="Takes no part.", blocking=False))
        elif patient.patient not in known:
            found = f"no features of {patient.patient}"
            problems.append(
                Problem(
                    line=reading.lines[patient.patient],
                    column="features",
                    found=found,
                    remedy="Extract them, or remove the line.",
                )
            )
    problems += _of_empty_cells(table, wanted.conditioning)
    if reading.cohort.patients:
        problems += _of_data_sets(reading.cohort, table, wanted)
    return Preflight(reading.cohort, _in_order(problems))


def _of_empty_cells(table: FeatureTable, choice: ConditioningChoice) -> list[Problem]:
    """Without imputation a level with one empty cell is left out whole: told, because a few of them cost many."""
    missing = empty_cells(table)
    if not missing:
        return []
    features = list(table.feature_names)
    columns = [table.names.index(name) for name in features]
    rows = int((~np.isfinite(table.values[:, columns])).any(axis=1).sum())
    worst = ", ".join(f"{name} ({count})" for name, count in list(missing.items())[:3])
    found = f"{rows} of {len(table.patients)} rows have empty cells, most in {worst}"
    remedy = (
        "A level with an empty cell is left out, a patient with fewer than two levels, too; --impute fills them."
        if choice.impute is Imputation.NONE
        else "Filled from the patient's other levels, else inside the folds."
    )
    return [Problem(line=0, column="features", found=found, remedy=remedy, blocking=False)]


def _of_data_sets(cohort: Cohort, table: FeatureTable, wanted: Wanted) -> list[Problem]:
    problems: list[Problem] = []
    for item, task in wanted.pairs:
        name = f"{item.name}: {task.name}"
        choice = wanted.conditioning
        try:
            layout, dropped = usable_layout(table, item.roles, wanted.aggregation, wanted.stable_only, choice.impute)
        except FeatureTableInvalid as error:
            remedy = "Give such rows, or name the other inputs with --inputs."
            problems.append(Problem(line=0, column=name, found=error.detail, remedy=remedy))
            continue
        found = make_dataset(cohort.part(Part.DEVELOPMENT), table, layout, task, dropped, choice)
        positive = int(found.data.labels.sum())
        unfit = class_problems(name, positive, len(found.data.labels) - positive, wanted.folds)
        why = [reason for _, reason in found.left_out if reason.startswith(FEW_LEVELS)]
        if why and unfit:
            unfit = tuple(replace(item, found=f"{item.found}; {len(why)} have {why[0]}") for item in unfit)
        problems += _of_combat(name, found, choice)
        problems += unfit
        problems += confounding_remarks(name, confounding(found.patients, found.data.labels.tolist()))
    return problems


def _of_combat(name: str, found: Dataset, choice: ConditioningChoice) -> list[Problem]:
    """What ComBat lacks: two scanners of enough patients; and whom it cannot score."""
    if choice.batch is None:
        return []
    plan = found.data.conditioning
    withheld = Counter(why for _, why in found.left_out if why.startswith(WITHHELD))
    problems = [
        Problem(line=0, column=name, found=f"{count} patients: {why}", remedy="They take no part.", blocking=False)
        for why, count in withheld.items()
    ]
    return problems + _too_few_batches(name, plan.batches if plan else (), choice)


def _too_few_batches(name: str, known: Sequence[str], choice: ConditioningChoice) -> list[Problem]:
    if len(known) >= 2:
        return []
    there = ", ".join(known) or f"no {choice.batch}"
    told = f"ComBat needs two {choice.batch}s of {combat_patients_at_least()} patients; there is {there}"
    remedy = f"Fill in the column {choice.batch}, or leave out --harmonise."
    return [Problem(line=0, column=name, found=told, remedy=remedy)]


def _of_tasks(able: Cohort, tasks: Iterable[Task], reading: CohortReading, choice: ConditioningChoice) -> list[Problem]:
    """What the tasks lack; not told of a file that gave nobody, where it would only repeat that."""
    if not reading.cohort.patients:
        return []
    people = able.part(Part.DEVELOPMENT).patients
    problems: list[Problem] = []
    for task in tasks:
        problems += task_problems(able, task)
        labelled = [(patient, task.label(patient.category)) for patient in people if patient.category is not None]
        inside = [(patient, label) for patient, label in labelled if label is not None]
        found = confounding([patient for patient, _ in inside], [label for _, label in inside])
        problems += confounding_remarks(task.name, found)
        if choice.batch is not None:
            problems += _too_few_batches(task.name, known_batches([patient for patient, _ in inside], choice), choice)
    return problems


def _in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Lines first, in their order; what concerns the whole file last."""
    return tuple(sorted(problems, key=lambda problem: (problem.line == 0, problem.line)))


def _read_all(
    patients: Sequence[Patient], roles: Sequence[SeriesRole], workers: int, on_study: Callable[[int, int], None]
) -> dict[str, FolderFacts]:
    named = [
        StudyJob(patient.patient, patient.study, tuple(roles), (patient.masks, patient.masks_reader_2))
        for patient in patients
        if patient.study is not None
    ]
    facts: dict[str, FolderFacts] = {}

    def keep(found: Iterable[tuple[str, FolderFacts]]) -> dict[str, FolderFacts]:
        for name, study in found:
            facts[name] = study
            on_study(len(facts), len(named))
        return facts

    if workers <= 1:
        return keep(map(_read_one, named))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return keep(pool.map(_read_one, named, chunksize=4))


@dataclass(frozen=True)
class StudyJob:
    """One study to look into, with the masks of a first and a second reader, for one process."""

    patient: str
    folder: Path
    roles: tuple[SeriesRole, ...]
    masks: tuple[tuple[Path, ...], tuple[Path, ...]] = ((), ())


def _read_one(job: StudyJob) -> tuple[str, FolderFacts]:
    facts = read_study(job.folder, job.roles)
    first, second = (check_masks(drawn, job.folder, job.roles) if drawn else "" for drawn in job.masks)
    return job.patient, replace(facts, mask=first, mask_reader_2=second)


def study_problems(line: int, patient: Patient, facts: FolderFacts, roles: Sequence[SeriesRole]) -> list[Problem]:
    """Return what is wrong with one patient's study for a recipe that reads ``roles``."""

    def problem(found: str, remedy: str, column: str = "study", hard: bool = True) -> Problem:
        return Problem(line=line, column=column, found=found, remedy=remedy, blocking=hard)

    if facts.images == 0:
        found = f"{facts.damaged} damaged DICOM files, no readable one" if facts.damaged else "no DICOM images"
        return [problem(found, "Name the folder that holds the study's DICOM files.")]
    problems: list[Problem] = []
    if facts.damaged:
        problems.append(problem(f"{facts.damaged} damaged DICOM files", "Copy the study again from the archive."))
    if len(facts.studies) > 1:
        problems.append(problem(f"{len(facts.studies)} studies in one folder", "Give each study its own folder."))
    missing = [role for role in roles if role not in facts.series]
    if missing:
        wanted = " or ".join(missing) if len(missing) == len(roles) else ", ".join(missing)
        why = f" ({facts.refused[0].rstrip('.')})" if facts.refused else ""
        all_gone = len(missing) == len(roles)
        remedy = "Add the series, or remove the line." if all_gone else "Takes no part in inputs that need it."
        problems.append(problem(f"no usable {wanted} series{why}", remedy, hard=all_gone))
    for role, what in facts.undecodable.items():
        problems.append(problem(f"{role}: {what}", "Copy the study again, or send it uncompressed."))
    remedy = "Draw on the grid of the series, or export the mask again; DICOM SEG must name the levels."
    problems += [
        problem(what, remedy, column)
        for column, what in (("mask", facts.mask), ("mask_reader_2", facts.mask_reader_2))
        if what
    ]
    return problems + _contradictions(line, patient, facts)


def _contradictions(line: int, patient: Patient, facts: FolderFacts) -> list[Problem]:
    """Facts of the person that differ between cohort.csv and the images: often a line of somebody else."""
    found: list[Problem] = []
    remedy = "Make sure that line and study are of the same person."
    if facts.sex and facts.sex != patient.sex:
        found.append(
            Problem(
                line=line,
                column="sex",
                found=f"{patient.sex}, but {facts.sex} in the images",
                remedy=remedy,
                blocking=False,
            )
        )
    if facts.age_years is not None and abs(facts.age_years - patient.age_years) > AGE_TOLERANCE_YEARS:
        text = f"{patient.age_years:g}, but {facts.age_years:.0f} in the images"
        found.append(Problem(line=line, column="age_years", found=text, remedy=remedy, blocking=False))
    return found


def _shared_study(line: int, facts: FolderFacts, owner: dict[str, int]) -> list[Problem]:
    """The same DICOM study under two lines is one person twice, whatever the folders are called."""
    first = [owner[uid] for uid in sorted(facts.studies) if uid in owner]
    owner.update({uid: line for uid in facts.studies if uid not in owner})
    if not first:
        return []
    return [
        Problem(
            line=line,
            column="study",
            found=f"holds the same DICOM study as line {first[0]}",
            remedy="Keep one line for each patient.",
        )
    ]
