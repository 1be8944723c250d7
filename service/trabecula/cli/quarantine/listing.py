"""``trabecula quarantine list``: what was acknowledged but is not used."""

from __future__ import annotations

from typing import Annotated

import typer

from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.quarantine.options import OfStudy, Since, quarantine_filter
from trabecula.cli.quarantine.view import grouped
from trabecula.cli.study_options import AsJson
from trabecula.ledger.queries.quarantine import count_quarantine, list_quarantine


def list_(
    code: Annotated[str, typer.Option("--reason", "--code", help="Only entries with this reason code.")] = "",
    study: OfStudy = "",
    since: Since = None,
    ended: Annotated[bool, typer.Option("--all", help="Also what was taken over, released or deleted.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, the newest first.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """List what could not be parsed, or came again with other content; entries of one kind share a line."""
    with opened_ledger() as (_, engine):
        wanted = quarantine_filter(code, study, since, ended=ended)
        rows = list_quarantine(engine, wanted, limit)
        total = count_quarantine(engine, wanted)
    if as_json:
        print_json(rows)
    elif rows:
        print_table("", ("number", "images", "received", "from", "why", "study ends"), grouped(rows))
        shown = "" if len(rows) == total else f"{len(rows)} of "
        console.print(f"{shown}{total} entries; `trabecula quarantine show NUMBER` says what to do", highlight=False)
    else:
        console.print("the quarantine is empty" if not (code or study or since) else "nothing matches")
