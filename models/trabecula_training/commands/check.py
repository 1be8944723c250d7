"""``trabecula-train check``: what is wrong with a cohort, and which series each study offers, before any work."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from trabecula_training.commands.output import (
    console,
    errors_as_exit_code,
    plain_table,
    print_json,
    print_problems,
    progress_bar,
)
from trabecula_training.plain import to_plain
from trabecula_training.preflight import Preflight, check_features, check_studies
from trabecula_training.problems import counted
from trabecula_training.recipe import Recipe
from trabecula_training.recipes import radiomics_recipe

app = typer.Typer()


@app.command("check")
def check_command(
    recipe: Annotated[str, typer.Argument(help="The recipe whose series and tasks are asked for.")],
    cohort: Annotated[Path, typer.Option(help="cohort.csv: patient, study folder, reference value, age, sex ...")],
    features: Annotated[
        Path | None, typer.Option(help="Check against this feature table instead of the study folders.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that read headers.")] = os.cpu_count() or 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check every line, every study folder and every task; nothing is computed or written."""
    with errors_as_exit_code(as_json):
        chosen = radiomics_recipe(recipe)
        found = (
            check_features(cohort, features, chosen.tasks)[0]
            if features is not None
            else _check_folders(chosen, cohort, workers)
        )
        found.usable()
    if as_json:
        print_json(
            {"patients": len(found.cohort.patients), **to_plain({"problems": found.problems}), **_studies(found)}
        )
        return
    if found.problems:
        print_problems(found.problems)
    console.print(plain_table("Series by study", ("series that can be measured", "patients"), _by_series(found)))
    console.print(f"{len(found.cohort.patients)} patients, {counted(found.problems)}: {recipe} can begin.")


def _check_folders(recipe: Recipe, cohort: Path, workers: int) -> Preflight:
    roles = tuple(dict.fromkeys(role for item in recipe.inputs for role in item.roles))
    with progress_bar() as progress:
        task = progress.add_task("studies", total=None)

        def on_study(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return check_studies(cohort, roles, recipe.tasks, workers, on_study)


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
