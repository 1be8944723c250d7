"""A radiomics recipe from cohort.csv to metrics.json and report.html, with its progress shown; for several commands."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trabecula.domain.results.result import SeriesRole
from trabecula_training.cohort.cohort_csv import read_cohort
from trabecula_training.cohort.labels import Task
from trabecula_training.cohort.table import Cohort
from trabecula_training.commands.output import print_problems, progress_bar
from trabecula_training.errors import CohortInvalid, RecipeUnknown
from trabecula_training.features.of_cohort import Extraction, extract_features, features_place
from trabecula_training.features.table import FeatureTable
from trabecula_training.learning.conditioning.plan import NOTHING, ConditioningChoice
from trabecula_training.learning.recipe import InputSet, Recipe
from trabecula_training.problems import blocking
from trabecula_training.reporting.facts import Answers
from trabecula_training.reporting.metrics_json import RunFiles, run_document, write_document
from trabecula_training.reporting.report import render_report, write_figures, write_report
from trabecula_training.runs.preflight import Wanted, check_features, check_studies
from trabecula_training.runs.run import Mode, RunSettings, TaskRun, chosen, run_recipe, steps_of

FOLDS_FOLDER = "folds"
"""Where finished outer folds are kept in the folder of a run, until it is done."""


@dataclass(frozen=True, kw_only=True)
class RadiomicsJob:
    """What to run on what. ``features`` is a ready table; None: extracted from the cohort's studies, with
    ``stability`` patients perturbed. ``command`` is what the manifest will name as its making. ``look_first``: every
    study folder is looked into before any of them is measured. ``facts`` are people's answers for the checklist."""

    recipe: Recipe
    settings: RunSettings
    cohort: Path
    out: Path
    command: str
    features: Path | None = None
    stability: int = 0
    look_first: bool = True
    facts: Answers = field(default_factory=dict)


@dataclass(frozen=True)
class RadiomicsRun:
    """What came of it: the document of metrics.json, and the files."""

    document: dict[str, Any]
    metrics: Path
    report: Path


def run_radiomics(job: RadiomicsJob) -> RadiomicsRun:
    """Check, extract where there is no table, validate, and write metrics.json, report.html and figures.

    Raises CohortInvalid, which carries everything that is wrong, RecipeUnknown for a name the recipe does not have,
    FeatureTableInvalid; then nothing but a feature table was written.
    """
    pairs = chosen_pairs(job.recipe, job.settings)
    tasks = tuple({task.name: task for _, task in pairs}.values())
    features = job.features or _extracted(job, tuple(role for item, _ in pairs for role in item.roles), tasks)
    wanted = Wanted(
        pairs=pairs,
        aggregation=job.recipe.aggregation,
        folds=job.settings.folds if job.settings.mode is Mode.SOUND else 2,
        stable_only=job.settings.mode is Mode.SOUND,
        conditioning=job.settings.conditioning,
    )
    found, table = check_features(job.cohort, features, wanted)
    cohort = found.usable()
    if found.problems:
        print_problems(found.problems)
    return validated(job, cohort, table, features)


def validated(job: RadiomicsJob, cohort: Cohort, table: FeatureTable, features: Path) -> RadiomicsRun:
    """Validate the job's recipe on a checked cohort and its table, which lies in ``features``, and write all files."""
    job.out.mkdir(parents=True, exist_ok=True)
    runs = _with_progress(job, cohort, table)
    files = RunFiles(_seen_from(job.out, job.cohort), _seen_from(job.out, features), job.command, job.facts)
    document = run_document(job.recipe, job.settings, runs, cohort, table, files)
    metrics = write_document(document, job.out)
    report = write_report(render_report(job.recipe, document, runs), job.out)
    write_figures(runs, job.out)
    shutil.rmtree(job.out / FOLDS_FOLDER, ignore_errors=True)
    return RadiomicsRun(document, metrics, report)


def _seen_from(folder: Path, file: Path) -> Path:
    """A path that stays right when folder and file move together, and tells nothing of the computer."""
    return Path(os.path.relpath(file.resolve(), folder.resolve()))


def chosen_pairs(recipe: Recipe, settings: RunSettings) -> tuple[tuple[InputSet, Task], ...]:
    """Return the inputs and tasks to run. Raises RecipeUnknown for a name, also of a model, that the recipe lacks."""
    try:
        for name in settings.families:
            recipe.family(name)
        return chosen(recipe, settings)
    except KeyError as error:
        raise RecipeUnknown(f"{recipe.name} has no {error.args[0]}") from error


def _extracted(job: RadiomicsJob, roles: Sequence[SeriesRole], tasks: Sequence[Task]) -> Path:
    workers = job.settings.processes
    if job.look_first:
        needed = tuple(dict.fromkeys(roles))
        cohort = checked_studies(job.cohort, needed, tasks, workers, job.settings.conditioning)
    else:
        cohort = believed(job.cohort)
    place = features_place(job.cohort, job.recipe.feature_set, job.out)
    shown_extraction(cohort, Extraction(job.recipe.feature_set, workers, job.stability), place)
    return place


def believed(path: Path) -> Cohort:
    """Return the cohort of studies that this program has just written itself: nobody looks into them twice."""
    reading = read_cohort(path, need_studies=True)
    if blocking(reading.problems):
        raise CohortInvalid(problems=reading.problems)
    return reading.cohort


def checked_studies(
    cohort: Path, roles: Sequence[SeriesRole], tasks: Sequence[Task], workers: int, choice: ConditioningChoice = NOTHING
) -> Cohort:
    """Return the cohort after a look into every study folder; remarks are printed. Raises CohortInvalid."""
    with progress_bar() as progress:
        shown = progress.add_task("checking studies", total=None)

        def on_study(done: int, total: int) -> None:
            progress.update(shown, completed=done, total=total)

        found = check_studies(cohort, roles, tasks, workers, on_study, choice)
    people = found.usable()
    if found.problems:
        print_problems(found.problems)
    return people


def shown_extraction(cohort: Cohort, extraction: Extraction, place: Path) -> FeatureTable:
    """Return the feature table, extracted under a progress bar; what was kept earlier counts at once."""
    with progress_bar() as progress:
        shown = progress.add_task(f"features {extraction.set_name}", total=len(cohort.patients))
        return extract_features(cohort, extraction, place, lambda _: progress.advance(shown))


def _with_progress(job: RadiomicsJob, cohort: Cohort, table: FeatureTable) -> tuple[TaskRun, ...]:
    name = job.recipe.name
    with progress_bar() as progress:
        shown = progress.add_task(name, total=steps_of(job.recipe, job.settings))

        def on_step(stage: str) -> None:
            progress.update(shown, advance=1, description=f"{name}: {stage}")

        return run_recipe(job.recipe, cohort, table, job.settings, on_step, job.out / FOLDS_FOLDER)
