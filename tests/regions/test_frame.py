"""Frames: the fitted axes and sizes are those of a body that was drawn with known ones, whatever the grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.regions.drawn_bodies import BodyShape, draw_body, grid, rotation, single_slice
from trabecula.domain.volume import Geometry, Plane
from trabecula.regions import body_heights, fit_frame

GRIDS = {
    "fine axial CT": ("axial", (0.8, 0.8, 0.8)),
    "axial CT 3 mm": ("axial", (3.0, 0.9, 0.9)),
    "sagittal MR 4 mm": ("sagittal", (4.0, 0.7, 0.7)),
    "coronal MPR": ("coronal", (2.0, 0.8, 0.8)),
}


def angles_degrees(axes: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return np.degrees(np.arccos(np.clip((axes * truth.T).sum(axis=1), -1, 1)))


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("turn", [(0, 0, 0), (25, 0, 0), (-35, 0, 0), (15, 10, 12), (0, 14, -15)])
def test_a_turned_body_is_found_turned(name: str, turn: tuple[float, float, float]) -> None:
    geometry = grid(*GRIDS[name])
    truth = rotation(*turn)
    mask = draw_body(geometry, BodyShape(anterior=24, posterior=28), truth)

    frame = fit_frame(mask, geometry)

    assert angles_degrees(frame.axes, truth).max() < 4.0
    assert frame.depth_mm == pytest.approx(34, abs=2.0)
    assert frame.height_mm == pytest.approx(26, abs=2.1)
    assert frame.width_mm == pytest.approx(45, abs=4.1)
    assert np.linalg.norm(frame.centre_mm) < 2.0


@settings(max_examples=12, deadline=None)
@given(
    st.floats(-35, 35),
    st.floats(-12, 12),
    st.floats(-15, 15),
    st.sampled_from(sorted(GRIDS)),
)
def test_axes_are_orthonormal_and_right_handed(sagittal: float, coronal: float, twist: float, name: str) -> None:
    geometry = grid(*GRIDS[name])
    mask = draw_body(geometry, BodyShape(), rotation(sagittal, coronal, twist))

    frame = fit_frame(mask, geometry)

    assert np.allclose(frame.axes @ frame.axes.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(frame.axes) == pytest.approx(1.0)
    assert np.allclose(frame.to_lps(frame.to_frame(np.array([1.0, 2.0, 3.0]))), [1, 2, 3])


def test_a_single_sagittal_slice_gives_the_tilt_in_its_plane() -> None:
    geometry = grid("sagittal", (4.0, 0.7, 0.7))
    mask, geometry = single_slice(draw_body(geometry, BodyShape(), rotation(25, 0, 0)), geometry)

    frame = fit_frame(mask, geometry)

    assert angles_degrees(frame.axes, rotation(25, 0, 0)).max() < 1.0
    assert frame.depth_mm == pytest.approx(34, abs=1.5)
    assert frame.height_mm == pytest.approx(27, abs=1.5)


def test_the_neighbour_below_tells_caudal_even_in_an_upside_down_image() -> None:
    geometry = grid("sagittal", (4.0, 0.7, 0.7))
    mask = draw_body(geometry, BodyShape(), rotation(0, 0, 0))

    frame = fit_frame(mask, geometry, toward_sacrum_mm=np.array([0.0, 5.0, 35.0]))

    assert frame.axes[2] @ np.array([0.0, 0.0, -1.0]) > 0.97


def test_an_empty_mask_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        fit_frame(np.zeros((2, 2, 2), dtype=bool), Geometry((2, 2, 2), np.eye(4)))


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize(("anterior", "posterior"), [(27.0, 27.0), (18.0, 27.0), (30.0, 26.0)])
def test_heights_are_those_of_the_drawn_wedge(name: str, anterior: float, posterior: float) -> None:
    geometry = grid(*GRIDS[name])
    mask = draw_body(geometry, BodyShape(anterior=anterior, posterior=posterior), rotation(12, 0, 0))

    heights = body_heights(mask, geometry, fit_frame(mask, geometry))

    # The thirds of the trimmed depth have their centres 0.267 of the depth in front of and behind the middle.
    mean, slope = (anterior + posterior) / 2, (posterior - anterior) * 0.267
    assert heights is not None
    thick = geometry.plane is Plane.AXIAL and geometry.spacing_mm[0] > 2  # one slice is a tenth of the height
    assert heights.anterior_mm == pytest.approx(mean - slope, abs=1.3 if thick else 0.8)
    assert heights.middle_mm == pytest.approx(mean, abs=1.3 if thick else 0.8)
    assert heights.posterior_mm == pytest.approx(mean + slope, abs=1.3 if thick else 0.8)
    ratio = heights.anterior_mm / heights.posterior_mm
    assert ratio == pytest.approx((mean - slope) / (mean + slope), abs=0.05 if thick else 0.03)


def test_a_biconcave_body_loses_its_middle_height() -> None:
    geometry = grid("axial", (0.8, 0.8, 0.8))
    mask = draw_body(geometry, BodyShape(concavity=5.0), rotation(10, 0, 0))

    heights = body_heights(mask, geometry, fit_frame(mask, geometry))

    assert heights is not None
    assert heights.middle_mm < 0.9 * heights.posterior_mm


def test_no_bone_has_no_heights() -> None:
    geometry = grid("axial", (3.0, 0.9, 0.9))
    mask = draw_body(geometry, BodyShape(), rotation(0, 0, 0))
    frame = fit_frame(mask, geometry)

    assert body_heights(np.zeros_like(mask), geometry, frame) is None
