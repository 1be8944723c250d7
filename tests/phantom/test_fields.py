"""Random fields: the same place reads the same value on any grid; mean 0, SD 1, and the width that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trabecula.phantom.fields import noise_like, texture_at


@given(st.floats(-200, 200), st.floats(-200, 200), st.floats(-200, 200), st.integers(0, 3))
@settings(max_examples=30, deadline=None)
def test_a_place_reads_the_same_alone_and_in_company(x: float, y: float, z: float, seed: int) -> None:
    point = np.array([[x, y, z]])

    company = texture_at(np.concatenate([np.zeros((5, 3)), point]), seed, 1.5)

    assert texture_at(point, seed, 1.5)[0] == company[-1]


def test_texture_has_mean_0_and_sd_1_and_fades_with_distance() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-24, 24, (60_000, 3))

    here = texture_at(points, 1, 1.5)
    near, far = (texture_at(points + np.array([step, 0.0, 0.0]), 1, 1.5) for step in (0.5, 6.0))

    assert here.mean() == pytest.approx(0.0, abs=0.03)
    assert here.std() == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(here, near)[0, 1] > 0.7
    assert abs(np.corrcoef(here, far)[0, 1]) < 0.1


@pytest.mark.parametrize(("smooth", "sharpen"), [(0.8, 0.0), (0.8, 0.6)])
def test_noise_has_sd_1_and_a_sharp_kernel_takes_its_neighbours_off(smooth: float, sharpen: float) -> None:
    field = noise_like(np.random.default_rng(2), (3, 128, 128), smooth, sharpen)

    neighbours = np.corrcoef(field[:, :, 1:].ravel(), field[:, :, :-1].ravel())[0, 1]

    assert field.std() == pytest.approx(1.0, abs=1e-3)
    assert neighbours > 0.4 if sharpen == 0 else neighbours < 0.2
