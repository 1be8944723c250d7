"""Letters on the picture: packaged fonts, wrapping, what they can print, and a sheet that knows where each stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from PIL import Image, ImageDraw, ImageFont

from trabecula.reporting.picture.palette import Colour

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels."""

_PRINTABLE = (
    (0x20, 0x7E),
    (0xA0, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x3FF),
    (0x400, 0x4FF),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2027),
    (0x2030, 0x203A),
    (0x2212, 0x2212),
)
"""Ranges of Unicode that the packaged fonts hold: Latin, Greek, Cyrillic, punctuation, the minus sign."""
_LINE = 1.3
"""Distance of lines in font sizes."""


@cache
def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the packaged typeface (DejaVu Sans Condensed) in pixels; no font of the system is needed."""
    name = "DejaVuSansCondensed-Bold.ttf" if bold else "DejaVuSansCondensed.ttf"
    with resources.as_file(resources.files("trabecula.data").joinpath("fonts", name)) as path:
        return ImageFont.truetype(str(path), size)


def largest_that_fits(text: str, width: int, sizes: Sequence[int], *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the first of the sizes (largest first) in which a line is at most ``width`` pixels wide, else the last."""
    faces = [font(size, bold=bold) for size in sizes]
    return next((face for face in faces if face.getlength(printable(text)) <= width), faces[-1])


def line_height(size: int) -> int:
    """Return the distance of two lines of a size."""
    return round(size * _LINE)


def is_printable(text: str) -> bool:
    """Return whether the fonts hold every character."""
    return all(any(low <= ord(sign) <= high for low, high in _PRINTABLE) for sign in text)


def printable(text: str) -> str:
    """Return the text with a question mark for every character that the fonts do not hold."""
    return "".join(sign if is_printable(sign) else "?" for sign in text)


def wrapped(text: str, face: ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Return the text in lines of at most ``width`` pixels; a longer single word is cut."""
    lines: list[str] = []
    current = ""
    for word in printable(text).split():
        candidate = f"{current} {word}".strip()
        if face.getlength(candidate) <= width:
            current = candidate
            continue
        if current:
            lines.append(current)
        current = fitted(word, face, width)
    return [*lines, current] if current else lines


def fitted(text: str, face: ImageFont.FreeTypeFont, width: int) -> str:
    """Return the text, shortened at its end so that it fits into ``width`` pixels."""
    text = printable(text)
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
    """A page being drawn. Every line of letters is noted with the box it was given (``written``)."""

    def __init__(self, width: int, height: int, background: Colour) -> None:
        self.image = Image.new("RGB", (width, height), background)
        self.draw = ImageDraw.Draw(self.image)
        self.written: list[Written] = []

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
        place, anchor = (x, (box[1] + box[3]) // 2), f"{align}m"
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
        self.sheet.write(text, box, font(size, bold=True), colour)
        self.sheet.draw.line([(box[0], self.top + 1), (box[2], self.top + 1)], fill=(70, 76, 86), width=2)
        self.top += 9

    def paragraph(self, text: str, size: int, colour: Colour, *, bold: bool = False) -> bool:
        """Write a wrapped paragraph; return False, with nothing written, when it does not fit above the bottom."""
        face = font(size, bold=bold)
        lines = wrapped(text, face, self.width)
        if line_height(size) * len(lines) > self.room:
            return False
        for line in lines:
            self.sheet.write(line, self.row(line_height(size)), face, colour)
        return True

    def holds(self, lines: Sequence[str], size: int) -> bool:
        """Return whether all the lines fit above the bottom as a list."""
        return height_of(lines, size, self.width) <= self.room

    def list_of(self, lines: Sequence[str], size: int, colour: Colour) -> None:
        """Write the lines as a list; say how many were left out where the space ends."""
        reserve = 0 if self.holds(lines, size) else line_height(size)
        self.bottom -= reserve
        for number, line in enumerate(lines):
            if not self.paragraph(line, size, colour):
                self.bottom += reserve
                more = f"and {len(lines) - number} more: see the structured report."
                self.paragraph(more if number == 0 else f"… {more}", size, colour)
                return
            self.top += 3
        self.bottom += reserve


def height_of(lines: Sequence[str], size: int, width: int) -> int:
    """Return how high a list of wrapped lines is in a column of ``width`` pixels."""
    face = font(size)
    return sum(line_height(size) * len(wrapped(line, face, width)) + 3 for line in lines)
