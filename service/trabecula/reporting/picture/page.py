"""The one page a radiologist reads in ten seconds: flag, outlined spine, bars against limits, what made it."""

from __future__ import annotations

import re
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
from trabecula.reporting.languages.telling import ENGLISH, Texts
from trabecula.reporting.picture.banner import BANNER_BOTTOM, draw_banner
from trabecula.reporting.picture.bars import chart_height, draw_chart, draw_expected
from trabecula.reporting.picture.facts import box_height, draw_facts, fact_rows
from trabecula.reporting.picture.palette import BACKGROUND, PANEL, QUIET, TEXT, WARNING
from trabecula.reporting.picture.text import Column, Sheet, largest_that_fits, line_height
from trabecula.reporting.picture.typefaces import PACKAGED, Typeface
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
    measured. ``remark`` tells what of the header is not as the images have it. ``texts`` and ``typeface`` are those of
    the language the page is in.
    """

    result: StudyResult
    primary: AnalysedVolume | None
    header: Dataset
    when: datetime
    with_name: bool
    remark: str = ""
    replaces: Predecessor | None = None
    refused: RefusedLook | None = None
    texts: Texts = ENGLISH
    typeface: Typeface = PACKAGED


def draw_page(page: Page) -> NDArray[np.uint8]:
    """Return the page as ``pixels[row, column, RGB]``, 1200 x 1600."""
    return np.asarray(sheet_of(page).image)


def sheet_of(page: Page) -> Sheet:
    """Return the drawn page with where each line of letters stands."""
    sheet = Sheet(WIDTH, HEIGHT, BACKGROUND, page.typeface, page.texts)
    draw_banner(sheet, page.result, page.header, with_name=page.with_name)
    views = Views.of(page.result, page.primary, page.refused)
    draw_views(sheet, views, (_EDGE, _TOP, _RIGHT - 24, _FOOTER_TOP - 10))
    width = WIDTH - _EDGE - _RIGHT - 24
    rows = fact_rows(page.result, page.when, page.remark, width, texts=page.texts, typeface=page.typeface)
    top = _FACTS_BOTTOM - box_height(len(rows))
    _findings(sheet, page, views, top - 14)
    draw_facts(sheet, rows, (_RIGHT, top, WIDTH - _EDGE, _FACTS_BOTTOM), (PANEL, QUIET))
    _footer(sheet)
    return sheet


def _findings(sheet: Sheet, page: Page, views: Views, bottom: int) -> None:
    result, texts = page.result, page.texts
    column = Column(sheet, _RIGHT, _TOP, WIDTH - _EDGE - _RIGHT, bottom)
    if page.replaces:
        column.paragraph(_replaced(page, page.replaces), _READ, WARNING, bold=True)
        column.skip(6)
    for line in _model_lines(result):
        column.paragraph(texts.said(line), _SMALL, WARNING, bold=line.startswith("DEMONSTRATION"))
    column.heading(texts.said("SENTENCE FOR THE REPORT"), QUIET)
    _sentence(column, result, chart_height(result))
    column.skip(14)
    draw_chart(column, result)
    beside = _axial(column, views)
    beside.skip(8)
    draw_expected(beside, result)
    _values(beside, result)
    _remarks(beside, result)


def _replaced(page: Page, earlier: Predecessor) -> str:
    moment, revision = earlier.analysed_at, page.result.revision
    if moment is None:
        said = page.texts.fill("replaces_earlier", revision=revision)
    else:
        when = f"{local_time(moment, page.header):%Y-%m-%d %H:%M}"
        said = page.texts.fill("replaces_result", when=when, revision=revision)
    return page.texts.sentence(said)


def _sentence(column: Column, result: StudyResult, below: int) -> None:
    """The sentence as large as leaves room for the chart; where it is longer than that, whole in the report."""
    text = column.sheet.texts.said(paste_text(result))
    floor = column.bottom
    column.bottom = max(column.top + line_height(_SMALL), floor - below - _BELOW)
    for size in (_READ, 28, _SMALL, 24):
        if column.paragraph(text, size, TEXT):
            break
    else:
        _shortened(column, text)
    column.bottom = floor


def _shortened(column: Column, text: str) -> None:
    pieces = re.split(r"(?<=\s)|(?<=[、。，；：）])", text)
    end = " … " + column.sheet.texts.said("(whole in the structured report)")
    while pieces and not column.paragraph("".join(pieces).rstrip() + end, 24, TEXT):
        pieces.pop()


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
    said = column.sheet.texts.said
    words = [said(study_value(item)) for item in result.summary if item.concept not in shown]
    if words:
        text = " · ".join(words)
        column.skip(6)
        column.paragraph(text[:1].upper() + text[1:], 24, QUIET)
    for prior in result.priors:
        column.paragraph(said(prior_line(prior, result)), _SMALL, TEXT)


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
    said = column.sheet.texts.said
    column.heading(said("REMARKS"), QUIET)
    sentences = [said(item.sentence) for item in found]
    steps = [said(reason_line(item)) for item in found]
    if result.category is Category.NOT_EVALUABLE and column.holds(steps, _SMALL):
        sentences = steps
    size = _SMALL if column.holds(sentences, _SMALL) else 24
    column.list_of(sentences, size, TEXT)


def _said_above(reason: Reason, told: set[Level]) -> bool:
    return reason.code is ReasonCode.FRACTURE_LEVEL and reason.level in told


def _footer(sheet: Sheet) -> None:
    sheet.draw.rectangle([0, _FOOTER_TOP, WIDTH, HEIGHT], fill=(235, 236, 238))
    first = (_EDGE, _FOOTER_TOP, WIDTH - _EDGE, _FOOTER_TOP + 38)
    use = sheet.texts.said(RESEARCH_USE)
    face = largest_that_fits(use, first[2] - first[0], (28, 26, 24), sheet.typeface, bold=True)
    sheet.write(use, first, face, (20, 22, 26), align="m")
    second = (_EDGE, _FOOTER_TOP + 34, WIDTH - _EDGE, HEIGHT)
    sheet.write(sheet.texts.said(NOT_REVIEWED), second, sheet.font(24), (50, 54, 60), align="m")
