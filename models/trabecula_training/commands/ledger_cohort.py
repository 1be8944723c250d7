"""``trabecula-train cohort-from-ledger``: a site's own studies and references as a cohort that every recipe reads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table

from trabecula.bootstrap.database import opened_database
from trabecula.bootstrap.ledger import opened_engine
from trabecula.cli.tables import print_table_to
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.study.reference import ReferenceMethod, ReferenceSite
from trabecula.scoring.radiomics.feature_set import SET_NAMES, load_feature_set
from trabecula.settings import Settings, load_settings
from trabecula_training.commands.output import console, error_console, errors_as_exit_code, print_json, progress_bar
from trabecula_training.features.extraction import ROLES
from trabecula_training.ledger.cohort import CohortRule, rule_defaults
from trabecula_training.ledger.draw import Drawn, KeptFeatures, draw, keep

app = typer.Typer()


@app.command("cohort-from-ledger")
def cohort_from_ledger(
    out: Annotated[Path, typer.Option(help="cohort.csv to write; study folders come beside it.")],
    modality: Annotated[Modality, typer.Option(help="CT or MR.")] = Modality.CT,
    reference: Annotated[ReferenceMethod, typer.Option(help="Which imported reference counts.")] = ReferenceMethod.DXA,
    needs: Annotated[
        list[SeriesRole] | None, typer.Option(help="Series a study must have; repeat. Default CT, or T1w and T2w.")
    ] = None,
    sites: Annotated[
        list[ReferenceSite] | None, typer.Option(help="Sites of DXA that count, the lowest of one day; repeat.")
    ] = None,
    window_days: Annotated[int, typer.Option(min=0, help="Days between study and reference.")] = rule_defaults()[
        "window_days"
    ]["value"],
    keep_reasons: Annotated[
        list[str] | None,
        typer.Option("--keep", help=f"Keep patients with: {', '.join(rule_defaults()['exclude']['value'])}."),
    ] = None,
    external_from: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Studies from this day on are the external part.")
    ] = None,
    site_name: Annotated[str, typer.Option(help="Written into the column site.")] = "",
    features: Annotated[
        str, typer.Option(help=f"Also keep features from the stored outlines: {', '.join(SET_NAMES)}.")
    ] = "",
    stability: Annotated[int, typer.Option(min=0, help="Patients whose outlines are perturbed, as in run.")] = 10,
    workers: Annotated[int, typer.Option(min=1, help="Processes, of one thread each.")] = os.cpu_count() or 1,
    copy: Annotated[bool, typer.Option("--copy", help="Copy the images instead of linking to them.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the flow as JSON.")] = False,
) -> None:
    """Draw a cohort from the ledger: done studies joined with imported DXA or QCT results, one study per patient."""
    if features and (features not in SET_NAMES or load_feature_set(features).modality is not modality):
        raise typer.BadParameter(f"{features} is no feature set of {modality}", param_hint="--features")
    rule = CohortRule(
        needs=tuple(needs or ROLES[modality]),
        method=reference,
        sites=tuple(sites or (ReferenceSite.LUMBAR_SPINE,)),
        window_days=window_days,
        minimum_levels=int(rule_defaults()["minimum_levels"]["value"]),
        exclude=_excluded(keep_reasons or []),
        external_from=external_from.date() if external_from else None,
        site_name=site_name,
    )
    with errors_as_exit_code(as_json):
        settings = load_settings()
        with opened_database(settings) as url, opened_engine(url) as engine:
            drawn = draw(settings, engine, rule, out, copy)
        if features:
            drawn = replace(drawn, features=_kept(drawn, settings, features, out, workers, stability))
    if as_json:
        print_json(drawn.document())
    else:
        _print_flow(drawn, out)


def _excluded(keep: Sequence[str]) -> frozenset[ReasonCode]:
    codes = rule_defaults()["exclude"]["value"]
    unknown = [name for name in keep if name not in codes]
    if unknown:
        raise typer.BadParameter(f"{unknown[0]} is none of {', '.join(codes)}", param_hint="--keep")
    return frozenset(ReasonCode[name] for name in codes if name not in keep)


def _kept(drawn: Drawn, settings: Settings, set_name: str, out: Path, workers: int, stability: int) -> KeptFeatures:
    with progress_bar() as progress:
        task = progress.add_task(f"features {set_name}", total=len(drawn.studies))

        def on_study(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        return keep(
            drawn, settings, set_name=set_name, out=out, workers=workers, stability=stability, on_study=on_study
        )


def _print_flow(drawn: Drawn, out: Path) -> None:
    document = drawn.document()
    table = Table(title="Flow", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("studies", "what"):
        table.add_column(column, overflow="fold")
    table.add_row(str(document["studies"]), "in the ledger")
    for why, count in document["left_out"].items():
        table.add_row(f"-{count}", why)
    if document["images_gone"]:
        table.add_row(f"-{document['images_gone']}", "images are no longer in the spool")
    table.add_row(str(document["patients"]), "patients in the cohort, one study each")
    print_table_to(console, table)
    made = ", ".join(f"{count} {name}" for name, count in document["categories"].items())
    console.print(
        f"{made}; {document['external']} of them external; median {document['median_days']} days between study and "
        f"{document['reference']}.",
        highlight=False,
    )
    _print_bias(document)
    _print_next(drawn, out)


def _print_bias(document: dict[str, Any]) -> None:
    """People who were flagged are referred for densitometry: a cohort of the referred is not the population."""
    flagged = document["flagged"]
    here = flagged["in_cohort"] / flagged["of_cohort"]
    everywhere = flagged["in_fit_studies"] / max(flagged["of_fit_studies"], 1)
    console.print(
        f"Flagged by the service: {here:.0%} of the cohort, {everywhere:.0%} of all fit studies. Where the two differ, "
        "references were sought in some patients rather than others, and sensitivity, specificity and AUC are biased.",
        highlight=False,
    )


def _print_next(drawn: Drawn, out: Path) -> None:
    kept = drawn.features
    if kept.kept or kept.other_version or kept.failed:
        console.print(
            f"Features of {kept.kept} studies are kept from their stored outlines; {kept.other_version} were measured "
            f"by another version, {len(kept.failed)} could not be read: a run measures those anew.",
            highlight=False,
        )
    for line in kept.failed:
        error_console.print(line, markup=False, highlight=False)
    console.print(f"{out}\nNext: trabecula-train run RECIPE --cohort {out} --out RUN", highlight=False)
