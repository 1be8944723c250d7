"""``trabecula-train demonstration``: a shipped demonstration bundle from nothing, by one command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from trabecula_training.commands.output import errors_as_exit_code
from trabecula_training.commands.phantom_cohort import shown_cohort
from trabecula_training.commands.radiomics_run import RadiomicsJob, run_radiomics
from trabecula_training.demonstration import demonstration
from trabecula_training.export import export_bundle
from trabecula_training.phantom_cohort import COHORT_FILE
from trabecula_training.recipes import radiomics_recipe
from trabecula_training.run import RunSettings

app = typer.Typer()


@app.command("demonstration")
def demonstration_command(
    recipe: Annotated[str, typer.Argument(help="xue2022 or radscore.")],
    out: Annotated[Path, typer.Option(help="Folder for cohort/, run/ and bundles/; a broken-off one goes on.")],
    bundles: Annotated[Path | None, typer.Option(help="Folder for the bundle; default bundles/ in --out.")] = None,
    patients: Annotated[int | None, typer.Option(min=40, help="Another size than the shipped one's.")] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Repeats of the outer folds.")] = 5,
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap samples for the intervals.")] = 2000,
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = os.cpu_count() or 1,
) -> None:
    """Make a cohort of digital phantoms, extract, validate, and export the bundle that says what it is."""
    with errors_as_exit_code():
        plan = demonstration(recipe).of(patients)
        place = bundles or out / "bundles"
        plan.refuse_existing(place)
        shown_cohort(plan.cohort, out / "cohort", workers)
        job = RadiomicsJob(
            radiomics_recipe(recipe),
            RunSettings(repeats=repeats, resamples=resamples, processes=workers),
            out / "cohort" / COHORT_FILE,
            out / "run",
            _command(recipe, patients, repeats, resamples),
            stability=plan.perturbed_patients,
        )
        done = run_radiomics(job)
        bundle = export_bundle(plan.request(job.out, place))
    typer.echo(f"{done.metrics}\n{done.report}\n{bundle}")


def _command(recipe: str, patients: int | None, repeats: int, resamples: int) -> str:
    """What makes the same bundle again: everything that shapes it, and no path."""
    changed = f" --patients {patients}" if patients is not None else ""
    changed += f" --repeats {repeats}" if repeats != RunSettings.repeats else ""
    changed += f" --resamples {resamples}" if resamples != RunSettings.resamples else ""
    return f"trabecula-train demonstration {recipe} --out DIR{changed}"
