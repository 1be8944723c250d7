"""The chart of levels: one bar a level against the limits and what is expected at this age, and the lost height."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import ImageDraw

from trabecula.domain import codes
from trabecula.domain.results.deformity import GradedDeformity
from trabecula.domain.results.result import Category, LevelResult, Measurement, StudyResult
from trabecula.domain.results.scale import ValueScale
from trabecula.domain.spine import Level, from_cranial_to_caudal
from trabecula.reporting.languages.telling import ENGLISH, Texts
from trabecula.reporting.picture.palette import (
    BACKGROUND,
    FAINT,
    PANEL,
    QUIET,
    TEXT,
    WARNING,
    WHITE,
    ZONE_COLOURS,
    Colour,
    level_colour,
)
from trabecula.reporting.picture.text import Box, Column, largest_that_fits, line_height, wrapped
from trabecula.reporting.wording import compared_words, leading_measurement, short_reason

ROW = 45
_HEAD = 36
_NAME, _VALUE, _LOSS, _GAP = 80, 104, 230, 16
"""Widths of the columns beside the bars."""
_SMALL = 26
_LONGEST_CT_HU, _LONGEST_VBQ = 260.0, 5.0
"""Ends of the scale, longer where a value or a limit lies beyond."""
_UNKNOWN_ZONE: Colour = PANEL


@dataclass(frozen=True)
class _Scale:
    """From values to pixels: ``left`` is zero, ``right`` the largest value shown."""

    left: int
    right: int
    largest: float

    def x(self, value: float) -> int:
        share = min(max(value / self.largest, 0.0), 1.0)
        return self.left + round(share * (self.right - self.left))


def shown_levels(result: StudyResult) -> tuple[LevelResult, ...]:
    """Return the levels of the chart from head to foot: all of the result that have a number or a name of L1-L4."""
    by_level = {item.level: item for item in result.levels}
    return tuple(by_level[level] for level in from_cranial_to_caudal(by_level))


def chart_height(result: StudyResult) -> int:
    """Return how high the chart is."""
    levels = shown_levels(result)
    return _HEAD + ROW * len(levels) if levels else 0


def draw_chart(column: Column, result: StudyResult) -> None:
    """Draw the chart at the column's place."""
    levels = shown_levels(result)
    if not levels:
        return
    is_ct = _is_ct(result)
    scale = result.scale or ValueScale()
    left = column.left + _NAME
    right = column.left + column.width - _VALUE - _LOSS - 2 * _GAP
    axis = _Scale(left, right, _largest(result, scale, is_ct))
    head = column.row(_HEAD)
    _zones(column, axis, scale, is_ct, head, column.top + ROW * len(levels))
    _headings(column, head, right, is_ct)
    told = {item.level: item for item in result.deformities}
    for level in levels:
        _row(column, level, axis, scale, told.get(level.level))


def draw_expected(column: Column, result: StudyResult) -> None:
    """Explain the mark of what is expected, where there is one."""
    indent = 28
    face = column.sheet.font(_SMALL)
    lines = wrapped(column.sheet.texts.said(_expected_words(result)), face, column.width - indent)
    for number, line in enumerate(lines):
        box = column.row(line_height(_SMALL))
        if number == 0:
            _diamond(column.sheet.draw, box[0] + 10, (box[1] + box[3]) // 2)
        column.sheet.write(line, (box[0] + indent, *box[1:]), face, QUIET)


def _is_ct(result: StudyResult) -> bool:
    leading = next((leading_measurement(item.measurements) for item in result.levels if item.measurements), None)
    return leading is not None and leading.concept == codes.ATTENUATION


def _largest(result: StudyResult, scale: ValueScale, is_ct: bool) -> float:
    values = [scale.compared(item.value) for level in result.levels if (item := _value(level)) is not None]
    limits = [limit for limit in (scale.lower, scale.upper, scale.expected) if limit is not None]
    usual = _LONGEST_CT_HU if is_ct else _LONGEST_VBQ
    return max([usual, *(math.ceil(1.1 * value) for value in (*values, *limits))])


def _value(level: LevelResult) -> Measurement | None:
    return leading_measurement(level.measurements) if level.evaluable else None


def _zones(column: Column, axis: _Scale, scale: ValueScale, is_ct: bool, head: Box, bottom: int) -> None:
    """Colour what lies behind the bars by category, and write the limits above."""
    draw, top = column.sheet.draw, head[3]
    draw.rectangle([axis.left, top, axis.right, bottom - 1], fill=_UNKNOWN_ZONE)
    face, number = column.sheet.font(_SMALL, bold=True), column.sheet.texts.number
    if scale.lower is None or scale.upper is None:
        for words, box, align in (
            ("0", (axis.left, head[1], axis.left + 40, head[3] - 4), "l"),
            (number(f"{axis.largest:g}"), (axis.right - 90, head[1], axis.right, head[3] - 4), "r"),
        ):
            column.sheet.write(words, box, column.sheet.font(_SMALL), QUIET, align=align)
        return
    low, high = axis.x(scale.lower), axis.x(scale.upper)
    clear, suspect = ZONE_COLOURS[Category.NO_FLAG], ZONE_COLOURS[Category.LOW_BONE_DENSITY_SUSPECTED]
    left, right = (suspect, clear) if is_ct else (clear, suspect)
    draw.rectangle([axis.left, top, low, bottom - 1], fill=left)
    draw.rectangle([low, top, high, bottom - 1], fill=ZONE_COLOURS[Category.INDETERMINATE])
    draw.rectangle([high, top, axis.right, bottom - 1], fill=right)
    half = min(46, max(24, (high - low) // 2))
    for limit, x in ((scale.lower, low), (scale.upper, high)):
        draw.line([(x, top - 6), (x, bottom - 1)], fill=WHITE, width=2)
        column.sheet.write(number(f"{limit:g}"), (x - half, head[1], x + half, head[3] - 4), face, TEXT, align="m")


def _headings(column: Column, head: Box, right: int, is_ct: bool) -> None:
    sheet, face = column.sheet, column.sheet.font(_SMALL)
    value = (right + _GAP, head[1], right + _GAP + _VALUE, head[3])
    sheet.write(sheet.texts.said("HU" if is_ct else "VBQ"), value, face, QUIET, align="r")
    loss = (value[2] + _GAP, head[1], column.left + column.width, head[3])
    sheet.write(sheet.texts.said("Height loss"), loss, face, QUIET)


def _row(
    column: Column, level: LevelResult, axis: _Scale, scale: ValueScale, deformity: GradedDeformity | None
) -> None:
    sheet, box, texts = column.sheet, column.row(ROW), column.sheet.texts
    colour = level_colour(level.level.label) if level.evaluable else FAINT
    colour = WARNING if deformity is not None and deformity.named else colour
    sheet.write(str(level.level), (box[0], box[1], box[0] + _NAME - 6, box[3]), sheet.font(34, bold=True), colour)
    value = _value(level)
    right = axis.right + _GAP + _VALUE
    if value is None:
        seen = level.measurements or level.flags
        words = texts.fill("level_left_out", why=left_out_words(level, texts)) if seen else texts.said("not measured")
        sheet.draw.rectangle([axis.left, box[1] + 2, axis.right, box[3] - 3], fill=BACKGROUND)
        sheet.write(words, (axis.left + 8, box[1], right, box[3]), sheet.font(_SMALL), TEXT)
    else:
        sheet.draw.rectangle([axis.left, box[1] + 9, axis.x(scale.compared(value.value)), box[3] - 10], fill=colour)
        shown = (axis.right + _GAP, box[1], right, box[3])
        words = texts.number(compared_words(value, scale))
        sheet.write(words, shown, sheet.font(36, bold=True), TEXT, align="r")
    if scale.expected is not None and level.level is scale.expected_level:
        _expected(sheet.draw, axis, scale, (box[1] + box[3]) // 2)
    words, strong = loss_words(level, deformity, texts)
    place = (right + _GAP, box[1], column.left + column.width, box[3])
    sizes = (30, 28, 26, 24) if strong else (_SMALL, 24)
    face = largest_that_fits(words, place[2] - place[0], sizes, sheet.typeface, bold=strong)
    sheet.write(words, place, face, WARNING if strong else QUIET)


def left_out_words(level: LevelResult, texts: Texts = ENGLISH) -> str:
    """Return why a level does not count, in few words; the sentences stand in the remarks."""
    blocking = [flag for flag in level.flags if flag.blocking] or list(level.flags)
    gap = texts.files.layout.list_gap
    return gap.join(dict.fromkeys(short_reason(flag, texts) for flag in blocking)) or texts.fill("no_reason")


def loss_words(level: LevelResult, deformity: GradedDeformity | None, texts: Texts = ENGLISH) -> tuple[str, bool]:
    """Return the lost height in percent with its degree, and whether it is one that is told."""
    if deformity is not None:
        shown = f"{deformity.loss_percent:.1f}".removesuffix(".0") if _near_a_band(deformity) else ""
        percent = texts.number(shown or f"{deformity.loss_percent:.0f}")
        return f"{percent} % {texts.said(deformity.degree)}", deformity.named
    loss = next((item.value for item in level.measurements if item.concept == codes.HEIGHT_LOSS), None)
    return ("" if loss is None else f"{loss:.0f} %"), False


def _near_a_band(deformity: GradedDeformity) -> bool:
    """Whether a whole number would stand on another side of a limit than the value."""
    return round(deformity.loss_percent) in (15, 20, 25, 40)


def _expected(draw: ImageDraw.ImageDraw, axis: _Scale, scale: ValueScale, middle: int) -> None:
    assert scale.expected is not None
    if scale.expected_sd:
        ends = [axis.x(scale.expected - scale.expected_sd), axis.x(scale.expected + scale.expected_sd)]
        draw.line([(ends[0], middle), (ends[1], middle)], fill=(0, 0, 0), width=7)
        draw.line([(ends[0], middle), (ends[1], middle)], fill=WHITE, width=3)
        for x in ends:
            draw.line([(x, middle - 7), (x, middle + 7)], fill=WHITE, width=3)
    _diamond(draw, axis.x(scale.expected), middle)


def _diamond(draw: ImageDraw.ImageDraw, x: int, y: int) -> None:
    size = 10
    points = [(x, y - size), (x + size, y), (x, y + size), (x - size, y)]
    draw.polygon(points, fill=WHITE, outline=(0, 0, 0), width=2)


def _expected_words(result: StudyResult) -> str:
    scale = result.scale
    if scale is None or scale.expected is None:
        return ""
    words = f"expected at this age, {scale.expected_level or Level.L1}: {scale.expected:.0f} HU"
    if scale.expected_sd:
        words += f" (SD {scale.expected_sd:g})"
    score = next((item.value for item in result.summary if item.concept == codes.AGE_Z_SCORE), None)
    return words if score is None else f"{words}; z-score {f'{score:+.1f}'.replace('-', '−')}"
