"""``trabecula-train run``: a recipe on a cohort, to metrics.json and report.html."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trabecula.domain.models.conditioning import Batch, Imputation
from trabecula_training.commands.options.conditioning import (
    BatchOption,
    Covariates,
    Harmonisation,
    Harmonise,
    Impute,
    conditioning_choice,
    refuse_conditioning,
)
from trabecula_training.commands.output import errors_as_exit_code, print_json
from trabecula_training.commands.radiomics_run import RadiomicsJob, RadiomicsRun, run_radiomics
from trabecula_training.commands.shown.summary import print_summary, summary_document
from trabecula_training.recipes import IMAGE_RECIPES, RECIPE_NAMES, image_recipe, radiomics_recipe
from trabecula_training.reporting.facts import Answers, read_facts
from trabecula_training.runs.run import Mode, RunSettings

app = typer.Typer()

Names = Annotated[list[str] | None, typer.Option(help="Repeat for several; default all of the recipe's.")]
FactsFile = Annotated[
    Path | None,
    typer.Option("--facts", help="What only people know, for the checklist (`trabecula-train template facts.toml`)."),
]


@app.command("run")
def run_command(
    recipe: Annotated[str, typer.Argument(help=f"One of {', '.join(RECIPE_NAMES)}.")],
    cohort: Annotated[Path, typer.Option(help="cohort.csv: patient, reference value, age, sex ...")],
    out: Annotated[Path, typer.Option(file_okay=False, help="Folder for metrics.json and report.html.")],
    features: Annotated[
        Path | None,
        typer.Option(help="A feature table of the cohort (.npz, .csv), or its crops; without it they are made."),
    ] = None,
    mode: Annotated[Mode, typer.Option(help="paper: the study's own order, optimistic, never exported.")] = Mode.SOUND,
    inputs: Names = None,
    tasks: Names = None,
    models: Names = None,
    folds: Annotated[int, typer.Option(min=2)] = 5,
    repeats: Annotated[int | None, typer.Option(min=1, help="Repeats of the outer folds; 5, of networks 1.")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 20260101,
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = os.cpu_count() or 1,
    stability: Annotated[
        int, typer.Option(min=0, help="Patients whose outlines are perturbed where features are extracted.")
    ] = 10,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap samples for the intervals.")] = 2000,
    crops: Annotated[str, typer.Option(help="Crop definition of networks; default the recipe's for the mode.")] = "",
    impute: Impute = Imputation.NONE,
    harmonise: Harmonise = Harmonisation.NONE,
    batch: BatchOption = Batch.SCANNER,
    covariates: Covariates = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights of one's own from which networks start (torch state dictionary).")
    ] = None,
    facts: FactsFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict, or what is wrong, as JSON.")] = False,
) -> None:
    """Train and validate a recipe on a cohort; nothing is computed before the whole cohort was checked.

    Features are kept beside cohort.csv: a run that was broken off, and the next run, measure only what is new.
    """
    of_images = recipe in IMAGE_RECIPES
    settings = RunSettings(
        mode=mode,
        inputs=tuple(inputs or ()),
        tasks=tuple(tasks or ()),
        families=tuple(models or ()),
        folds=folds,
        repeats=repeats or (1 if of_images else 5),
        seed=seed,
        processes=workers,
        resamples=resamples,
        conditioning=conditioning_choice(impute, harmonise, batch, covariates),
    )
    with errors_as_exit_code(as_json):
        place = RunPlace(
            cohort=cohort,
            out=out,
            made=features,
            command=" ".join(["trabecula-train", *sys.argv[1:]]),
            facts=read_facts(facts) if facts else {},
        )
        done = run_chosen(recipe, settings, place, stability=stability, crops=crops, weights=weights)
    if as_json:
        print_json(summary_document(done.document, done.metrics, done.report))
    else:
        print_summary(Console(), done.document, done.metrics, done.report)


@dataclass(frozen=True, kw_only=True)
class RunPlace:
    """Where a run reads and writes: ``made`` are features or crops that are there already; ``facts`` are people's
    answers."""

    cohort: Path
    out: Path
    made: Path | None
    command: str
    facts: Answers = field(default_factory=dict)


def run_chosen(
    recipe: str,
    settings: RunSettings,
    place: RunPlace,
    *,
    stability: int = 0,
    crops: str = "",
    weights: Path | None = None,
) -> RadiomicsRun:
    """Run a recipe of either kind by its name. Raises RecipeUnknown, ConditioningRefused, CohortInvalid and others."""
    refuse_conditioning(settings.conditioning, recipe, settings.mode)
    if recipe in IMAGE_RECIPES:
        return _run_images(recipe, settings, place, crops, weights)
    return _run_radiomics(recipe, settings, place, stability)


def _run_images(recipe: str, settings: RunSettings, place: RunPlace, crops: str, weights: Path | None) -> RadiomicsRun:
    chosen = image_recipe(recipe)
    from trabecula_training.commands.image_run import ImageJob, run_images

    return run_images(
        ImageJob(
            recipe=chosen,
            settings=settings,
            cohort=place.cohort,
            out=place.out,
            command=place.command,
            crops=place.made,
            definition=crops,
            weights=weights,
            facts=place.facts,
        )
    )


def _run_radiomics(recipe: str, settings: RunSettings, place: RunPlace, stability: int) -> RadiomicsRun:
    return run_radiomics(
        RadiomicsJob(
            recipe=radiomics_recipe(recipe),
            settings=settings,
            cohort=place.cohort,
            out=place.out,
            command=place.command,
            features=place.made,
            stability=stability,
            facts=place.facts,
        )
    )
