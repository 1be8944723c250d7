"""Distances and rims: exact on a sphere and a slab, on anisotropic grids too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.regions.drawn_bodies import grid
from trabecula.domain.volume import TISSUE_LABELS, Geometry, Tissue
from trabecula.regions import border_distance_mm, crop_to_mask, eroded, rim_out, window_of

SPACING = st.tuples(st.floats(0.5, 3.0), st.floats(0.5, 1.5), st.floats(0.5, 1.5))


def ball(geometry: Geometry, radius: float) -> np.ndarray:
    points = geometry.to_lps(np.moveaxis(np.indices(geometry.shape), 0, -1).astype(float))
    return np.linalg.norm(points, axis=-1)


@settings(max_examples=15, deadline=None)
@given(SPACING, st.floats(6, 14))
def test_distance_is_that_of_a_ball_within_a_voxel(spacing: tuple[float, float, float], radius: float) -> None:
    geometry = grid("axial", spacing, 36.0)
    from_centre = ball(geometry, radius)
    mask = from_centre <= radius

    distance = border_distance_mm(mask, geometry)

    assert np.abs(distance - (radius - from_centre)).max() <= np.linalg.norm(spacing)
    assert (distance[mask] > 0).all()
    assert (distance[~mask] < 0).all()


@settings(max_examples=15, deadline=None)
@given(SPACING, st.floats(0.5, 4), st.floats(0.5, 4))
def test_erosion_nests(spacing: tuple[float, float, float], first: float, second: float) -> None:
    geometry = grid("axial", spacing, 36.0)
    mask = ball(geometry, 0) <= 12

    shallow, deep = sorted((first, second))

    assert not (eroded(mask, geometry, deep) & ~eroded(mask, geometry, shallow)).any()
    assert not (eroded(mask, geometry, shallow) & ~mask).any()


def test_erosion_of_a_slab_is_exact_in_millimetres() -> None:
    geometry = Geometry((20, 3, 3), np.diag([1.5, 1.0, 1.0, 1.0]))
    mask = np.zeros(geometry.shape, dtype=bool)
    mask[4:16] = True

    kept = eroded(mask, geometry, 3.0)

    # Voxel centres lie 0.75 mm, 2.25 mm and 3.75 mm below the surface; the border of the array is no surface.
    assert np.flatnonzero(kept.any(axis=(1, 2))).tolist() == list(range(6, 14))
    assert kept[6:14].all()


def test_where_the_image_ends_the_body_goes_on() -> None:
    geometry = Geometry((1, 5, 5), np.eye(4))

    assert eroded(np.ones(geometry.shape, dtype=bool), geometry, 50.0).all()
    assert np.isneginf(border_distance_mm(np.zeros(geometry.shape, dtype=bool), geometry)).all()
    assert not eroded(np.zeros(geometry.shape, dtype=bool), geometry, 1.0).any()


def test_the_rim_is_the_segmenters_or_a_millimetre() -> None:
    geometry = grid("axial", (1.0, 1.0, 1.0), 30.0)
    mask = ball(geometry, 0) <= 10
    tissues = np.zeros(mask.shape, dtype=np.uint8)
    tissues[mask] = TISSUE_LABELS[Tissue.BODY]
    tissues[mask & (ball(geometry, 0) > 7)] = TISSUE_LABELS[Tissue.RIM]

    assert np.array_equal(rim_out(mask, geometry, tissues), ball(geometry, 0) <= 7)
    assert np.array_equal(rim_out(mask, geometry), eroded(mask, geometry, 1.0))


def test_a_crop_lies_where_it_lay() -> None:
    geometry = grid("sagittal", (3.0, 0.7, 0.9), 40.0)
    mask = ball(geometry, 0) <= 8

    crop = crop_to_mask(mask, geometry, margin_mm=4.0)

    assert np.array_equal(mask[crop.window], crop.mask)
    assert crop.mask.sum() == mask.sum()
    first = np.argwhere(crop.mask)[0].astype(float)
    assert np.allclose(crop.geometry.to_lps(first), geometry.to_lps(np.argwhere(mask)[0].astype(float)))


def test_an_empty_mask_has_no_window() -> None:
    with pytest.raises(ValueError, match="empty"):
        window_of(np.zeros((3, 3, 3), dtype=bool))
