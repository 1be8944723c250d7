"""Pictures of vertebral bodies: the same from any acquisition, of the right place and scale, in 0-1."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trabecula.domain.modality import Modality
from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry, Volume
from trabecula.scoring.crops.definition import DEFINITION_NAMES, crop_definition_of, load_crop_definition
from trabecula.scoring.crops.statistics import STATISTICS, crop_statistics, study_statistics
from trabecula.scoring.crops.vertebra import Crop, cut_crops, resized

PLAIN = load_crop_definition("midsagittal_v1")
SPACING_MM = (1.0, 1.0, 4.0)
"""Along head-foot, front-back and right-left."""


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """A body of 20 x 30 mm on slices 2-6 of nine, as arrays [z to head, y to back, x to left].

    Its front upper corner is brightest; the picture grows brighter from slice to slice.
    """
    z, y, x = np.indices((60, 70, 9))
    image = (100 + 2 * z - y + 10 * x).astype(np.float32)
    labels = np.zeros(image.shape, dtype=np.uint8)
    labels[20:40, 25:55, 2:7] = Level.L3.label
    return image, labels


def placed(order: tuple[int, int, int] = (2, 0, 1), flips: tuple[int, ...] = ()) -> tuple[Volume, np.ndarray]:
    """The drawn body as a scanner might have stored it: axes in another order, some running the other way."""
    image, labels = drawn()
    axes = np.array([[0, 0, SPACING_MM[0]], [0, SPACING_MM[1], 0], [SPACING_MM[2], 0, 0]], dtype=float)
    affine = np.eye(4)
    stored = [np.flip(np.transpose(values, order), flips) for values in (image, labels)]
    for axis, source in enumerate(order):
        sign = -1 if axis in flips else 1
        affine[:3, axis] = sign * axes[source]
        if sign < 0:
            affine[:3, 3] += axes[source] * (stored[0].shape[axis] - 1)
    geometry = Geometry(stored[0].shape, affine)
    return Volume(array=np.ascontiguousarray(stored[0]), geometry=geometry, modality=Modality.MR), np.ascontiguousarray(
        stored[1]
    )


def test_the_picture_is_the_box_of_the_middle_slice_with_a_tenth_on_each_side() -> None:
    image, _ = drawn()

    crop = cut_crops(*placed(), (Level.L3,), PLAIN)[Level.L3]

    wanted = image[18:42, 22:58, 4][::-1].astype(float)
    low, high = np.percentile(wanted, (1, 99))
    assert crop.image.shape == (24, 36)
    assert crop.pixel_mm == (1.0, 1.0)
    assert crop.size_mm == (24.0, 36.0)
    np.testing.assert_allclose(crop.image, np.clip((wanted - low) / (high - low), 0, 1), atol=1e-6)
    assert crop.image[0, 0] == 1.0, "head and front are at the upper left"


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_every_way_of_acquiring_gives_the_same_picture(order: tuple[int, int, int]) -> None:
    wanted = cut_crops(*placed(), (Level.L3,), PLAIN)[Level.L3]

    for flips in product((False, True), repeat=3):
        volume, labels = placed(order, tuple(axis for axis, flipped in enumerate(flips) if flipped))
        crop = cut_crops(volume, labels, (Level.L3,), PLAIN)[Level.L3]
        np.testing.assert_array_equal(crop.image, wanted.image)
        assert crop.pixel_mm == wanted.pixel_mm


def test_levels_without_an_outline_or_with_a_speck_give_none() -> None:
    volume, labels = placed()
    labels[4, 3:5, 3:5] = Level.L1.label

    assert set(cut_crops(volume, labels, (Level.L1, Level.L2, Level.L3), PLAIN)) == {Level.L3}


def test_a_body_at_the_border_of_the_image_loses_only_its_margin() -> None:
    volume, labels = placed()
    moved = np.roll(labels, -20, axis=1)

    crop = cut_crops(volume, moved, (Level.L3,), PLAIN)[Level.L3]

    assert crop.image.shape == (22, 36)


def test_sharpening_makes_edges_steeper_and_stays_in_range() -> None:
    volume, labels = placed()
    edged = volume.with_array(np.where(labels > 0, 300, 100).astype(np.float32) + 0.1 * volume.array)

    plain, sharp = (
        cut_crops(edged, labels, (Level.L3,), load_crop_definition(name))[Level.L3] for name in DEFINITION_NAMES
    )

    assert np.abs(np.diff(sharp.image, axis=0)).max() > np.abs(np.diff(plain.image, axis=0)).max()
    assert sharp.image.min() >= 0.0
    assert sharp.image.max() <= 1.0


def test_definitions_are_found_by_their_digest() -> None:
    digests = {load_crop_definition(name).sha256 for name in DEFINITION_NAMES}

    assert len(digests) == len(DEFINITION_NAMES)
    assert crop_definition_of(PLAIN.sha256) is PLAIN
    assert crop_definition_of("0" * 64) is None
    with pytest.raises(KeyError):
        load_crop_definition("by_hand")


def test_a_square_keeps_millimetres_square_and_is_black_beside_the_picture() -> None:
    crop = Crop(np.ones((24, 36), dtype=np.float32), (1.0, 1.0))

    square = resized(crop, 72)

    assert square.shape == (72, 72)
    assert square.dtype == np.float32
    bright = np.flatnonzero(square[:, 36] > 0)
    assert (bright[0], bright[-1]) == (12, 59)
    np.testing.assert_allclose(square[12:60], 1.0)
    assert square[:12].max() == 0.0


def test_sampling_does_not_change_what_a_square_shows() -> None:
    rows, columns = np.indices((96, 120))
    fine = (0.5 + 0.4 * np.sin(rows / 20) * np.cos(columns / 25)).astype(np.float32)
    coarse = fine.reshape(48, 2, 60, 2).mean(axis=(1, 3))

    one, other = resized(Crop(fine, (0.4, 0.4)), 48), resized(Crop(coarse, (0.8, 0.8)), 48)

    assert np.abs(one - other)[8:-8, 2:-2].max() < 0.02


@given(
    arrays.arrays(np.float32, st.tuples(st.integers(4, 40), st.integers(4, 40)), elements=st.floats(0, 1, width=32)),
    st.floats(0.2, 2.0),
    st.integers(8, 64),
)
def test_a_square_is_always_in_range(image: np.ndarray, spacing: float, size: int) -> None:
    square = resized(Crop(image, (spacing, spacing)), size)

    assert square.shape == (size, size)
    assert square.min() >= 0.0
    assert square.max() <= 1.0 + 1e-6


def test_statistics_are_those_of_the_picture() -> None:
    image = np.zeros((20, 30), dtype=np.float32)
    image[2:18, 3:27] = 0.5
    image[9:11, 3:27] = 1.0

    found = dict(zip(STATISTICS, crop_statistics(Crop(image, (1.0, 2.0))), strict=True))

    assert found["mean"] == pytest.approx(image.mean())
    assert found["sd"] == pytest.approx(image.std(), rel=1e-5)
    assert found["median"] == 0.5
    assert found["border_mean"] == 0.0
    assert (found["height_mm"], found["depth_mm"], found["pixel_mm"]) == (20.0, 60.0, 1.0)
    assert found["gradient_per_mm"] > 0
    with pytest.raises(ValueError, match="no crop"):
        study_statistics([])


def test_noise_is_seen_by_its_statistic() -> None:
    generator = np.random.default_rng(1)
    smooth = np.tile(np.linspace(0.2, 0.8, 40, dtype=np.float32), (40, 1))
    noisy = np.clip(smooth + generator.normal(0, 0.05, smooth.shape), 0, 1).astype(np.float32)
    place = STATISTICS.index("noise")

    quiet, loud = (crop_statistics(Crop(image, (1.0, 1.0)))[place] for image in (smooth, noisy))

    assert loud > 0.1 > 10 * quiet
