"""The one page a radiologist reads in ten seconds: flag, outlined spine, bars against limits, what made it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

from trabecula.domain import codes
from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.prior import prior_line
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, StudyResult
from trabecula.domain.spine import Level
from trabecula.reporting.picture.banner import BANNER_BOTTOM, draw_banner
from trabecula.reporting.picture.bars import chart_height, draw_chart, draw_expected
from trabecula.reporting.picture.facts import box_height, draw_facts, fact_rows
from trabecula.reporting.picture.palette import BACKGROUND, PANEL, QUIET, TEXT, WARNING
from trabecula.reporting.picture.text import Column, Sheet, font, line_height
from trabecula.reporting.picture.views.chosen import Views, draw_views
from trabecula.reporting.picture.views.refused import RefusedLook
from trabecula.reporting.stamping import local_time
from trabecula.reporting.wording import (
    NOT_REVIEWED,
    RESEARCH_USE,
    all_reasons,
    impression_lines,
    paste_text,
    reason_line,
    study_value,
)

WIDTH, HEIGHT = 1600, 1200
_TOP = BANNER_BOTTOM + 16
_RIGHT = 600
_EDGE = 24
_FOOTER_TOP = 1132
_FACTS_BOTTOM = _FOOTER_TOP - 10
_READ = 30
"""Size of what is read: about ten pixels where the page is shown at 512."""
_SMALL = 26
_AXIAL, _LEAST_AXIAL = 320, 150
_BELOW = 190
"""What is kept free below the chart, for the axial slice and the remarks."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """What is drawn: the result, the primary volume (None when nothing was measured), the header of a source image.

    ``with_name`` prints name, birth date, sex and accession number beside Patient ID and study date, which always stand
    there. ``replaces`` is the earlier report of the study that was sent. ``refused`` is shown where nothing was
    measured. ``remark`` tells what of the header is not as the images have it.
    """

    result: StudyResult
    primary: AnalysedVolume | None
    header: Dataset
    when: datetime
    with_name: bool
    remark: str = ""
    replaces: Predecessor | None = None
    refused: RefusedLook | None = None


def draw_page(page: Page) -> NDArray[np.uint8]:
    """Return the page as ``pixels[row, column, RGB]``, 1200 x 1600."""
    return np.asarray(sheet_of(page).image)


def sheet_of(page: Page) -> Sheet:
    """Return the drawn page with where each line of letters stands."""
    sheet = Sheet(WIDTH, HEIGHT, BACKGROUND)
    draw_banner(sheet, page.result, page.header, with_name=page.with_name)
    views = Views.of(page.result, page.primary, page.refused)
    draw_views(sheet, views, (_EDGE, _TOP, _RIGHT - 24, _FOOTER_TOP - 10))
    rows = fact_rows(page.result, page.when, page.remark, WIDTH - _EDGE - _RIGHT - 24)
    top = _FACTS_BOTTOM - box_height(len(rows))
    _findings(sheet, page, views, top - 14)
    draw_facts(sheet, rows, (_RIGHT, top, WIDTH - _EDGE, _FACTS_BOTTOM), (PANEL, QUIET))
    _footer(sheet)
    return sheet


def _findings(sheet: Sheet, page: Page, views: Views, bottom: int) -> None:
    result = page.result
    column = Column(sheet, _RIGHT, _TOP, WIDTH - _EDGE - _RIGHT, bottom)
    if page.replaces:
        moment = page.replaces.analysed_at
        what = (
            f"result of {local_time(moment, page.header):%Y-%m-%d %H:%M}" if moment else "earlier result of this study"
        )
        said = f"Replaces the {what} (this is revision {result.revision})."
        column.paragraph(said, _READ, WARNING, bold=True)
        column.skip(6)
    for line in _model_lines(result):
        column.paragraph(line, _SMALL, WARNING, bold=line.startswith("DEMONSTRATION"))
    column.heading("SENTENCE FOR THE REPORT", QUIET)
    _sentence(column, result, chart_height(result))
    column.skip(14)
    draw_chart(column, result)
    beside = _axial(column, views)
    beside.skip(8)
    draw_expected(beside, result)
    _values(beside, result)
    _remarks(beside, result)


def _sentence(column: Column, result: StudyResult, below: int) -> None:
    """The sentence as large as leaves room for the chart; where it is longer than that, whole in the report."""
    text = paste_text(result)
    floor = column.bottom
    column.bottom = max(column.top + line_height(_SMALL), floor - below - _BELOW)
    for size in (_READ, 28, _SMALL, 24):
        if column.paragraph(text, size, TEXT):
            break
    else:
        _shortened(column, text)
    column.bottom = floor


def _shortened(column: Column, text: str) -> None:
    words = text.split()
    end = " … (whole in the structured report)"
    while words and not column.paragraph(" ".join(words) + end, 24, TEXT):
        words = words[:-1]


def _axial(column: Column, views: Views) -> Column:
    """Draw the axial slice at the right, as large as there is room; return the column that is left beside it."""
    image = views.axial_picture(min(_AXIAL, column.room - 8)) if column.room >= _LEAST_AXIAL else None
    if image is None:
        return column
    left = column.left + column.width - image.width
    column.sheet.image.paste(image, (left, column.top + 8))
    return Column(column.sheet, column.left, column.top, column.width - image.width - 24, column.bottom)


def _values(column: Column, result: StudyResult) -> None:
    """The values of the study that no bar shows, in one quiet line."""
    shown = (codes.EXPECTED_ATTENUATION, codes.AGE_Z_SCORE, codes.CSF_SIGNAL, codes.CHANGE_SINCE_PRIOR)
    words = [study_value(item) for item in result.summary if item.concept not in shown]
    if words:
        text = " · ".join(words)
        column.skip(6)
        column.paragraph(text[:1].upper() + text[1:], 24, QUIET)
    for prior in result.priors:
        column.paragraph(prior_line(prior, result), _SMALL, TEXT)


def _model_lines(result: StudyResult) -> tuple[str, ...]:
    """What models said that did not set the category: the lines of the impression that are not the result's own."""
    own = {result.category.words + ".", *result.impression}
    return tuple(line for line in impression_lines(result) if line not in own) if result.impression else ()


def _remarks(column: Column, result: StudyResult) -> None:
    told = {item.level for item in result.deformities if item.named}
    found = [item for item in all_reasons(result) if not _said_above(item, told)]
    if not found or column.room < line_height(24) + line_height(_SMALL) + 20:
        return
    column.skip(8)
    column.heading("REMARKS", QUIET)
    sentences = [item.sentence for item in found]
    steps = [reason_line(item) for item in found]
    if result.category is Category.NOT_EVALUABLE and column.holds(steps, _SMALL):
        sentences = steps
    size = _SMALL if column.holds(sentences, _SMALL) else 24
    column.list_of(sentences, size, TEXT)


def _said_above(reason: Reason, told: set[Level]) -> bool:
    return reason.code is ReasonCode.FRACTURE_LEVEL and reason.level in told


def _footer(sheet: Sheet) -> None:
    sheet.draw.rectangle([0, _FOOTER_TOP, WIDTH, HEIGHT], fill=(235, 236, 238))
    first = (_EDGE, _FOOTER_TOP, WIDTH - _EDGE, _FOOTER_TOP + 38)
    sheet.write(RESEARCH_USE, first, font(28, bold=True), (20, 22, 26), align="m")
    second = (_EDGE, _FOOTER_TOP + 34, WIDTH - _EDGE, HEIGHT)
    sheet.write(NOT_REVIEWED, second, font(24), (50, 54, 60), align="m")
