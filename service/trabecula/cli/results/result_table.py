"""A result as people read it in a terminal: category, per-level table, reasons, scores, objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from trabecula.cli.output import console, print_table, print_text
from trabecula.cli.results.score_table import show_scores
from trabecula.domain.results.result import Category
from trabecula.domain.results.result_json import series_uses
from trabecula.reporting.level_columns import columns_with_values
from trabecula.reporting.series_lines import not_used_line, partly_used_lines

_COLOURS = {
    Category.LOW_BONE_DENSITY_SUSPECTED: "bold white on dark_orange3",
    Category.INDETERMINATE: "bold black on yellow3",
    Category.NO_FLAG: "bold white on deep_sky_blue4",
    Category.NOT_EVALUABLE: "bold white on grey37",
}
RESEARCH_USE = "RESEARCH USE ONLY - not a medical device; does not replace DXA/QCT; not for ruling out low bone density"


def show_result(document: Mapping[str, Any]) -> None:
    """Print the document of ``studies show --json`` or ``result.json``."""
    category = document.get("category")
    console.print()
    if category:
        known = Category(category)
        console.print(f" {known.words} ", style=_COLOURS[known])
    if document.get("state"):
        console.print(f"study {document['study_uid']}  revision {document['revision']}  state {document['state']}")
    for line in document.get("impression") or ():
        print_text(line)
    if document.get("levels"):
        _show_levels(document["levels"])
    show_scores(document.get("scores") or ())
    _list("reasons", (f"{item['code']}: {item['sentence']}" for item in document.get("reasons") or ()))
    print_series(document)
    _list("objects", _object_lines(document.get("objects") or ()))
    print_text(RESEARCH_USE, style="dim")


def print_series(document: Mapping[str, Any]) -> None:
    """Print which images were not used, dim and apart from the reasons: it is no remark on what was measured."""
    used = series_uses(document.get("series_used") or ())
    lines = (*partly_used_lines(used), not_used_line(series_uses(document.get("series_not_used") or ())))
    for line in lines:
        if line:
            print_text(line + ".", style="dim")


def _show_levels(levels: Sequence[Mapping[str, Any]]) -> None:
    columns = columns_with_values(levels)
    rows = [
        (
            level["level"],
            *("" if (value := column.value(level)) is None else format(value, column.form) for column in columns),
            f"{level['quality']:.2f}",
            " ".join(
                ([] if level["evaluable"] else ["left out:"])
                + list(dict.fromkeys(flag["code"] for flag in level["flags"]))
            ),
        )
        for level in levels
    ]
    print_table("", ("", *(column.heading for column in columns), "quality", "remarks"), rows)


def _object_lines(objects: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for item in objects:
        places = item.get("destinations") or ()
        rows = places.items() if isinstance(places, Mapping) else ((place.get("name"), place) for place in places)
        standing = ", ".join(
            f"{name} {place.get('state')} {place.get('status') or ''}".rstrip() for name, place in rows
        )
        yield f"{item['kind']:<4} {item['sop_instance_uid']}  {standing}"


def _list(title: str, lines: Iterable[str]) -> None:
    shown = list(lines)
    if shown:
        console.print(f"{title}:", style="bold")
        for line in shown:
            print_text(line, indent=2)
