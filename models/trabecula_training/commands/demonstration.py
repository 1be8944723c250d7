"""``trabecula-train demonstration``: a shipped demonstration bundle from nothing, by one command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from trabecula_training.cohort.phantoms import COHORT_FILE
from trabecula_training.commands.output import errors_as_exit_code
from trabecula_training.commands.phantom_cohort import shown_cohort
from trabecula_training.commands.radiomics_run import RadiomicsJob, RadiomicsRun, run_radiomics
from trabecula_training.export.bundle import ExportRequest, export_bundle
from trabecula_training.export.demonstration import Demonstration, demonstration
from trabecula_training.recipes import IMAGE_RECIPES, image_recipe, radiomics_recipe
from trabecula_training.runs.run import RunSettings

app = typer.Typer()


@app.command("demonstration")
def demonstration_command(
    recipe: Annotated[str, typer.Argument(help="xue2022, radscore or b4_2026.")],
    out: Annotated[Path, typer.Option(help="Folder for cohort/, run/ and bundles/; a broken-off one goes on.")],
    bundles: Annotated[Path | None, typer.Option(help="Folder for the bundle; default bundles/ in --out.")] = None,
    patients: Annotated[int | None, typer.Option(min=40, help="Another size than the shipped one's.")] = None,
    repeats: Annotated[int | None, typer.Option(min=1, help="Repeats of the outer folds.")] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap samples for the intervals.")] = 2000,
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = os.cpu_count() or 1,
) -> None:
    """Make a cohort of digital phantoms, extract, validate, and export the bundle that says what it is."""
    with errors_as_exit_code():
        plan = demonstration(recipe).of(patients)
        place = bundles or out / "bundles"
        plan.refuse_existing(place)
        shown_cohort(plan.cohort, out / "cohort", workers)
        settings = RunSettings(
            inputs=plan.inputs if recipe in IMAGE_RECIPES else (),
            families=tuple(name for _, name in plan.classifiers) if recipe in IMAGE_RECIPES else (),
            repeats=repeats or plan.repeats,
            resamples=resamples,
            processes=workers,
        )
        done = _validated(plan, settings, out, _command(recipe, patients, repeats, resamples))
        made = [_exported(request, recipe) for request in plan.requests(out / "run", place)]
    typer.echo("\n".join(map(str, (done.metrics, done.report, *made))))


def _validated(plan: Demonstration, settings: RunSettings, out: Path, command: str) -> RadiomicsRun:
    cohort, run = out / "cohort" / COHORT_FILE, out / "run"
    if plan.recipe not in IMAGE_RECIPES:
        recipe = radiomics_recipe(plan.recipe)
        perturbed = plan.perturbed_patients
        return run_radiomics(
            RadiomicsJob(
                recipe=recipe,
                settings=settings,
                cohort=cohort,
                out=run,
                command=command,
                stability=perturbed,
                look_first=False,
            )
        )
    images = image_recipe(plan.recipe)
    from trabecula_training.commands.image_run import ImageJob, run_images

    return run_images(
        ImageJob(recipe=images, settings=settings, cohort=cohort, out=run, command=command, look_first=False)
    )


def _exported(request: ExportRequest, recipe: str) -> Path:
    if recipe not in IMAGE_RECIPES:
        return export_bundle(request, radiomics_recipe)
    from trabecula_training.cnn.export import export_image_bundle

    return export_image_bundle(request, image_recipe)


def _command(recipe: str, patients: int | None, repeats: int | None, resamples: int) -> str:
    """What makes the same bundle again: everything that shapes it, and no path."""
    changed = f" --patients {patients}" if patients is not None else ""
    changed += f" --repeats {repeats}" if repeats is not None else ""
    changed += f" --resamples {resamples}" if resamples != RunSettings.resamples else ""
    return f"trabecula-train demonstration {recipe} --out DIR{changed}"
