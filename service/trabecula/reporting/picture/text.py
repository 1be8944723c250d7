"""Letters on the picture: lines and where they may be broken, and a sheet that knows where each line stands."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from trabecula.reporting.languages.telling import ENGLISH, Texts
from trabecula.reporting.picture.palette import Colour
from trabecula.reporting.picture.typefaces import PACKAGED, Typeface, font, lift, prints

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""

_LINE = 1.3
"""Distance of lines in font sizes."""


def largest_that_fits(
    text: str, width: int, sizes: Sequence[int], typeface: Typeface = PACKAGED, *, bold: bool = False
) -> ImageFont.FreeTypeFont:
    """Return the first of the sizes (largest first) in which a line is at most ``width`` pixels wide, else the last."""
    faces = [typeface.font(size, bold=bold) for size in sizes]
    return next((face for face in faces if face.getlength(printable(text, face)) <= width), faces[-1])


def line_height(size: int) -> int:
    """Return the distance of two lines of a size."""
    return round(size * _LINE)


def is_printable(text: str, face: ImageFont.FreeTypeFont | None = None) -> bool:
    """Return whether the font (without one, the packaged one) holds every character."""
    return all(prints(face or font(24), sign) for sign in text)


def printable(text: str, face: ImageFont.FreeTypeFont | None = None) -> str:
    """Return the text with a question mark for every character that the font does not hold."""
    return "".join(sign if is_printable(sign, face) else "?" for sign in text)


def wrapped(text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Return the text in lines of at most ``width`` pixels; a longer single word is cut.

    Lines are broken at blanks, and between Chinese or Japanese letters, but never before a sign that closes or after
    one that opens.
    """
    lines: list[str] = []
    current = ""
    for before, piece in _pieces(printable(text, face)):
        candidate = f"{current}{before}{piece}" if current else piece
        if face.getlength(candidate) <= width:
            current = candidate
            continue
        if current:
            lines.append(current)
        current = fitted(piece, face, width)
    return [*lines, current] if current else lines


_WIDE = r"\u3040-\u30ff\u3400-\u9fff"
_OPENS = "（「『【〔《〈“"
_CLOSES = "、。，．：；！？）」』】〕》〉”・ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ〜％"
_UNIT = re.compile(rf"[{_OPENS}]*(?:[{_WIDE}]|[^{_WIDE}{_OPENS}{_CLOSES}]+|)[{_CLOSES}]*")
"""What stays in one line: a wide letter or a run of others, with what opens before it and what closes behind it."""


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    """Give what stays in one line, each with what stands before it: a blank, or nothing within a word."""
    for word in text.split():
        if not re.search(f"[{_WIDE}]", word):
            yield " ", word
            continue
        for number, unit in enumerate(unit for unit in _UNIT.findall(word) if unit):
            yield "" if number else " ", unit


def fitted(text: str, face: ImageFont.FreeTypeFont, width: int) -> str:
    """Return the text, shortened at its end so that it fits into ``width`` pixels."""
    text = printable(text, face)
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


@dataclass(frozen=True)
class Written:
    """One line of letters on the sheet: the box its pixels fill, and the box it has to stay in."""

    text: str
    drawn: Box
    within: Box
    size: int

    @property
    def is_inside(self) -> bool:
        """Whether no letter leaves its box."""
        left, top, right, bottom = self.within
        return self.drawn[0] >= left and self.drawn[1] >= top and self.drawn[2] <= right and self.drawn[3] <= bottom


class Sheet:
    """A page being drawn, in one typeface and the texts of one language. Every line of letters is noted with the box it
    was given (``written``)."""

    def __init__(
        self, width: int, height: int, background: Colour, typeface: Typeface = PACKAGED, texts: Texts = ENGLISH
    ) -> None:
        self.typeface, self.texts = typeface, texts
        self.image = Image.new("RGB", (width, height), background)
        self.draw = ImageDraw.Draw(self.image)
        self.written: list[Written] = []

    def font(self, size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
        """Return the page's typeface in pixels."""
        return self.typeface.font(size, bold=bold)

    def write(
        self,
        text: str,
        box: Box,
        face: ImageFont.FreeTypeFont,
        colour: Colour,
        *,
        align: str = "l",
        halo: Colour | None = None,
    ) -> None:
        """Write one line into a box, in the middle of its height, shortened to its width; ``align`` is l, m or r."""
        shown = fitted(text, face, box[2] - box[0])
        x = {"l": box[0], "m": (box[0] + box[2]) // 2, "r": box[2]}[align]
        place, anchor = (x, (box[1] + box[3]) // 2 - lift(face)), f"{align}m"
        stroke = 0 if halo is None else 3
        self.draw.text(
            place, shown, font=face, fill=colour, anchor=anchor, stroke_width=stroke, stroke_fill=halo or colour
        )
        drawn = self.draw.textbbox(place, shown, font=face, anchor=anchor)
        edges = (round(drawn[0]), round(drawn[1]), round(drawn[2]), round(drawn[3]))
        self.written.append(Written(shown, edges, (box[0] - 1, box[1], box[2] + 1, box[3]), int(face.size)))


class Column:
    """A column of text that is written from top to bottom and knows when it is full."""

    def __init__(self, sheet: Sheet, left: int, top: int, width: int, bottom: int) -> None:
        self.sheet, self.left, self.top, self.width, self.bottom = sheet, left, top, width, bottom

    @property
    def room(self) -> int:
        """Pixels that are left."""
        return self.bottom - self.top

    def skip(self, pixels: int) -> None:
        """Leave a gap."""
        self.top += pixels

    def row(self, height: int) -> Box:
        """Take the next ``height`` pixels of the column."""
        self.top += height
        return (self.left, self.top - height, self.left + self.width, self.top)

    def heading(self, text: str, colour: Colour, size: int = 24) -> None:
        """Write a small heading with a rule below it."""
        box = self.row(line_height(size))
        self.sheet.write(text, box, self.sheet.font(size, bold=True), colour)
        self.sheet.draw.line([(box[0], self.top + 1), (box[2], self.top + 1)], fill=(70, 76, 86), width=2)
        self.top += 9

    def paragraph(self, text: str, size: int, colour: Colour, *, bold: bool = False) -> bool:
        """Write a wrapped paragraph; return False, with nothing written, when it does not fit above the bottom."""
        face = self.sheet.font(size, bold=bold)
        lines = wrapped(text, face, self.width)
        if line_height(size) * len(lines) > self.room:
            return False
        for line in lines:
            self.sheet.write(line, self.row(line_height(size)), face, colour)
        return True

    def holds(self, lines: Sequence[str], size: int) -> bool:
        """Return whether all the lines fit above the bottom as a list."""
        return height_of(lines, size, self.width, self.sheet.typeface) <= self.room

    def list_of(self, lines: Sequence[str], size: int, colour: Colour) -> None:
        """Write the lines as a list; say how many were left out where the space ends."""
        reserve = 0 if self.holds(lines, size) else line_height(size)
        self.bottom -= reserve
        for number, line in enumerate(lines):
            if not self.paragraph(line, size, colour):
                self.bottom += reserve
                texts = self.sheet.texts
                more = texts.sentence(texts.fill("and_more", count=len(lines) - number))
                self.paragraph(more if number == 0 else f"… {more}", size, colour)
                return
            self.top += 3
        self.bottom += reserve


def height_of(lines: Sequence[str], size: int, width: int, typeface: Typeface = PACKAGED) -> int:
    """Return how high a list of wrapped lines is in a column of ``width`` pixels."""
    face = typeface.font(size)
    return sum(line_height(size) * len(wrapped(line, face, width)) + 3 for line in lines)
