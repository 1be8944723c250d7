"""``trabecula studies list`` and ``export``: the ledger as tables."""

from __future__ import annotations

import csv
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from trabecula.cli.connection import opened_connection
from trabecula.cli.output import console, print_hint, print_json, print_table
from trabecula.cli.studies.activity import activity_in_words
from trabecula.cli.study_options import AsJson, FilterOptions, Limit, takes_filters
from trabecula.ledger.desk.search import Count, count, is_prepared
from trabecula.ledger.queries.study_list import export_rows, found_studies, list_studies, log_rows
from trabecula.settings import load_settings
from trabecula.settings.origins import ledger_in_words
from trabecula.settings_file import settings_source


@takes_filters()
def list_(
    filters: FilterOptions,
    limit: Limit = 100,
    as_json: AsJson = False,
) -> None:
    """List studies, the newest first; conflicts counts images that came again with other headers."""
    with opened_connection() as connection:
        wanted = filters.search()
        rows = list_studies(connection, wanted, limit=limit)
        total = Count(len(rows), exact=True) if len(rows) < limit else count(connection, wanted)
        if not is_prepared(connection):
            print_hint("studies of an older version are still being prepared and may be missing here")
    known = max(total.at_least, len(rows))
    if as_json:
        print_json({"total": known, "more": not total.exact, "studies": rows})
        return
    columns = _columns(console.width if console.is_terminal else _WIDE)
    shown = [[_cell(name, (row | {"state": _standing(row)}).get(name)) for name in columns] for row in rows]
    print_table("", [name.replace("_", " ") for name in columns], shown)
    console.print(f"{len(rows)} of {'' if total.exact else 'more than '}{known}", highlight=False)
    if not rows:
        console.print(f"ledger {ledger_in_words(load_settings())}; {settings_source()}", highlight=False)


_WIDE = 160
_ALL_COLUMNS = (
    "study_uid", "received_at", "patient_id", "scanner_model", "state", "category", "reasons", "failure_code",
)  # fmt: skip
_FEW_COLUMNS = ("study_uid", "state", "category")


def _columns(width: int) -> tuple[str, ...]:
    """What a terminal of so many columns shows: on a narrow one the UID stays whole and the rest is for ``show``."""
    return _ALL_COLUMNS if width >= _WIDE else _FEW_COLUMNS


@takes_filters()
def export(
    filters: FilterOptions,
    out: Annotated[Path | None, typer.Option(help="CSV file; standard output without it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Export the screening log as CSV (or JSON)."""
    with opened_connection() as connection:
        wanted = filters.search()
        if as_json:
            print_json(list(log_rows(connection, found_studies(connection, wanted))))
            return
        target = out.open("w", newline="", encoding="utf-8") if out else sys.stdout
        try:
            csv.writer(target).writerows(export_rows(connection, wanted))
        finally:
            if out:
                target.close()


def _standing(row: Mapping[str, Any]) -> str:
    told = [activity_in_words(row), f"{row['conflicts']} conflicts" if row["conflicts"] else ""]
    words = "; ".join(word for word in told if word)
    return f"{row['state']} ({words})" if words else str(row["state"])


def _cell(name: str, value: object) -> str:
    if name == "received_at":  # the database's clock in UTC; people have another on the wall
        return f"{datetime.fromisoformat(str(value)).astimezone():%Y-%m-%d %H:%M}"
    if isinstance(value, (list, tuple)):
        return " ".join(map(str, value))
    return "" if value is None else str(value)
