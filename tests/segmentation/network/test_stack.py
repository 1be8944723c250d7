"""Tests of the sagittal stack: whatever way the array lies, planes come out head up and front to the left."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.modality import Modality
from trabecula.domain.volume import Geometry, Volume
from trabecula.segmentation.network.grids import axes_of, is_acquired_sagittal, lay_grid, positions, side_step, whole
from trabecula.segmentation.network.mapping import Weights, axis_weights, interpolate
from trabecula.segmentation.network.preprocess import cut_stack, intensity_of
from trabecula.segmentation.network.stack import resampling

WINDOW, PERCENTILES = (-200.0, 800.0), (0.5, 99.5)


def landmarks(order: tuple[int, ...], signs: tuple[int, ...]) -> Volume:
    """A volume whose value is x + 10 z + 1000 y of its place, with axes permuted and reversed as told."""
    sizes, steps = (12, 40, 30), (4.0, 1.0, 1.0)
    directions = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    affine = np.eye(4)
    shape = [0, 0, 0]
    for k in range(3):
        shape[order[k]] = sizes[k]
        affine[:3, order[k]] = directions[k] * steps[k] * signs[k]
        affine[:3, 3] += directions[k] * (0 if signs[k] > 0 else (sizes[k] - 1) * steps[k])
    geometry = Geometry((shape[0], shape[1], shape[2]), affine)
    index = np.stack(np.meshgrid(*(np.arange(n) for n in shape), indexing="ij"), axis=-1)
    points = geometry.to_lps(index)
    values = points[..., 0] + 10 * points[..., 2] + 1000 * points[..., 1]
    return Volume(array=values.astype(np.float32), geometry=geometry, modality=Modality.CT)


@pytest.mark.parametrize(("order", "signs"), list(product(permutations(range(3)), product((1, -1), repeat=3))))
def test_every_orientation_gives_the_same_planes(order: tuple[int, ...], signs: tuple[int, ...]) -> None:
    volume, plain = landmarks(order, signs), landmarks((0, 1, 2), (1, 1, 1))
    low_high = (-40_000.0, 40_000.0)

    planes = []
    for each in (volume, plain):
        axes = axes_of(each.geometry)
        intensity = intensity_of(each, low_high, PERCENTILES)
        planes.append(cut_stack(each, lay_grid(axes, whole(axes), side_step(axes, each.modality)), intensity).images)

    assert planes[0] == pytest.approx(planes[1], abs=1e-5)


def test_rows_run_to_the_feet_and_columns_to_the_back() -> None:
    volume = landmarks((2, 0, 1), (-1, -1, 1))
    axes = axes_of(volume.geometry)
    grid = lay_grid(axes, whole(axes), side_step(axes, volume.modality))

    first, down, back = grid.points_mm(volume.geometry, np.array([[0.0, 0, 0], [0, 5, 0], [0, 0, 5]]))

    assert down - first == pytest.approx([0, 0, -5])
    assert back - first == pytest.approx([0, 5, 0])


def test_thin_slices_are_cut_anew_and_thick_ones_kept() -> None:
    thick = Geometry((15, 100, 100), np.diag([4.0, 1, 1, 1]))
    thin = Geometry((60, 100, 100), np.diag([0.8, 1, 1, 1]))

    assert is_acquired_sagittal(
        axes_of(Geometry((15, 9, 9), np.array([[4.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])))
    )
    assert not is_acquired_sagittal(axes_of(thin))
    assert thick.spacing_mm[0] > thin.spacing_mm[0]


@given(st.integers(2, 60), st.floats(0.3, 3.0), st.sampled_from([1, -1]))
def test_resampling_keeps_a_constant_constant(size: int, step: float, sign: int) -> None:
    place = positions(size, step, sign, 1.0, (0.0, size * step))

    weights = resampling(size, place)

    assert weights @ np.ones(size, np.float32) == pytest.approx(np.ones(len(place)), abs=1e-5)


@given(st.integers(3, 40), st.floats(0.4, 2.5), st.sampled_from([1, -1]))
def test_a_line_on_the_stack_is_a_line_on_the_volume(size: int, step: float, sign: int) -> None:
    place = positions(size, step, sign, 1.0, (0.0, size * step))
    values = place.astype(np.float32)[None, None, :]
    one = Weights(np.zeros(1, np.intp), np.zeros(1, np.intp), np.zeros(1, np.float32))

    weights = axis_weights(place, size, 0, len(place), 0.5)
    back = interpolate(values, (one, one, weights))[0, 0]

    inside = (weights.native >= place.min()) & (weights.native <= place.max())
    assert back[inside] == pytest.approx(weights.native[inside], abs=1e-3)


def test_mr_percentiles_leave_constant_filling_aside() -> None:
    array = np.zeros((1, 50, 50), np.float32)
    array[0, 10:40, 10:40] = np.random.default_rng(1).uniform(100, 200, (30, 30))
    volume = Volume(array=array, geometry=Geometry((1, 50, 50), np.eye(4)), modality=Modality.MR)

    intensity = intensity_of(volume, WINDOW, PERCENTILES)

    assert 99 < intensity.low < 110
    assert 190 < intensity.high < 201


def test_an_empty_image_has_an_intensity_and_ct_has_its_window() -> None:
    empty = Volume(array=np.zeros((1, 4, 4), np.float32), geometry=Geometry((1, 4, 4), np.eye(4)), modality=Modality.MR)
    ct = Volume(array=np.zeros((1, 4, 4), np.float32), geometry=Geometry((1, 4, 4), np.eye(4)), modality=Modality.CT)

    assert np.isfinite(intensity_of(empty, WINDOW, PERCENTILES).apply(empty.array)).all()
    assert intensity_of(ct, WINDOW, PERCENTILES).high == 800.0


def test_fine_volumes_are_cut_finer_on_ct_and_acquired_slices_are_taken_as_they_are() -> None:
    fine, thick = (Geometry((40, 30, 30), np.diag([step, 1.0, 1.0, 1.0])) for step in (0.7, 4.4))

    assert side_step(axes_of(fine), Modality.CT) < side_step(axes_of(fine), Modality.MR)
    assert side_step(axes_of(thick), Modality.CT) == pytest.approx(4.4)
