"""``trabecula-train extract``: the features of a cohort's studies, as a table that every recipe reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from trabecula.analysis.radiomics.feature_set import SET_NAMES, load_feature_set
from trabecula.domain.result import SeriesRole
from trabecula_training.cohort import Cohort
from trabecula_training.commands.output import errors_as_exit_code, print_problems, progress_bar
from trabecula_training.extraction import ROLES, PatientFeatures, extract_cohort, feature_table
from trabecula_training.features import save_features
from trabecula_training.preflight import check_studies
from trabecula_training.problems import Problem

app = typer.Typer()


@app.command("extract")
def extract_command(
    cohort: Annotated[Path, typer.Option(help="cohort.csv with a study folder for every patient.")],
    out: Annotated[Path, typer.Option(help="The feature table to write (.npz).")],
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
        people = _checked(cohort, ROLES[load_feature_set(settings).modality], workers)
        found = _with_progress(people, settings, workers, stability)
        table = feature_table(people, found, settings)
        out.parent.mkdir(parents=True, exist_ok=True)
        save_features(table, out)
    failed = [
        Problem(0, item.patient, item.problem, "No features; remove the line or repair it.")
        for item in found
        if item.problem
    ]
    if failed:
        print_problems(failed)
    typer.echo(f"{out}: {len(set(table.patients))} of {len(people.patients)} patients, {len(table.patients)} bodies")


def _checked(path: Path, roles: Sequence[SeriesRole], workers: int) -> Cohort:
    with progress_bar() as progress:
        task = progress.add_task("checking studies", total=None)
        found = check_studies(
            path, roles, (), workers, lambda done, total: progress.update(task, completed=done, total=total)
        )
    people = found.usable()
    if found.problems:
        print_problems(found.problems)
    return people


def _with_progress(cohort: Cohort, settings: str, workers: int, stability: int) -> list[PatientFeatures]:
    found: list[PatientFeatures] = []
    with progress_bar() as progress:
        task = progress.add_task(f"features {settings}", total=len(cohort.patients))
        for item in extract_cohort(cohort, settings, workers, stability):
            found.append(item)
            progress.advance(task)
    return found
