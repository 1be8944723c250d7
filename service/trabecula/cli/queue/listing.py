"""``trabecula queue list``: what waits, in the order in which it is served."""

from __future__ import annotations

from trabecula.cli.connection import opened_connection
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.study_options import AsJson
from trabecula.domain.study.jobs import Stage
from trabecula.jobs.queue import priority_of
from trabecula.ledger.queries.backlog import list_lanes


def list_(as_json: AsJson = False) -> None:
    """List what waits, in the order in which it is served, and what is paused.

    Lanes of one queue and rank are served in turn, each oldest first; a lower rank goes before a higher one.
    """
    with opened_connection() as connection:
        found = list_lanes(connection)
    for lane in found["lanes"]:
        priority = priority_of(Stage(lane["stage"]), lane["rank"])
        lane["priority"] = None if priority is None else str(priority)
    if as_json:
        print_json(found)
        return
    if found["lanes"]:
        print_table(
            "",
            ("queue", "rank", "stage", "priority", "source or destination", "waiting", "later", "oldest waits"),
            (
                (
                    lane["queue"],
                    str(lane["rank"]),
                    lane["stage"],
                    lane["priority"] or "",
                    lane["lane"],
                    str(lane["waiting"]),
                    str(lane["later"]),
                    "" if lane["oldest_seconds"] is None else f"{lane['oldest_seconds']:.0f} s",
                )
                for lane in found["lanes"]
            ),
        )
    else:
        console.print("nothing waits")
    for queue, count in found["running"].items():
        console.print(f"{count} jobs of the queue {queue} run", highlight=False)
    for item in found["paused"]:
        what = f"to {item['destination']}" if item["destination"] else f"of the queue {item['queue']}"
        console.print(
            f"paused since {item['paused_at']} by {item['paused_by']}: nothing {what} is started", highlight=False
        )
