"""``trabecula-train extract``: the features of a cohort's studies, as a table that every recipe reads."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from trabecula.scoring.radiomics.feature_set import SET_NAMES, load_feature_set
from trabecula_training.commands.output import errors_as_exit_code, print_problems
from trabecula_training.commands.radiomics_run import checked_studies, shown_extraction
from trabecula_training.features.extraction import ROLES
from trabecula_training.features.of_cohort import Extraction
from trabecula_training.problems import Problem

app = typer.Typer()


@app.command("extract")
def extract_command(
    cohort: Annotated[Path, typer.Option(help="cohort.csv with a study folder for every patient.")],
    out: Annotated[Path, typer.Option(dir_okay=False, help="The feature table to write (.npz).")],
    settings: Annotated[str, typer.Option(help=f"Feature set: {', '.join(SET_NAMES)}.")] = SET_NAMES[0],
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = os.cpu_count() or 1,
    stability: Annotated[
        int,
        typer.Option(min=0, help="Patients whose outlines are perturbed to judge each feature (six times the work)."),
    ] = 0,
) -> None:
    """Segment and measure every study as the service would, and write the features of L1-L4."""
    if settings not in SET_NAMES:
        raise typer.BadParameter(f"{settings} is none of {', '.join(SET_NAMES)}", param_hint="--settings")
    with errors_as_exit_code():
        people = checked_studies(cohort, ROLES[load_feature_set(settings).modality], (), workers)
        table = shown_extraction(people, Extraction(settings, workers, stability), out)
    if table.absent:
        print_problems(
            [
                Problem(line=0, column=name, found=why, remedy="Takes no part.", blocking=False)
                for name, why in table.absent.items()
            ]
        )
    typer.echo(f"{out}: {len(set(table.patients))} of {len(people.patients)} patients, {len(table.patients)} bodies")
