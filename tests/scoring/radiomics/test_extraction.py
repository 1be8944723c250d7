"""Features of a body: the same as pyradiomics gives on the whole volume, whatever the acquisition's axes."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from numpy.typing import NDArray
from radiomics import imageoperations
from radiomics.featureextractor import RadiomicsFeatureExtractor

from tests.scoring.radiomics.drawn import axial, drawn_series
from trabecula.domain.modality import Modality
from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry, Volume
from trabecula.scoring.radiomics.extraction import extract_series, middle_slices
from trabecula.scoring.radiomics.feature_set import FeatureSet, load_feature_set

CT = load_feature_set("xue2022_ct")


def by_pyradiomics(volume: Volume, labels: NDArray[np.uint8], settings: FeatureSet) -> dict[str, float]:
    """The plain call: the whole volume scaled, resampled and filtered, with pyradiomics' own functions throughout."""
    low, high = np.percentile(volume.array[labels > 0].astype(np.float64), settings.percentiles)
    values = 255.0 * np.clip((volume.array.astype(np.float64) - low) / (high - low), 0, 1)
    image = sitk.GetImageFromArray(values)
    mask = sitk.GetImageFromArray((labels > 0).astype(np.uint8))
    for picture in (image, mask):
        picture.SetSpacing(volume.geometry.spacing_mm[::-1])
    image, mask = imageoperations.resampleImage(
        image, mask, resampledPixelSpacing=[1.0, 1.0, 1.0], interpolator="sitkBSpline", padDistance=1000, label=1
    )
    extractor = RadiomicsFeatureExtractor(binWidth=settings.bin_width, additionalInfo=False)
    extractor.disableAllFeatures()
    extractor.enableFeaturesByName(**{kind: list(names) for kind, names in settings.classes.items()})
    extractor.disableAllImageTypes()
    extractor.enableImageTypes(Original={}, LoG={"sigma": list(settings.log_sigma_mm)}, Wavelet={})
    return {name: float(value) for name, value in extractor.execute(image, mask).items()}


@pytest.fixture(scope="module")
def drawn() -> tuple[Volume, NDArray[np.uint8]]:
    return drawn_series(axial())


@pytest.fixture(scope="module")
def ours(drawn: tuple[Volume, NDArray[np.uint8]]) -> NDArray[np.float64]:
    return extract_series(*drawn, [Level.L3], CT)[Level.L3]


def test_features_equal_those_of_the_whole_volume_to_1e_6(
    drawn: tuple[Volume, NDArray[np.uint8]], ours: NDArray[np.float64]
) -> None:
    plain = by_pyradiomics(*drawn, CT)

    expected = np.array([plain[name] for name in CT.names])
    assert set(plain) == set(CT.names)
    assert np.max(np.abs(ours - expected) / np.maximum(np.abs(expected), 1.0)) < 1e-6


def test_a_sagittal_copy_of_the_same_voxels_gives_the_same_features(
    drawn: tuple[Volume, NDArray[np.uint8]], ours: NDArray[np.float64]
) -> None:
    volume, labels = drawn
    affine = volume.geometry.affine.copy()
    affine[:3, :3] = volume.geometry.affine[:3, [2, 0, 1]] * [-1, -1, 1]
    shape = tuple(volume.array.shape[axis] for axis in (2, 0, 1))
    affine[:3, 3] += volume.geometry.affine[:3, [2, 0]] @ (np.array(shape[:2]) - 1)
    turned = np.flip(volume.array.transpose(2, 0, 1), (0, 1))
    sagittal = Volume(
        array=np.ascontiguousarray(turned),
        geometry=Geometry((shape[0], shape[1], shape[2]), affine),
        modality=Modality.CT,
    )

    found = extract_series(sagittal, np.flip(labels.transpose(2, 0, 1), (0, 1)).copy(), [Level.L3], CT)[Level.L3]

    assert np.allclose(found, ours, rtol=1e-6, atol=1e-6)


def test_a_body_at_the_edge_of_the_volume_and_a_flat_one_have_no_surprises(
    drawn: tuple[Volume, NDArray[np.uint8]],
) -> None:
    volume, labels = drawn
    rows = np.flatnonzero(labels.any(axis=(0, 2)))
    part = slice(int(rows[0]), None)
    affine = volume.geometry.affine.copy()
    affine[:3, 3] = volume.geometry.to_lps(np.array([0.0, float(rows[0]), 0.0]))
    array = np.full_like(volume.array[:, part], 100.0)
    geometry = Geometry((array.shape[0], array.shape[1], array.shape[2]), affine)

    found = extract_series(
        Volume(array=array, geometry=geometry, modality=Modality.CT), labels[:, part].copy(), [Level.L3], CT
    )[Level.L3]

    named = dict(zip(CT.names, found, strict=True))
    assert named["original_shape_VoxelVolume"] > 1000
    assert named["original_firstorder_Variance"] == 0.0


def test_levels_that_are_absent_are_left_out_and_tiny_ones_have_no_values(
    drawn: tuple[Volume, NDArray[np.uint8]],
) -> None:
    volume, labels = drawn
    tiny = np.zeros_like(labels)
    tiny[40:42, 60:62, 60:62] = Level.L2.label

    found = extract_series(volume, tiny, [Level.L2, Level.L1], CT)

    assert list(found) == [Level.L2]
    assert np.isnan(found[Level.L2]).all()
    assert extract_series(volume, tiny, [Level.L1], CT) == {}


@pytest.mark.parametrize("name", ["jiang2026_mr", "radscore_mr"])
def test_mr_sets_work_in_plane_on_thick_sagittal_slices(name: str) -> None:
    affine = np.array([[4.4, 0, 0, -22.0], [0, 0, 0.9, -48.0], [0, -0.9, 0, 48.0], [0, 0, 0, 1]])
    volume, labels = drawn_series(Geometry((11, 107, 107), affine), Modality.MR, levels=(Level.L2, Level.L3))
    settings = load_feature_set(name)

    found = extract_series(volume, labels, [Level.L2, Level.L3], settings)

    for vector in found.values():
        assert np.isfinite(vector).all()
        named = dict(zip(settings.names, vector, strict=True))
        assert named["original_firstorder_Mean"] > 100
    brighter = Volume(array=volume.array * 7 + 3, geometry=volume.geometry, modality=Modality.MR)
    again = extract_series(brighter, labels, [Level.L2, Level.L3], settings)
    assert np.allclose(again[Level.L3], found[Level.L3], rtol=1e-2)


def test_middle_slices_are_those_around_the_median_of_the_body() -> None:
    mask = np.zeros((3, 4, 9), dtype=bool)
    mask[:, :, 2:8] = True

    kept = middle_slices(mask, 3)

    assert np.flatnonzero(kept.any(axis=(0, 1))).tolist() == [3, 4, 5]
