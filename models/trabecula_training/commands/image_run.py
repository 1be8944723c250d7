"""A recipe on images from cohort.csv to metrics.json and report.html: crops first, then what all recipes share."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from trabecula.domain.results.result import SeriesRole
from trabecula.scoring.crops.definition import DEFINITION_NAMES, CropDefinition, load_crop_definition
from trabecula_training.cnn.crop_bank import CropBank, load_crops
from trabecula_training.cnn.crop_extraction import extract_crops
from trabecula_training.cnn.image_recipe import ImageRecipe
from trabecula_training.cnn.networks import Network
from trabecula_training.cnn.training import device
from trabecula_training.cohort.cohort_csv import read_cohort
from trabecula_training.cohort.labels import Task
from trabecula_training.commands.output import error_console, print_problems, progress_bar
from trabecula_training.commands.radiomics_run import (
    RadiomicsJob,
    RadiomicsRun,
    believed,
    checked_studies,
    chosen_pairs,
    validated,
)
from trabecula_training.errors import CohortInvalid, RecipeUnknown
from trabecula_training.problems import blocking
from trabecula_training.reporting.facts import Answers
from trabecula_training.runs.preflight import Wanted, check_table
from trabecula_training.runs.run import RunSettings


@dataclass(frozen=True, kw_only=True)
class ImageJob:
    """What to run on what.

    ``crops`` is a ready bank; None: cut from the cohort's studies by ``definition`` (empty: the recipe's for the mode).
    ``weights`` is a site's own file to start from. ``look_first``: every study folder is looked into before any is
    measured.
    """

    recipe: ImageRecipe
    settings: RunSettings
    cohort: Path
    out: Path
    command: str
    crops: Path | None = None
    definition: str = ""
    weights: Path | None = None
    look_first: bool = True
    facts: Answers = field(default_factory=dict)


def run_images(job: ImageJob) -> RadiomicsRun:
    """Check, cut crops where there are none, validate, and write metrics.json, report.html and figures.

    Raises CohortInvalid, RecipeUnknown and FeatureTableInvalid; then nothing but crops was written.
    """
    if job.definition not in ("", *DEFINITION_NAMES):
        raise RecipeUnknown(f"there is no crop definition {job.definition}, only {', '.join(DEFINITION_NAMES)}")
    recipe = job.recipe.with_weights(job.settings.families, job.weights)
    names = chosen_pairs(recipe.on(CropBank((), _definition(job))), job.settings)
    tasks = tuple({task.name: task for _, task in names}.values())
    _warn_of_time(recipe)
    place = job.crops or _cut(job, tuple(dict.fromkeys(role for item, _ in names for role in item.roles)), tasks)
    bank = load_crops(place)
    table = bank.table()
    reading = read_cohort(job.cohort, need_studies=False)
    if blocking(reading.problems):
        raise CohortInvalid(problems=reading.problems)
    found = check_table(reading, table, Wanted(pairs=names, folds=job.settings.folds))
    cohort = found.usable()
    if found.problems:
        print_problems(found.problems)
    plain = RadiomicsJob(
        recipe=recipe.on(bank.labelled(cohort)),
        settings=job.settings,
        cohort=job.cohort,
        out=job.out,
        command=job.command,
        facts=job.facts,
    )
    return validated(plain, cohort, table, place)


def crops_place(cohort: Path, definition: str, out: Path) -> Path:
    """Return where a cohort's crops lie: beside cohort.csv, or in ``out`` where that folder may not be written."""
    folder = cohort.parent if os.access(cohort.parent, os.W_OK) else out
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{definition}.npz"


def _warn_of_time(recipe: ImageRecipe) -> None:
    """Say what a processor must expect of a large network."""
    large = [plan.network for plan in recipe.plans if plan.network is not Network.SMALL]
    if large and device().type == "cpu":
        error_console.print(
            f"No graphics card: {', '.join(large)} will take days; --models {recipe.small} takes minutes.",
            markup=False,
            highlight=False,
        )


def _definition(job: ImageJob) -> CropDefinition:
    return load_crop_definition(job.recipe.definition(job.settings.mode, job.definition))


def _cut(job: ImageJob, roles: tuple[SeriesRole, ...], tasks: tuple[Task, ...]) -> Path:
    """Cut the crops of every study under a progress bar and return where they lie."""
    workers = job.settings.processes
    cohort = checked_studies(job.cohort, roles, tasks, workers) if job.look_first else believed(job.cohort)
    definition = _definition(job).name
    place = crops_place(job.cohort, definition, job.out)
    with progress_bar() as progress:
        shown = progress.add_task(f"crops {definition}", total=len(cohort.patients))
        extract_crops(cohort, definition, place, workers, lambda _: progress.advance(shown))
    return place
