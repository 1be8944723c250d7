"""Variations that change nothing a person would call a change: after each the same volume must be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.metamorphic import header_trifles, image_trifles
from tests.metamorphic.register import COMMON, CT, MR, Slices, Trifle

ROOMS = (header_trifles, image_trifles)
"""Where the trifles stand; importing them fills the register."""

_ODD_IMAGES = ("one_image_of_another_matrix", "pictures_without_position")


def trifles_of(role: str) -> dict[str, Trifle]:
    """Return the trifles that a scan of this role may suffer, by name."""
    return COMMON | (CT if role == "CT" else MR)


def apply(role: str, steps: Sequence[tuple[str, int]], slices: Slices) -> Slices:
    """Return the slices after these trifles, each with the seed of its own chance.

    Trifles that add odd images come last: the others mean the scan's own images.
    """
    for name, seed in sorted(steps, key=lambda step: step[0] in _ODD_IMAGES):
        slices = trifles_of(role)[name](slices, np.random.default_rng(seed))
    return slices
