"""What else a reader opens in OHIF: outlines with names and colours, the picture, and a result without numbers."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.viewer.cases import SHOWN_LEVELS, Case
from tests.viewer.ohif import Ohif
from trabecula.reporting.picture.palette import level_colour

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("viewer")]

REPORT, SEGMENTATION, PICTURE = 900, 901, 902


@pytest.mark.parametrize("name", ["ct axial", "ct sagittal", "mr t1 t2"])
def test_the_outlines_open_with_names_and_colours(page: Ohif, cases: dict[str, Case], name: str) -> None:
    """The series of ``ct sagittal`` begins with a localizer of another orientation."""
    page.open_study(cases[name].study_uid)
    page.open_series(SEGMENTATION)
    page.page.get_by_text("Yes", exact=True).click()

    segments = page.segments()
    page.choose_segment("L3")
    page.wait_for_image(lambda image: _painted(image) > 0.002)
    page.picture(f"outlines {name}")

    assert page.errors == []
    assert [segment for segment, _ in segments] == [str(level) for level in SHOWN_LEVELS]
    for level, (_, colour) in zip(SHOWN_LEVELS, segments, strict=True):
        assert np.abs(np.subtract(colour, level_colour(level.label))).max() <= 12, level  # PS3.3 C.10.7.1.1 rounds


def test_the_picture_opens(page: Ohif, cases: dict[str, Case]) -> None:
    page.open_study(cases["ct axial"].study_uid)
    page.open_series(PICTURE)

    page.wait_for_image(lambda image: _painted(image) > 0.01)
    page.picture("picture")

    assert page.errors == []


def test_a_result_without_numbers_is_read_as_text(page: Ohif, cases: dict[str, Case]) -> None:
    page.open_study(cases["not evaluable"].study_uid)
    page.open_series(REPORT)

    page.page.get_by_text("Opportunistic bone density category").wait_for()
    text = page.page.locator("[data-cy=viewport-pane]").first.inner_text()
    page.picture("not evaluable")

    assert page.errors == []
    assert "Not evaluable" in text
    assert "The slices are too thick or too far apart for this measurement" in text
    assert "RESEARCH USE ONLY" in text


def _painted(png: bytes) -> float:
    """Return which part of an image is coloured: outlines and banners are, the anatomy is grey."""
    pixels: NDArray[np.int16] = np.asarray(Image.open(BytesIO(png)).convert("RGB"), dtype=np.int16)
    return float((pixels.max(axis=2) - pixels.min(axis=2) > 40).mean())
