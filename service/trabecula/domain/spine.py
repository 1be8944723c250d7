"""Vertebral levels by name, their integer labels and their order along the spine."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Level(Enum):
    """A vertebral level; the value is its label in every label map we read or write.

    The numbering is VerSe's (Sekuboyina 2021): 1-7 cervical, 8-19 thoracic, 20-25 lumbar, 26 sacrum (S1).
    """

    C1 = 1
    C2 = 2
    C3 = 3
    C4 = 4
    C5 = 5
    C6 = 6
    C7 = 7
    T1 = 8
    T2 = 9
    T3 = 10
    T4 = 11
    T5 = 12
    T6 = 13
    T7 = 14
    T8 = 15
    T9 = 16
    T10 = 17
    T11 = 18
    T12 = 19
    L1 = 20
    L2 = 21
    L3 = 22
    L4 = 23
    L5 = 24
    L6 = 25
    S1 = 26

    @property
    def label(self) -> int:
        """The integer that stands for this level in a label map."""
        return self.value

    def __str__(self) -> str:
        return self.name


MEASURED_LEVELS: tuple[Level, ...] = (Level.L1, Level.L2, Level.L3, Level.L4)
"""The four levels that every published recipe measures."""

LUMBAR_LEVELS: tuple[Level, ...] = (*MEASURED_LEVELS, Level.L5)

FIRST_UNKNOWN_LABEL = 101
"""Bodies whose level is unknown are labelled 101, 102, ... from the top of the image downward."""


def level_of_label(label: int) -> Level | None:
    """Return the level a label stands for, or None for the label of a body of unknown level (101 and up).

    Raises ValueError for a label that is neither.
    """
    if label >= FIRST_UNKNOWN_LABEL:
        return None
    return Level(label)


def from_cranial_to_caudal(levels: Iterable[Level]) -> tuple[Level, ...]:
    """Return the levels sorted from head to foot."""
    return tuple(sorted(levels, key=lambda level: level.value))
