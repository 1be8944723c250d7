"""``trabecula-train check``: what is wrong with a cohort, and which series each study offers, before any work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trabecula.cli.tables import print_table_to
from trabecula.domain.models.conditioning import Batch, Imputation
from trabecula.domain.models.feature_layout import LevelAggregation
from trabecula_training.cohort.labels import Task
from trabecula_training.commands.options.conditioning import (
    BatchOption,
    Harmonisation,
    Harmonise,
    Impute,
    conditioning_choice,
    refuse_conditioning,
)
from trabecula_training.commands.output import (
    console,
    errors_as_exit_code,
    plain_table,
    print_json,
    print_problems,
    progress_bar,
)
from trabecula_training.errors import CohortInvalid, RecipeUnknown
from trabecula_training.learning.conditioning.plan import NOTHING, ConditioningChoice
from trabecula_training.learning.recipe import InputSet, Recipe
from trabecula_training.problems import Problem, counted
from trabecula_training.recipes import IMAGE_RECIPES, RECIPE_NAMES, image_recipe, radiomics_recipe
from trabecula_training.reporting.plain import to_plain
from trabecula_training.runs.preflight import Preflight, Wanted, check_features, check_studies

if TYPE_CHECKING:
    from trabecula_training.cnn.image_recipe import ImageRecipe

app = typer.Typer()


@app.command("check")
def check_command(
    recipe: Annotated[
        str, typer.Argument(help=f"One of {', '.join(RECIPE_NAMES)}: whose series and tasks are asked for.")
    ],
    cohort: Annotated[Path, typer.Option(help="cohort.csv: patient, study folder, reference value, age, sex ...")],
    features: Annotated[
        Path | None, typer.Option(help="Check against this feature table instead of the study folders.")
    ] = None,
    inputs: Annotated[list[str] | None, typer.Option(help="Repeat for several; default all of the recipe's.")] = None,
    tasks: Annotated[list[str] | None, typer.Option(help="Repeat for several; default all of the recipe's.")] = None,
    folds: Annotated[int, typer.Option(min=2, help="Outer folds that the run will have.")] = 5,
    impute: Impute = Imputation.NONE,
    harmonise: Harmonise = Harmonisation.NONE,
    batch: BatchOption = Batch.SCANNER,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read headers.")] = os.cpu_count() or 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check every line, every study folder and every task; nothing is computed or written."""
    with errors_as_exit_code(as_json):
        chosen = image_recipe(recipe) if recipe in IMAGE_RECIPES else radiomics_recipe(recipe)
        choice = conditioning_choice(impute, harmonise, batch, None)
        refuse_conditioning(choice, recipe)
        questions = _questions(recipe, chosen.tasks, tasks or ())
        found = (
            check_features(cohort, features, _wanted(chosen, inputs or (), questions, folds, choice))[0]
            if features is not None
            else _check_folders(chosen.inputs, questions, cohort, workers, choice)
        )
        found.usable()
    if as_json:
        print_json(
            {"patients": len(found.cohort.patients), **to_plain({"problems": found.problems}), **_studies(found)}
        )
        return
    if found.problems:
        print_problems(found.problems)
    columns = ("series that can be measured", "patients")
    print_table_to(console, plain_table("Series by study", columns, _by_series(found)))
    console.print(f"{len(found.cohort.patients)} patients, {counted(found.problems)}: {recipe} can begin.")


def problems_of(recipe: str, cohort: Path, features: Path | None, workers: int = 1) -> tuple[Problem, ...]:
    """Return everything that is wrong for all inputs and tasks of a recipe. Raises RecipeUnknown."""
    chosen = image_recipe(recipe) if recipe in IMAGE_RECIPES else radiomics_recipe(recipe)
    try:
        if features is None:
            return tuple(_check_folders(chosen.inputs, chosen.tasks, cohort, workers).problems)
        return tuple(check_features(cohort, features, _wanted(chosen, (), chosen.tasks, 5, NOTHING))[0].problems)
    except CohortInvalid as error:
        return tuple(error.problems)


def _wanted(
    recipe: Recipe | ImageRecipe, inputs: Sequence[str], tasks: Sequence[Task], folds: int, choice: ConditioningChoice
) -> Wanted:
    """What a run of the recipe with these names would ask. Raises RecipeUnknown."""
    offered = {item.name: item for item in recipe.inputs}
    unknown = [name for name in inputs if name not in offered]
    if unknown:
        raise RecipeUnknown(f"{recipe.name} has no {unknown[0]}")
    chosen = [offered[name] for name in inputs] or list(recipe.inputs)
    aggregation = recipe.aggregation if isinstance(recipe, Recipe) else LevelAggregation.MEAN
    pairs = tuple((item, task) for item in chosen for task in tasks)
    return Wanted(pairs=pairs, aggregation=aggregation, folds=folds, conditioning=choice)


def _questions(recipe: str, offered: Sequence[Task], names: Sequence[str]) -> Sequence[Task]:
    """The tasks of these names, or all. Raises RecipeUnknown for a name the recipe does not have."""
    by_name = {task.name: task for task in offered}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise RecipeUnknown(f"{recipe} has no {unknown[0]}")
    return [by_name[name] for name in names] or offered


def _check_folders(
    inputs: Sequence[InputSet],
    tasks: Sequence[Task],
    cohort: Path,
    workers: int,
    choice: ConditioningChoice = NOTHING,
) -> Preflight:
    roles = tuple(dict.fromkeys(role for item in inputs for role in item.roles))
    with progress_bar() as progress:
        task = progress.add_task("studies", total=None)

        def on_study(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return check_studies(cohort, roles, tasks, workers, on_study, choice)


def _by_series(found: Preflight) -> list[tuple[str, str]]:
    counts: dict[str, int] = {}
    for facts in found.studies.values():
        name = ", ".join(facts.series) or "none"
        counts[name] = counts.get(name, 0) + 1
    return [(name, str(count)) for name, count in sorted(counts.items())] or [("features given", "all")]


def _studies(found: Preflight) -> dict[str, object]:
    """Per patient how many series each role has, and how many images the folder holds."""
    return {
        "studies": {
            name: {"images": facts.images, "series": {str(role): count for role, count in facts.series.items()}}
            for name, facts in found.studies.items()
        }
    }
