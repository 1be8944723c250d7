"""``trabecula-train run``: a recipe on a cohort, to metrics.json and report.html."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from trabecula_training.cohort import Cohort
from trabecula_training.commands.output import errors_as_exit_code, progress_bar
from trabecula_training.errors import RecipeUnknown
from trabecula_training.features import FeatureTable
from trabecula_training.metrics_json import RunFiles, run_document, write_document
from trabecula_training.preflight import check_features
from trabecula_training.recipe import Recipe
from trabecula_training.recipes import radiomics_recipe
from trabecula_training.report import render_report, write_figures, write_report
from trabecula_training.run import Mode, RunSettings, TaskRun, chosen, run_recipe, steps_of

app = typer.Typer()

Names = Annotated[list[str] | None, typer.Option(help="Repeat for several; default all of the recipe's.")]


@app.command("run")
def run_command(
    recipe: Annotated[str, typer.Argument(help="jiang2026, radscore or xue2022.")],
    cohort: Annotated[Path, typer.Option(help="cohort.csv: patient, reference value, age, sex ...")],
    features: Annotated[Path, typer.Option(help="The feature table of the cohort (.npz, or .csv).")],
    out: Annotated[Path, typer.Option(help="Folder for metrics.json and report.html.")],
    mode: Annotated[Mode, typer.Option(help="paper: the study's own order, optimistic, never exported.")] = Mode.SOUND,
    inputs: Names = None,
    tasks: Names = None,
    models: Names = None,
    folds: Annotated[int, typer.Option(min=2)] = 5,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats of the outer folds.")] = 5,
    seed: Annotated[int, typer.Option(min=0)] = 20260101,
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = 1,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap samples for the intervals.")] = 2000,
) -> None:
    """Train and validate a recipe on a cohort; nothing is computed before the whole cohort was checked."""
    names = (tuple(inputs or ()), tuple(tasks or ()), tuple(models or ()))
    settings = RunSettings(mode, *names, folds, repeats, seed, workers, resamples)
    files = RunFiles(cohort.resolve(), features.resolve(), " ".join(["trabecula-train", *sys.argv[1:]]))
    with errors_as_exit_code():
        chosen_recipe = radiomics_recipe(recipe)
        people, table = checked(chosen_recipe, settings, cohort, features)
        runs = _with_progress(chosen_recipe, people, table, settings)
        out.mkdir(parents=True, exist_ok=True)
        document = run_document(chosen_recipe, settings, runs, people, table, files)
        metrics = write_document(document, out)
        report = write_report(render_report(chosen_recipe, document, runs), out)
        write_figures(runs, out)
    typer.echo(f"{metrics}\n{report}")


def checked(recipe: Recipe, settings: RunSettings, cohort: Path, features: Path) -> tuple[Cohort, FeatureTable]:
    """Return cohort and features. Raises CohortInvalid, which carries everything that is wrong, RecipeUnknown for a
    name the recipe does not have, FeatureTableInvalid."""
    try:
        pairs = chosen(recipe, settings)
        for name in settings.families:
            recipe.family(name)
    except KeyError as error:
        raise RecipeUnknown(f"{recipe.name} has no {error.args[0]}") from error
    found, table = check_features(cohort, features, {task.name: task for _, task in pairs}.values())
    return found.usable(), table


def _with_progress(recipe: Recipe, cohort: Cohort, table: FeatureTable, settings: RunSettings) -> tuple[TaskRun, ...]:
    with progress_bar() as progress:
        task = progress.add_task(recipe.name, total=steps_of(recipe, settings))

        def on_step(stage: str) -> None:
            progress.update(task, advance=1, description=f"{recipe.name}: {stage}")

        return run_recipe(recipe, cohort, table, settings, on_step)
