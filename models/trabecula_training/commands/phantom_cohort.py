"""`trabecula-train phantom-cohort`: makes a cohort of digital phantoms as DICOM studies with a cohort.csv."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from trabecula.domain.modality import Modality
from trabecula_training.cohort.phantoms import (
    COHORT_FILE,
    Acquisitions,
    CohortPlan,
    Member,
    ReferenceChoice,
    Size,
    make_cohort,
    scanners,
)
from trabecula_training.commands.output import progress_bar

app = typer.Typer()


@app.command("phantom-cohort")
def phantom_cohort(
    out: Annotated[Path, typer.Option(help="Folder to make; a broken-off run goes on where it stopped.")],
    patients: Annotated[int, typer.Option(min=1, help="Number of patients.")] = 133,
    modality: Annotated[Modality, typer.Option(help="CT, or MR (T1w and T2w).")] = Modality.CT,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same people.")] = 1,
    size: Annotated[
        Size, typer.Option(help="Image size; `cohort` holds the spine at texture resolution.")
    ] = Size.COHORT,
    reference: Annotated[
        ReferenceChoice | None, typer.Option(help="Densitometry that counts; default DXA for CT, QCT for MR.")
    ] = None,
    sites: Annotated[
        int | None, typer.Option(min=1, help="Hospitals, each with its own scanner; default one for each scanner.")
    ] = None,
    acquisitions: Annotated[
        Acquisitions, typer.Option(help="varied: protocols differ between patients; fixed: all are scanned alike.")
    ] = Acquisitions.VARIED,
    external: Annotated[bool, typer.Option(help="Make the last site the external set (needs two sites).")] = False,
    null: Annotated[bool, typer.Option(help="Cut the link between images and reference values.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes; default one for each core.")] = os.cpu_count() or 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON line at the end.")] = False,
) -> None:
    """Make digital phantom patients: DICOM studies, truth beside each, cohort.csv and phantoms.csv."""
    hospitals = sites or len(scanners(modality))
    if external and hospitals < 2:
        raise typer.BadParameter("an external set needs --sites 2 or more", param_hint="--external")
    default = ReferenceChoice.DXA if modality is Modality.CT else ReferenceChoice.QCT
    plan = CohortPlan(
        patients=patients,
        modality=modality,
        seed=seed,
        size=size,
        reference=reference or default,
        sites=hospitals,
        external=external,
        null=null,
        acquisitions=acquisitions,
    )
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    made = shown_cohort(plan, out, workers)
    cohort = out / COHORT_FILE
    if as_json:
        typer.echo(json.dumps({"cohort": str(cohort), "patients": len(made), "modality": modality.value}))
    else:
        typer.echo(f"{len(made)} {modality.value} studies of digital phantoms: {cohort}")


def shown_cohort(plan: CohortPlan, out: Path, workers: int) -> list[Member]:
    """Return the people of a plan after making their studies and the cohort's tables, with a progress bar."""
    made: list[Member] = []
    with progress_bar() as progress:
        task = progress.add_task(f"{plan.modality.value} phantoms", total=plan.patients)
        for person in make_cohort(plan, out, workers):
            made.append(person)
            progress.advance(task)
    return made
