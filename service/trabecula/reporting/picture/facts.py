"""The grey box of the picture: what was measured with what, which series were not used, and what made the page.

Every line of the box is drawn, whatever the study: the box grows upwards by rows, and what is too long for its rows is
shortened. Nothing in it is a remark on what was measured.
"""

from __future__ import annotations

from datetime import datetime

from PIL import ImageFont

from trabecula.domain.results.result import StudyResult
from trabecula.reporting.languages.telling import ENGLISH, Texts
from trabecula.reporting.picture.palette import Colour
from trabecula.reporting.picture.text import Box, Sheet, fitted, printable, wrapped
from trabecula.reporting.picture.typefaces import PACKAGED, Typeface
from trabecula.reporting.series_lines import not_used_line, partly_used_lines
from trabecula.reporting.wording import acquisition_line
from trabecula.version import __version__

SIZE = 20
ROW = round(SIZE * 1.3)
PADDING = 12
USUAL_ROWS = 3
MOST_ROWS = 7
"""Rows of most pages, and the most: three series, numbering, images and series not used, header values, versions."""


def fact_rows(
    result: StudyResult,
    when: datetime,
    remark: str,
    width: int,
    *,
    texts: Texts = ENGLISH,
    typeface: Typeface = PACKAGED,
) -> list[str]:
    """Return the rows of the box, each at most ``width`` pixels wide; not more than ``MOST_ROWS``."""
    face, gap = typeface.font(SIZE), texts.files.layout.fact_gap

    def fits(line: str) -> bool:
        return face.getlength(printable(line, face)) < width - 4

    sources = [texts.said(acquisition_line(source)) for source in result.sources]
    numbering = [texts.said(f"Levels: {result.numbering}.")] if result.numbering else []
    used = gap.join(partly_used_lines(result.series_used, texts))
    not_used = not_used_line(result.series_not_used, fits, texts)
    made = texts.fill("revision_when", revision=result.revision, when=f"{when:%Y-%m-%d %H:%M}")
    parts = (f"Trabecula {__version__}", _made_by(result, texts))
    versions = texts.files.layout.list_gap.join(part for part in parts if part)
    short = [fitted(line, face, width) for line in (used, not_used, texts.said(remark)) if line]
    wide = [*_rows(sources, face, width), *_rows(numbering, face, width), *short]
    last = wrapped(texts.sentence(f"{versions}{gap}{made}"), face, width)
    if len(wide) + len(last) <= MOST_ROWS:
        return [*wide, *last]
    narrow = [fitted(line, face, width) for line in (*sources, *numbering)]
    last = last if len(last) == 1 else [fitted(versions, face, width), texts.sentence(made)]
    return [*[*narrow, *short][: MOST_ROWS - len(last)], *last]


def box_height(rows: int) -> int:
    """Return the height of the box in pixels."""
    return max(rows, USUAL_ROWS) * ROW + 2 * PADDING


def draw_facts(sheet: Sheet, rows: list[str], box: Box, colours: tuple[Colour, Colour]) -> None:
    """Draw the rows in the box; ``colours`` are the box's and the letters'."""
    left, top, right, bottom = box
    sheet.draw.rectangle([left, top, right - 1, bottom - 1], fill=colours[0])
    face = sheet.font(SIZE)
    for number, row in enumerate(rows):
        above = top + PADDING + number * ROW
        sheet.write(row, (left + 12, above, right - 12, above + ROW), face, colours[1])


def _made_by(result: StudyResult, texts: Texts) -> str:
    """The segmenter; names of definitions and digests stand in the report."""
    segmenter = result.versions.get("segmenter", "")
    return texts.fill("segmenter", name=segmenter) if segmenter else ""


def _rows(lines: list[str], face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    return [row for line in lines for row in wrapped(line, face, width)]
