"""Tests of the generator: the same seed gives the same sample, and image and target belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trabecula_training.segmenter.classes import NetworkClass
from trabecula_training.segmenter.contrast import Look, draw_palette
from trabecula_training.segmenter.generator import Sample, draw_sample
from trabecula_training.segmenter.pool import Pool, draw_pool, load_pool, save_pool
from trabecula_training.segmenter.scanner import scan_volume, thick_slices
from trabecula_training.segmenter.warp import neighbours

SHAPE = (160, 128)


@pytest.fixture(scope="module")
def pool() -> Pool:
    return draw_pool(5, 3, 1)


def samples(pool: Pool, count: int, look: Look | None = None) -> list[Sample]:
    return [draw_sample((4, k), pool, SHAPE, look) for k in range(count)]


def test_the_same_seed_gives_the_same_sample(pool: Pool) -> None:
    first, again, other = (draw_sample((1, k), pool, SHAPE) for k in (7, 7, 8))

    assert (first.image == again.image).all()
    assert (first.target == again.target).all()
    assert (first.image != other.image).any()


def test_images_lie_between_zero_and_one_and_targets_are_classes(pool: Pool) -> None:
    for sample in samples(pool, 40):
        assert sample.image.shape == (3, *SHAPE)
        assert np.isfinite(sample.image).all()
        assert 0 <= sample.image.min() <= sample.image.max() <= 1
        assert sample.target.max() < len(NetworkClass)


def test_the_phase_is_a_unit_vector_and_counts_only_in_the_column(pool: Pool) -> None:
    for sample in samples(pool, 20):
        column = sample.column > 0
        assert np.hypot(*sample.phase)[column] == pytest.approx(1.0, abs=1e-5)
        assert not column[sample.target == NetworkClass.BACKGROUND].any()


def test_bodies_are_there_more_often_than_not(pool: Pool) -> None:
    with_body = [bool((sample.target == NetworkClass.BODY).sum() > 300) for sample in samples(pool, 40)]

    assert np.mean(with_body) > 0.5


def test_marrow_is_darker_than_cortex_on_ct(pool: Pool) -> None:
    rng = np.random.default_rng(3)
    codes, level = np.array(pool.codes[0]), np.array(pool.level[0])

    image = scan_volume(rng, codes, level, Look.CT)

    assert image[codes == 0].mean() < -800
    assert image[codes == 15].mean() > image[codes == 14].mean()


@pytest.mark.parametrize("look", list(Look))
def test_every_look_gives_finite_palettes_in_which_the_rim_stands_out(look: Look) -> None:
    for seed in range(20):
        palette = draw_palette(np.random.default_rng(seed), look)
        assert np.isfinite(palette.mean).all()
        assert abs(palette.mean[15] - palette.mean[14]) > (0.05 if look is not Look.CT else 30)


def test_neighbours_stay_in_the_slab_and_single_slices_occur() -> None:
    rng = np.random.default_rng(1)
    chosen = [neighbours(rng) for _ in range(300)]

    assert all(0 <= k < 7 for trio in chosen for k in trio)
    assert 0.2 < np.mean([len(set(trio)) == 1 for trio in chosen]) < 0.5


def test_a_pool_survives_its_files(pool: Pool, tmp_path: Path) -> None:
    save_pool(pool, tmp_path / "pool")

    loaded = load_pool(tmp_path / "pool")

    assert len(loaded) == len(pool)
    assert (np.asarray(loaded.codes) == pool.codes).all()
    assert (np.asarray(loaded.spacing_mm) == pool.spacing_mm).all()


def test_thick_slices_keep_what_is_constant_and_blur_an_edge_over_their_thickness() -> None:
    weights = thick_slices(60, 5.0, 2.0)
    edge = np.repeat([0.0, 1.0], 30).astype(np.float32)

    blurred = weights @ edge

    assert weights.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    assert weights.min() >= 0
    assert (np.diff(blurred) >= -1e-6).all()
    assert 4 <= int(((blurred > 0.02) & (blurred < 0.98)).sum()) <= 10
