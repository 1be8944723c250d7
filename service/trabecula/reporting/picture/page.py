"""The one page a radiologist reads in ten seconds: flag, outlined spine, values per level, reasons, what made it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom import Dataset

from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.results.result import Measurement, StudyResult
from trabecula.domain.spine import level_of_label
from trabecula.reporting.picture.facts import box_height, draw_facts, fact_rows
from trabecula.reporting.picture.palette import CATEGORY_COLOURS, Colour
from trabecula.reporting.picture.spine import drawn, sagittal_view
from trabecula.reporting.picture.table import draw_table, row_count
from trabecula.reporting.picture.text import Column, fitted, font, is_printable
from trabecula.reporting.wording import (
    NOT_REVIEWED,
    RESEARCH_USE,
    all_reasons,
    amount,
    impression_lines,
    leading_measurement,
    reason_line,
    short_name,
)

WIDTH, HEIGHT = 1600, 1200
_BACKGROUND: Colour = (15, 17, 21)
_PANEL: Colour = (25, 28, 34)
_TEXT: Colour = (234, 236, 240)
_QUIET: Colour = (158, 165, 176)
_WARNING: Colour = (240, 200, 110)

_VIEW = (30, 214, 640, 880)
"""Left, top, width and height of the sagittal view."""
_RIGHT = 706
_FOOTER_TOP = 1146
_FACTS_BOTTOM = _FOOTER_TOP - 12
_REASONS_WITH_ADVICE = 4
"""With more reasons than this, the page shows what was found; what to do about it stands in the report."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is drawn: the result, the primary volume (None when nothing was measured), the header of a source image."""

    result: StudyResult
    primary: AnalysedVolume | None
    header: Dataset
    when: datetime
    with_identity: bool
    remark: str = ""
    """What of the header is not as the images have it."""


def draw_page(page: Page) -> NDArray[np.uint8]:
    """Return the page as ``pixels[row, column, RGB]``, 1200 x 1600."""
    image = Image.new("RGB", (WIDTH, HEIGHT), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    _banner(draw, page)
    _identity(draw, page)
    _spine(image, draw, page)
    rows = fact_rows(page.result, page.when, page.remark, WIDTH - 36 - _RIGHT)
    top = _FACTS_BOTTOM - box_height(len(rows))
    _findings(draw, page, top - 16)
    draw_facts(draw, rows, (_RIGHT - 16, top, WIDTH - 20, _FACTS_BOTTOM), (_PANEL, _QUIET))
    _footer(draw)
    return np.asarray(image)


def identity_line(header: Dataset) -> str:
    """Return who the page is about. A name whose letters the fonts lack is replaced by a reference to the header."""
    name = str(getattr(header.PatientName, "alphabetic", "") or header.PatientName or "").replace("^", " ").strip()
    if not name or not is_printable(name):
        name = "(name: see image header)" if name else "(no name)"
    parts = [name, f"ID {header.PatientID}" if header.PatientID else "no ID"]
    if header.PatientBirthDate:
        parts.append(f"born {_date(header.PatientBirthDate)}")
    if header.PatientSex:
        parts.append(str(header.PatientSex))
    return "   ·   ".join(parts)


def _banner(draw: ImageDraw.ImageDraw, page: Page) -> None:
    result = page.result
    draw.rectangle([0, 0, WIDTH, 128], fill=CATEGORY_COLOURS[result.category])
    draw.text((36, 66), result.category.words, font=font(54, bold=True), fill=(255, 255, 255), anchor="lm")
    right = ["Opportunistic bone density screening", "automatic result, not reviewed"]
    if result.deformity_suspected:
        right.insert(0, "+ VERTEBRAL DEFORMITY SUSPECTED")
    for number, line in enumerate(right):
        bold = line.startswith("+")
        top = 66 + (number - (len(right) - 1) / 2) * 32
        draw.text((WIDTH - 36, top), line, font=font(24, bold=bold), fill=(255, 255, 255), anchor="rm")


def _identity(draw: ImageDraw.ImageDraw, page: Page) -> None:
    header = page.header
    study = "   ·   ".join(
        str(part)
        for part in (
            f"Study {_date(header.StudyDate)}" if header.StudyDate else "",
            header.get("StudyDescription") or "",
            f"Acc. {header.AccessionNumber}" if header.AccessionNumber and page.with_identity else "",
        )
        if part
    )
    bold, face = font(24, bold=True), font(22)
    who = fitted(identity_line(header), bold, 900) if page.with_identity else ""
    draw.text((36, 150), who, font=bold, fill=_TEXT)
    room = WIDTH - 2 * 36 - 40 - int(bold.getlength(who))
    draw.text((WIDTH - 36, 152), fitted(study, face, room), font=face, fill=_QUIET, anchor="ra")


def _spine(image: Image.Image, draw: ImageDraw.ImageDraw, page: Page) -> None:
    left, top, width, height = _VIEW
    draw.rectangle([left, top, left + width, top + height], fill=(0, 0, 0))
    if page.primary is None:
        column = Column(draw, left + 60, top + height // 2 - 40, width - 120, top + height)
        column.paragraph("No picture: no series of this study was measured.", 26, _QUIET)
        return
    view = sagittal_view(page.primary, width, height)
    notes, faint = {}, []
    for label in view.masks:
        level = level_of_label(label)
        found = page.result.level(level) if level else None
        leading = leading_measurement(found.measurements) if found and found.evaluable else None
        if leading is not None:
            notes[label] = amount(leading)
        elif found is None or not found.evaluable:
            faint.append(label)
    image.paste(drawn(view, notes, frozenset(faint)), (left, top))
    draw.text((left, top + height + 10), view.caption, font=font(18), fill=_QUIET)


def _findings(draw: ImageDraw.ImageDraw, page: Page, bottom: int) -> None:
    result = page.result
    column = Column(draw, _RIGHT, 212, WIDTH - 36 - _RIGHT, bottom)
    column.heading("Impression", _QUIET)
    for line in impression_lines(result)[1:]:
        bold = line.startswith("DEMONSTRATION")
        column.paragraph(line, 20 if bold else 21, _WARNING if bold else _TEXT, bold=bold)
    if result.summary:
        column.skip(12)
        column.heading("Study values", _QUIET)
        first, *others = (_value(item) for item in result.summary[:4])
        column.paragraph(first, 23, _TEXT, bold=True)
        column.paragraph("   ·   ".join(others), 18, _QUIET)
    if row_count(result):
        column.skip(12)
        column.heading("Levels", _QUIET)
        draw_table(column, result)
    found = all_reasons(result)
    reasons = tuple(reason_line(item) if len(found) <= _REASONS_WITH_ADVICE else item.sentence for item in found)
    if reasons:
        column.skip(8)
        column.heading("Reasons and remarks", _QUIET)
        if not column.holds(reasons, 18):
            reasons = tuple(item.sentence for item in found)
        column.list_of(reasons, 18, _TEXT)


def _value(item: Measurement) -> str:
    method = f"  ({item.method})" if item.method else ""
    return f"{short_name(item)}: {amount(item)}{method}"


def _footer(draw: ImageDraw.ImageDraw) -> None:
    draw.rectangle([0, _FOOTER_TOP, WIDTH, HEIGHT], fill=(235, 236, 238))
    face = font(24, bold=True)
    draw.text((WIDTH // 2, _FOOTER_TOP + 18), RESEARCH_USE, font=face, fill=(20, 22, 26), anchor="mm")
    draw.text((WIDTH // 2, _FOOTER_TOP + 41), NOT_REVIEWED, font=font(17), fill=(60, 64, 70), anchor="mm")


def _date(value: object) -> str:
    text = str(value)
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 and text.isdigit() else text
