"""A result as people read it in a terminal: category, per-level table, reasons, scores, objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trabecula.cli.output import console, print_table
from trabecula.domain.result import Category

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
        console.print(line, markup=False, highlight=False)
    if document.get("levels"):
        print_table("", ("level", "evaluable", "measurements", "remarks"), _level_rows(document["levels"]))
    _list("reasons", (f"{item['code']}: {item['sentence']}" for item in document.get("reasons") or ()))
    _list("scores", map(_score_line, document.get("scores") or ()))
    _list("objects", _object_lines(document.get("objects") or ()))
    console.print(RESEARCH_USE, style="dim", highlight=False)


def _level_rows(levels: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, str, str]]:
    for level in levels:
        yield (
            str(level["level"]),
            "yes" if level["evaluable"] else "no",
            "\n".join(measurement_line(item) for item in level.get("measurements") or ()),
            "\n".join(f"{flag['code']}" for flag in level.get("flags") or ()),
        )


def measurement_line(item: Mapping[str, Any]) -> str:
    """Return one measurement as ``Mean Attenuation Coefficient 123.4 Hounsfield unit``."""
    derivation = _meaning(item.get("derivation"))
    name = " ".join(part for part in (derivation, _meaning(item["concept"])) if part)
    unit = _meaning(item["unit"])
    return f"{name} {item['value']:.4g}" + ("" if unit == "no units" else f" {unit}")


def _meaning(code: object) -> str:
    if isinstance(code, Mapping):
        return str(code.get("meaning", ""))
    return str(code or "")


def _score_line(score: Mapping[str, Any]) -> str:
    value = score.get("probability")
    shown = "abstained" if value is None else f"{100 * value:.0f} %"
    return f"{score['model_id']}: {shown}" + (" (demonstration model)" if score.get("demonstration") else "")


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
            console.print(f"  {line}", markup=False, highlight=False)
