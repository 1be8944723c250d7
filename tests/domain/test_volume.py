from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.modality import Modality
from trabecula.domain.volume import Geometry, Plane, Volume

ANGLES = st.floats(-3.1, 3.1)
SPACINGS = st.floats(0.3, 8.0)


def rotation(a: float, b: float, c: float) -> np.ndarray:
    ca, sa, cb, sb, cc, sc = np.cos(a), np.sin(a), np.cos(b), np.sin(b), np.cos(c), np.sin(c)
    x = np.array([[1, 0, 0], [0, ca, -sa], [0, sa, ca]])
    y = np.array([[cb, 0, sb], [0, 1, 0], [-sb, 0, cb]])
    z = np.array([[cc, -sc, 0], [sc, cc, 0], [0, 0, 1]])
    return x @ y @ z


@given(ANGLES, ANGLES, ANGLES, SPACINGS, SPACINGS, SPACINGS)
def test_index_and_patient_coordinates_are_inverse(a: float, b: float, c: float, s: float, r: float, k: float) -> None:
    affine = np.eye(4)
    affine[:3, :3] = rotation(a, b, c) * np.array([s, r, k])
    affine[:3, 3] = (-10.0, 20.0, 300.0)
    geometry = Geometry((5, 6, 7), affine)
    indices = np.array([[0.0, 0, 0], [4, 5, 6], [1.5, 2.25, 3.0]])

    back = geometry.to_index(geometry.to_lps(indices))

    np.testing.assert_allclose(back, indices, atol=1e-9)
    np.testing.assert_allclose(geometry.spacing_mm, (s, r, k), rtol=1e-9)
    assert geometry.voxel_volume_mm3 == pytest.approx(s * r * k)


def test_the_plane_is_named_by_the_normal_of_the_slices() -> None:
    # rows grow to posterior (y), columns to the left (x): an axial image as in PS3.3 C.7.6.2.1.1
    axial = Geometry((2, 2, 2), np.array([[0, 0, 1, 0], [0, 1, 0, 0], [3, 0, 0, 0], [0, 0, 0, 1.0]]))
    sagittal = Geometry((2, 2, 2), np.array([[4, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]]))
    coronal = Geometry((2, 2, 2), np.array([[0, 0, 1, 0], [4, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1.0]]))

    assert [item.plane for item in (axial, sagittal, coronal)] == [Plane.AXIAL, Plane.SAGITTAL, Plane.CORONAL]


@pytest.mark.parametrize("affine", [np.zeros((4, 4)), np.eye(3), np.full((4, 4), np.nan)])
def test_a_degenerate_affine_is_refused(affine: np.ndarray) -> None:
    with pytest.raises(ValueError, match="affine"):
        Geometry((1, 1, 1), affine)


def test_a_volume_names_one_instance_for_each_slice() -> None:
    geometry = Geometry((2, 3, 4), np.eye(4))

    with pytest.raises(ValueError, match="one for each slice"):
        Volume(array=np.zeros((2, 3, 4), np.float32), geometry=geometry, modality=Modality.CT, source_uids=("1.2",))
    with pytest.raises(ValueError, match="does not match"):
        Volume(array=np.zeros((2, 3, 5), np.float32), geometry=geometry, modality=Modality.CT)
