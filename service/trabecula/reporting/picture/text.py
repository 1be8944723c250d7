"""Letters on the picture: the packaged fonts, wrapping, and what they can print."""

from __future__ import annotations

from functools import cache
from importlib import resources

from PIL import ImageDraw, ImageFont

from trabecula.reporting.picture.palette import Colour

_PRINTABLE = (
    (0x20, 0x7E),
    (0xA0, 0x24F),
    (0x300, 0x36F),
    (0x370, 0x3FF),
    (0x400, 0x4FF),
    (0x1E00, 0x1EFF),
    (0x2010, 0x2027),
    (0x2030, 0x203A),
)
"""Ranges of Unicode that the packaged fonts hold: Latin, Greek, Cyrillic, punctuation."""


@cache
def font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """Return the packaged typeface (DejaVu Sans Condensed) in pixels; no font of the system is needed."""
    name = "DejaVuSansCondensed-Bold.ttf" if bold else "DejaVuSansCondensed.ttf"
    with resources.as_file(resources.files("trabecula.data").joinpath("fonts", name)) as path:
        return ImageFont.truetype(str(path), size)


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
    """Return the text, cut with an ellipsis where it is wider than ``width`` pixels."""
    text = printable(text)
    if face.getlength(text) <= width:
        return text
    while text and face.getlength(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


class Column:
    """A column of text that is written from top to bottom and knows when it is full."""

    def __init__(self, draw: ImageDraw.ImageDraw, left: int, top: int, width: int, bottom: int) -> None:
        self.draw, self.left, self.top, self.width, self.bottom = draw, left, top, width, bottom

    def skip(self, pixels: int) -> None:
        """Leave a gap."""
        self.top += pixels

    def heading(self, text: str, colour: Colour) -> None:
        """Write a small heading with a rule below it."""
        face = font(19, bold=True)
        self.draw.text((self.left, self.top), printable(text.upper()), font=face, fill=colour)
        self.top += 28
        self.draw.line([(self.left, self.top), (self.left + self.width, self.top)], fill=(62, 68, 78), width=1)
        self.top += 10

    def paragraph(self, text: str, size: int, colour: Colour, *, bold: bool = False) -> bool:
        """Write a wrapped paragraph; return False, with nothing written, when it does not fit above the bottom."""
        face = font(size, bold=bold)
        lines = wrapped(text, face, self.width)
        height = round(size * 1.36)
        if self.top + height * len(lines) > self.bottom:
            return False
        for line in lines:
            self.draw.text((self.left, self.top), line, font=face, fill=colour)
            self.top += height
        return True

    def holds(self, lines: tuple[str, ...], size: int) -> bool:
        """Return whether all the lines fit above the bottom as a list."""
        face, height = font(size), round(size * 1.36)
        return self.top + sum(height * len(wrapped(line, face, self.width)) + 3 for line in lines) <= self.bottom

    def list_of(self, lines: tuple[str, ...], size: int, colour: Colour) -> None:
        """Write the lines as a list; say how many were left out where the space ends."""
        reserve = 0 if self.holds(lines, size) else round(size * 1.36)
        self.bottom -= reserve
        for number, line in enumerate(lines):
            if not self.paragraph(line, size, colour):
                self.bottom += reserve
                self.paragraph(f"… and {len(lines) - number} more: see the structured report.", size, colour)
                return
            self.top += 3
        self.bottom += reserve
