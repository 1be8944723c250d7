"""What stands on every view: letters of orientation, a scale, and letters with a dark halo."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from trabecula.reporting.picture.palette import BLACK, Colour
from trabecula.reporting.picture.typefaces import font

_MARK: Colour = (206, 210, 216)


def draw_marks(
    image: Image.Image, letters: tuple[str, str, str, str], mm: float, scale_mm: float, sideways: float = 0.5
) -> None:
    """Write the letters of the left, right, upper and lower edge, and a scale of ``scale_mm``; a pixel is ``mm``.

    ``sideways`` is how far down (0 to 1) the letters of left and right stand.
    """
    draw = ImageDraw.Draw(image)
    width, height = image.size
    size = max(19, min(26, width // 11))
    face = font(size, bold=True)
    left, right, top, bottom = letters
    for letter, place in (
        (left, (18, max(20, height * sideways))),
        (right, (width - 18, max(20, height * sideways))),
        (top, (width / 2, 20)),
        (bottom, (width / 2, height - 20)),
    ):
        lettered(draw, place, letter, face, _MARK, "mm")
    length = scale_mm / mm
    end, base = width - 18, height - 18
    draw.line([(end - length, base), (end, base)], fill=BLACK, width=7)
    draw.line([(end - length, base), (end, base)], fill=_MARK, width=3)
    lettered(draw, (end - length / 2, base - 20), f"{scale_mm:g} mm", font(size - 2), _MARK, "mm")


def lettered(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    face: ImageFont.FreeTypeFont,
    colour: Colour,
    anchor: str,
) -> None:
    """Write on an image with a dark halo, so that the letters stand out on bone and on air."""
    draw.text(place, text, font=face, fill=colour, anchor=anchor, stroke_width=3, stroke_fill=BLACK)
