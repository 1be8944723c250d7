"""Colours: of the page, of the four categories and of the levels; chosen to stay apart for colour-blind readers."""

from __future__ import annotations

from trabecula.domain.results.result import Category
from trabecula.domain.spine import Level, level_of_label

Colour = tuple[int, int, int]

BACKGROUND: Colour = (14, 16, 20)
PANEL: Colour = (27, 31, 38)
TEXT: Colour = (238, 240, 243)
QUIET: Colour = (168, 175, 186)
FAINT: Colour = (128, 134, 144)
WARNING: Colour = (245, 200, 105)
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)

CATEGORY_COLOURS: dict[Category, Colour] = {
    Category.LOW_BONE_DENSITY_SUSPECTED: (178, 62, 0),
    Category.INDETERMINATE: (140, 104, 0),
    Category.NO_FLAG: (0, 92, 148),
    Category.NOT_EVALUABLE: (88, 88, 96),
}
"""Vermilion, ochre, blue and grey, dark enough for white words (contrast over 4.5); no red beside green."""

ZONE_COLOURS: dict[Category, Colour] = {
    Category.LOW_BONE_DENSITY_SUSPECTED: (92, 40, 14),
    Category.INDETERMINATE: (78, 62, 14),
    Category.NO_FLAG: (14, 54, 84),
}
"""The same, dark: what lies behind the bars."""

_CYCLE: tuple[Colour, ...] = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (204, 121, 167))
"""Okabe and Ito's palette (2008): orange, sky blue, bluish green, yellow, reddish purple."""


def level_colour(label: int) -> Colour:
    """Return the colour of a body by its label; L1 is orange, neighbours always differ."""
    level = level_of_label(label)
    return _CYCLE[(label - (Level.L1.label if level else 0)) % len(_CYCLE)]
