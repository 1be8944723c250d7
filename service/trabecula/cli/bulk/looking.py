"""``trabecula bulk list`` and ``show``."""

from __future__ import annotations

from typing import Any

from trabecula.cli.bulk.acting import Number
from trabecula.cli.connection import opened_connection
from trabecula.cli.output import console, print_json, print_table
from trabecula.cli.study_options import AsJson
from trabecula.domain.desk.bulk import BulkAction
from trabecula.ledger.desk.actions import bulk_action, bulk_actions, refusals

_COLUMNS = ("number", "kind", "with", "state", "done", "refused", "begun_at", "who")


def list_(as_json: AsJson = False) -> None:
    """List the newest actions, the newest first, and how far they are."""
    with opened_connection() as connection:
        rows = [_document(action) for action in bulk_actions(connection)]
    if as_json:
        print_json(rows)
        return
    print_table(
        "", [name.replace("_", " ") for name in _COLUMNS], [[str(row[name]) for name in _COLUMNS] for row in rows]
    )


def show(number: Number, as_json: AsJson = False) -> None:
    """Show an action, and the studies that refused it (at most 1,000)."""
    with opened_connection() as connection:
        document = _document(bulk_action(connection, number))
        refused = refusals(connection, number)
    if as_json:
        print_json(document | {"refusals": [vars(item) for item in refused]})
        return
    for name, value in document.items():
        console.print(f"{name.replace('_', ' ')}: {value}", markup=False, highlight=False)
    if refused:
        print_table("Refused", ("study", "code", "why"), [(i.study_uid, i.code, i.sentence) for i in refused])


def _document(action: BulkAction) -> dict[str, Any]:
    return {
        "number": action.number,
        "kind": str(action.kind),
        "with": action.argument,
        "filter": action.wanted.to_json(),
        "state": str(action.state),
        "done": action.done,
        "refused": action.refused,
        "begun_at": f"{action.begun_at:%Y-%m-%d %H:%M:%S}",
        "ended_at": f"{action.ended_at:%Y-%m-%d %H:%M:%S}" if action.ended_at else None,
        "who": action.who,
    }
