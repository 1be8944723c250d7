"""``trabecula-train leak-check``: on pure noise, paper mode must look good and sound mode must not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from trabecula_training.commands.output import errors_as_exit_code, progress_bar
from trabecula_training.learning.splits import Split
from trabecula_training.recipes import IMAGE_RECIPES, RECIPE_NAMES, image_recipe, radiomics_recipe
from trabecula_training.runs.leak_check import LeakCheck, LeakPlan, leak_check

app = typer.Typer()

EXIT_FAILED_CHECK = 1


@app.command("leak-check")
def leak_check_command(
    recipe: Annotated[str, typer.Argument(help=f"One of {', '.join(RECIPE_NAMES)}.")],
    small: Annotated[
        bool, typer.Option("--small", help="A form for continuous integration: under two minutes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON line, last.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same noise.")] = 1,
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = 1,
) -> None:
    """Run a recipe on pure noise in both modes; exit code 1 when it fails the test."""
    with errors_as_exit_code():
        check = _check_of(recipe)
        plan = LeakPlan(small, seed, workers)
        with progress_bar() as progress:
            task = progress.add_task(f"{recipe} on noise", total=5 * plan.repeats)
            found = check(plan, lambda split: progress.advance(task))
    low, high = found.sound_ci
    if as_json:
        document = {
            "recipe": found.recipe,
            "paper_auc": round(found.paper_auc, 4),
            "sound_auc": round(found.sound_auc, 4),
            "sound_ci": [round(low, 4), round(high, 4)],
        }
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        typer.echo(
            f"{found.recipe} on pure noise: paper mode AUC {found.paper_auc:.3f} (optimism), "
            f"sound mode {found.sound_auc:.3f} ({low:.3f} to {high:.3f}): {'passed' if found.passed else 'FAILED'}"
        )
    if not found.passed:
        raise typer.Exit(EXIT_FAILED_CHECK)


def _check_of(recipe: str) -> Callable[[LeakPlan, Callable[[Split], None]], LeakCheck]:
    if recipe in IMAGE_RECIPES:
        chosen = image_recipe(recipe)
        from trabecula_training.cnn.leak_check import leak_check_on_images

        return partial(leak_check_on_images, chosen)
    return partial(leak_check, radiomics_recipe(recipe))
