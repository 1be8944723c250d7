"""The table of levels on the picture: one row a level, one column a kind of number, remarks in words."""

from __future__ import annotations

from trabecula.domain import codes
from trabecula.domain.results.result import LevelResult, Measurement, StudyResult
from trabecula.domain.spine import from_cranial_to_caudal
from trabecula.reporting.picture.palette import Colour, level_colour
from trabecula.reporting.picture.text import Column, fitted, font
from trabecula.reporting.wording import amount, short_name

_COLUMNS = 4
_LEFT_OUT = (codes.REGION_VOLUME, codes.SEGMENTATION_QUALITY)
_ROW = 31
_TEXT: Colour = (234, 236, 240)
_QUIET: Colour = (158, 165, 176)
_FAINT: Colour = (120, 126, 136)


def row_count(result: StudyResult) -> int:
    """Return how many levels the table shows."""
    return len(result.levels)


def draw_table(column: Column, result: StudyResult) -> None:
    """Draw the table at the column's place, head first."""
    names = _names(result)
    offsets = _offsets(column, len(names))
    face = font(19)
    for name, offset in zip(names, offsets, strict=False):
        column.draw.text(
            (column.left + offset, column.top), fitted(name, face, 118), font=face, fill=_QUIET, anchor="ra"
        )
    column.draw.text((column.left + offsets[-1], column.top), "Remark", font=face, fill=_QUIET)
    column.skip(30)
    by_level = {item.level: item for item in result.levels}
    for number, level in enumerate(from_cranial_to_caudal(by_level)):
        if number % 2 == 0:
            box = [column.left - 8, column.top - 2, column.left + column.width, column.top + _ROW - 3]
            column.draw.rectangle(box, fill=(25, 28, 34))
        _row(column, by_level[level], names, offsets)
        column.skip(_ROW)


def remark(level: LevelResult) -> str:
    """Return what stands beside the numbers of a level: whether it counts, and why not, in few words.

    The full sentences stand in the list of reasons below the table.
    """
    words = ", ".join(dict.fromkeys(flag.code.name.lower().replace("_", " ") for flag in level.flags))
    if level.evaluable:
        return words
    return f"excluded: {words}" if words else "excluded"


def _row(column: Column, level: LevelResult, names: tuple[str, ...], offsets: tuple[int, ...]) -> None:
    draw, top = column.draw, column.top
    colour = level_colour(level.level.label) if level.evaluable else _FAINT
    draw.text((column.left, top), str(level.level), font=font(24, bold=True), fill=colour)
    values = {short_name(item): item for item in reversed(level.measurements)}
    for number, name in enumerate(names):
        item: Measurement | None = values.get(name)
        text = amount(item) if item else "-"
        face = font(23, bold=number == 0)
        draw.text(
            (column.left + offsets[number], top),
            text,
            font=face,
            fill=_TEXT if level.evaluable else _FAINT,
            anchor="ra",
        )
    face = font(19)
    room = column.width - offsets[-1]
    draw.text((column.left + offsets[-1], top + 3), fitted(remark(level), face, room), font=face, fill=_TEXT)


def _names(result: StudyResult) -> tuple[str, ...]:
    """Return the kinds of numbers in order of appearance, as many as fit; medians and percentiles are left to the
    report, and so is how large the region was."""
    found = dict.fromkeys(
        short_name(item)
        for level in result.levels
        for item in level.measurements
        if item.derivation in (None, codes.MEAN, codes.STANDARD_DEVIATION) and item.concept not in _LEFT_OUT
    )
    return tuple(found)[:_COLUMNS]


def _offsets(column: Column, count: int) -> tuple[int, ...]:
    """Return the right edges of the number columns, then the left edge of the remarks."""
    step = 132
    rights = [60 + step * (number + 1) for number in range(count)]
    return (*rights, (rights[-1] if rights else 60) + 26)
