"""Spines that tests of the analyser share, drawn once a module."""

from __future__ import annotations

import pytest

from tests.analysis.analysing import AXIAL, SAGITTAL
from tests.imaging.drawn_series import (
    DrawnSpine,
    draw_spine,
)


@pytest.fixture(scope="module")
def ct_spine() -> DrawnSpine:
    return draw_spine(AXIAL)


@pytest.fixture(scope="module")
def mr_spine() -> DrawnSpine:
    return draw_spine(SAGITTAL)
