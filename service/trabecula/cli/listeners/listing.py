"""``trabecula listeners list``: how far each listener is."""

from __future__ import annotations

from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.study_options import AsJson
from trabecula.ledger.queries.listeners import list_listeners


def list_(as_json: AsJson = False) -> None:
    """List the listeners that keep a journal: how far each is, what waits there, and how wrong its clock is."""
    with opened_ledger() as (_, engine):
        rows = list_listeners(engine)
    if as_json:
        print_json(rows)
    elif rows:
        columns = ("listener", "rows until", "told", "waiting MiB", "clock off by", "journal")
        print_table(
            "",
            columns,
            (
                (
                    row["name"] + (" (ended)" if row["ended"] else ""),
                    f"{row['behind_seconds']:.0f} s ago",
                    f"{row['told_seconds']:.0f} s ago",
                    f"{row['backlog_bytes'] / 2**20:.0f}",
                    f"{row['clock_off_seconds']:+.1f} s",
                    row["journal_uid"],
                )
                for row in rows
            ),
        )
    else:
        console.print("no listener keeps a journal")
