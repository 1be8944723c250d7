"""``trabecula studies reprocess``: measure studies anew, or show what that would change."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Engine

from trabecula.bootstrap.analysing import activation_with
from trabecula.bootstrap.comparing import versions_for
from trabecula.bootstrap.services import services_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import EXIT_FAILURE, EXIT_USAGE, console, error_console, print_json, print_table
from trabecula.cli.studies.comparing import compared, comparison_document, print_comparison
from trabecula.cli.studies.many import OneStudy, selected
from trabecula.cli.study_options import AsJson, FilterOptions, Limit, operator, takes_filters
from trabecula.domain.uids import StudyUid
from trabecula.ledger.queries import studies as queries
from trabecula.pipeline import Reprocessed, ReprocessOutcome, reprocess_studies
from trabecula.settings import load_settings


@takes_filters()
def reprocess(
    filters: FilterOptions,
    study_uid: OneStudy = "",
    limit: Limit = sys.maxsize,
    force: Annotated[bool, typer.Option("--force", help="Also where the same result would come out.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show what would change; write nothing.")] = False,
    with_model: Annotated[str, typer.Option(help="With --diff: as if this bundle were active.")] = "",
    with_thresholds: Annotated[Path | None, typer.Option(help="With --diff: as if this were thresholds_file.")] = None,
    with_segmenter: Annotated[str, typer.Option(help="With --diff: as if this were the segmenter.")] = "",
    workers: Annotated[int, typer.Option(min=1, help="With --diff: processes of one core each.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Measure studies anew as their next revision; a report names the one before it.

    A finished study whose images, software, settings and models are those of its result is left UNCHANGED.
    """
    instead = {"thresholds_file": with_thresholds, "segmenter": with_segmenter}
    overrides = {name: value for name, value in instead.items() if value}
    if (overrides or with_model) and not diff:
        _usage("--with-model, --with-thresholds and --with-segmenter go with --diff; switch the setting to reprocess.")
    with opened_ledger() as (settings, engine):
        chosen = selected(engine, study_uid, filters, limit)
        services = services_of(settings, engine)
        if diff:
            other = load_settings(**overrides) if overrides else settings
            activation = activation_with(other, with_model) if with_model else None
            rows = compared(services, other, activation, chosen, workers)
            if as_json:
                print_json(comparison_document(rows))
            else:
                print_comparison(rows)
            return
        results = list(reprocess_studies(services, chosen, operator(), None if force else versions_for(settings)))
        if study_uid and results[0].refusal is not None:
            raise results[0].refusal
        done = [_row(item) for item in results]
        if study_uid:
            done[0] |= _standing(engine, chosen[0])
    _tell(done, one=bool(study_uid), as_json=as_json)


def _usage(message: str) -> None:
    error_console.print(message, style="bold red", markup=False, highlight=False)
    raise typer.Exit(EXIT_USAGE)


def _row(done: Reprocessed) -> dict[str, Any]:
    row: dict[str, Any] = {"study_uid": done.study_uid, "outcome": str(done.outcome)}
    if done.refusal is not None:
        row |= {"code": done.refusal.code, "sentence": done.refusal.sentence}
    return row | ({"revision": done.revision} if done.revision is not None else {})


def _standing(engine: Engine, study_uid: StudyUid) -> dict[str, Any]:
    document = queries.show_study(engine, study_uid)
    newest = document["newest"] or document
    return {"study_uid": study_uid, "state": document["state"], "revision": newest["revision"]}


def _tell(done: Sequence[Mapping[str, Any]], *, one: bool, as_json: bool) -> None:
    counts = {kind.lower(): sum(row["outcome"] == kind for row in done) for kind in ReprocessOutcome}
    if one and as_json:
        print_json(done[0])
    elif one:
        row = done[0]
        same = row["outcome"] == ReprocessOutcome.UNCHANGED
        left = "; its result would be the same (--force measures it anyway)" if same else ""
        console.print(f"{row['study_uid']} is {row['state']}, revision {row['revision']}{left}", highlight=False)
    elif as_json:
        print_json({"studies": list(done), **counts})
    else:
        refused = [(row["study_uid"], row["code"], row["sentence"]) for row in done if "code" in row]
        if refused:
            print_table("Refused", ("study", "code", "why"), refused)
        console.print(", ".join(f"{count} {name}" for name, count in counts.items()), highlight=False)
    if counts["refused"]:
        raise typer.Exit(EXIT_FAILURE)
