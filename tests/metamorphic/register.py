"""The register of trifles: variations that change nothing a person would call a change.

A trifle takes the slices of one scan and a random generator and returns slices; what it stands for in real archives is
its docstring. They are kept by role: those of every scan, and those of CT or MR alone. Importing ``header_trifles`` and
``image_trifles`` fills the register.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from pydicom.uid import generate_uid

from tests.metamorphic.scans import Slice

Slices = Sequence[Slice]
Random = np.random.Generator
Trifle = Callable[[Slices, Random], Slices]

COMMON: dict[str, Trifle] = {}
CT: dict[str, Trifle] = {}
MR: dict[str, Trifle] = {}


def trifle(of: dict[str, Trifle]) -> Callable[[Trifle], Trifle]:
    """Enter a trifle into the register."""

    def add(made: Trifle) -> Trifle:
        of[made.__name__] = made
        return made

    return add


def some(slices: Slices, random: Random, most: float = 0.5) -> set[int]:
    """Indices of at least one slice and at most a share of them."""
    count = int(random.integers(1, max(2, int(len(slices) * most))))
    return {int(index) for index in random.choice(len(slices), size=count, replace=False)}


def new_uid(item: Slice, word: str) -> Slice:
    """The slice under a SOP Instance UID of its own."""
    return item.put(SOPInstanceUID=generate_uid(entropy_srcs=[str(item.get("SOPInstanceUID")), word]))


def normal_of(item: Slice) -> np.ndarray:
    """Unit normal of the slice."""
    rows = np.array([float(value) for value in item.get("ImageOrientationPatient")])
    return np.cross(rows[:3], rows[3:])
