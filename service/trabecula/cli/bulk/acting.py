"""``trabecula bulk begin`` and ``stop``."""

from __future__ import annotations

from typing import Annotated

import typer

from trabecula.bootstrap.services import services_of
from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json
from trabecula.cli.study_options import AsJson, FilterOptions, operator, takes_filters
from trabecula.domain.desk.bulk import BulkKind
from trabecula.domain.errors_of.bulk import BulkRefused
from trabecula.pipeline import begin_bulk, stop_bulk

Number = Annotated[int, typer.Argument(help="The number that `bulk begin` and `bulk list` show.")]


@takes_filters()
def begin(
    filters: FilterOptions,
    kind: Annotated[BulkKind, typer.Argument(case_sensitive=False, help="What is done to each study.")],
    argument: Annotated[
        str, typer.Option("--with", help="Destination of RESEND, tag of TAG and UNTAG, priority of PRIORITISE.")
    ] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many studies, the newest first.")] = None,
    as_json: AsJson = False,
) -> None:
    """Record an action on every study that filters find now; workers of the queue sys do it, one study at a time."""
    with opened_ledger() as (settings, engine):
        if not filters.given:
            raise BulkRefused("without a filter it would be every study there is (--from 2000-01-01 means just that)")
        services = services_of(settings, engine)
        number = begin_bulk(services, kind, argument, filters.search(), who=operator(), most=limit)
    if as_json:
        print_json({"number": number})
    else:
        console.print(f"bulk action {number} is recorded; `trabecula bulk show {number}` tells how far it is")


def stop(number: Number) -> None:
    """Let an action end where it is; what was done stays."""
    with opened_ledger() as (settings, engine):
        stopped = stop_bulk(services_of(settings, engine), number)
    console.print(f"bulk action {number} {'is stopped' if stopped else 'had ended'}", highlight=False)
