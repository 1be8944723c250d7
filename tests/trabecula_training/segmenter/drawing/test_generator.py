"""Tests of the generator: the same seed gives the same sample, and image and target belong together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry
from trabecula.phantom.anatomy import PhantomTissue, SpineOptions, render_anatomy, sample_spine
from trabecula_training.segmenter.drawing.chemical_shift import Displacement, shift_fat
from trabecula_training.segmenter.drawing.classes import TARGET_OF_CODE, NetworkClass, codes_of
from trabecula_training.segmenter.drawing.contrast import Look, draw_palette
from trabecula_training.segmenter.drawing.generator import Sample, draw_sample
from trabecula_training.segmenter.drawing.pool import SLICES, Pool, draw_pool, load_pool, save_pool
from trabecula_training.segmenter.drawing.scanner import DrawnAcquisition, scan_volume, thick_slices
from trabecula_training.segmenter.drawing.warp import neighbours

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

    image, marrow = scan_volume(rng, codes, level, Look.CT, DrawnAcquisition())

    assert image[codes == 0].mean() < -800
    assert image[codes == 15].mean() > image[codes == 14].mean()
    assert marrow.pixels == 0


@pytest.mark.parametrize("look", list(Look))
def test_every_look_gives_finite_palettes_in_which_the_rim_stands_out(look: Look) -> None:
    for seed in range(20):
        palette = draw_palette(np.random.default_rng(seed), look)
        assert np.isfinite(palette.mean).all()
        assert abs(palette.mean[15] - palette.mean[14]) > (0.05 if look is not Look.CT else 30)
        if look in (Look.T1, Look.T2, Look.STIR):
            assert palette.mean[15] < palette.mean[14]


def test_neighbours_stay_in_the_slab_and_single_slices_occur() -> None:
    rng = np.random.default_rng(1)
    chosen = [neighbours(rng, float(rng.uniform(0.7, 1.9)), Look.T2) for _ in range(500)]

    for choice in chosen:
        half = choice.planes // 2
        assert half <= min(choice.middles)
        assert max(choice.middles) < SLICES - half
        assert max(choice.order) == len(choice.middles) - 1
    assert 0.2 < np.mean([len(choice.middles) == 1 for choice in chosen]) < 0.4
    assert {choice.planes for choice in chosen} == {1, 3, 5}


def test_neighbouring_slices_hardly_overlap() -> None:
    rng = np.random.default_rng(2)
    for choice in (neighbours(rng, 0.9, Look.T1) for _ in range(300)):
        if len(choice.middles) > 1:
            assert abs(choice.middles[1] - choice.middles[0]) >= choice.planes - 1


def test_mr_slices_are_thicker_than_reformatted_ct_and_none_is_thicker_than_scanners_make_them() -> None:
    rng = np.random.default_rng(3)
    thickness = {
        look: [spacing * neighbours(rng, spacing, look).planes for spacing in rng.uniform(0.7, 1.9, 400)]
        for look in (Look.T1, Look.CT)
    }

    assert np.mean(thickness[Look.T1]) > 1.3 * np.mean(thickness[Look.CT])
    assert max(max(values) for values in thickness.values()) <= 6.5


def test_a_thick_slice_is_the_mean_of_its_planes(pool: Pool) -> None:
    codes = np.zeros((5, 40, 40), np.uint8)
    codes[3:] = PhantomTissue.BODY_MARROW
    level = np.zeros_like(codes)

    thin = [
        scan_volume(np.random.default_rng(8), part, part * 0, Look.CT, DrawnAcquisition())[0]
        for part in (codes[:1], codes[-1:])
    ]
    thick = scan_volume(np.random.default_rng(8), codes, level, Look.CT, DrawnAcquisition(planes=5))[0]

    assert thick.shape == (1, 40, 40)
    expected = 0.6 * thin[0].mean() + 0.4 * thin[1].mean()
    assert thick.mean() == pytest.approx(expected, abs=25)


@pytest.mark.parametrize("axis", [-2, -1])
@pytest.mark.parametrize("pixels", [-2, 1])
def test_displaced_marrow_covers_what_lies_before_it_and_leaves_rim_behind(axis: int, pixels: int) -> None:
    target = np.full((30, 30), NetworkClass.DISC, np.uint8)
    target[8:22, 8:22] = NetworkClass.RIM
    target[10:20, 10:20] = NetworkClass.BODY

    moved = Displacement(axis, pixels).of_targets(target)

    assert (moved == NetworkClass.BODY).sum() == 100
    assert ((moved == NetworkClass.BODY) == np.roll(target == NetworkClass.BODY, pixels, axis)).all()
    assert (moved[(target == NetworkClass.BODY) & (moved != NetworkClass.BODY)] == NetworkClass.RIM).all()
    assert (moved == NetworkClass.DISC).sum() == (target == NetworkClass.DISC).sum()


def test_a_body_cut_by_the_images_edge_gets_no_rim_there() -> None:
    target = np.zeros((20, 10), np.uint8)
    target[:8] = NetworkClass.BODY

    assert (Displacement(-2, 2).of_targets(target)[:10] == NetworkClass.BODY).all()


def test_displaced_marrow_lies_where_the_signal_of_its_water_and_fat_is_centred() -> None:
    codes = np.zeros((1, 64, 64), np.uint8)
    codes[:, 20:44, 20:44] = PhantomTissue.BODY_MARROW
    palette = draw_palette(np.random.default_rng(2), Look.T1)
    flat = (codes > 0).astype(np.float32)
    found = []
    for seed in range(40):
        image, marrow = shift_fat(np.random.default_rng(seed), palette, codes, flat)
        profile = image[0].sum(axis=1 if marrow.axis == -2 else 0)
        centre = float((profile * np.arange(64)).sum() / profile.sum()) - 31.5
        assert centre == pytest.approx(marrow.pixels, abs=0.51)
        found.append(marrow.pixels)
    assert min(found) < 0 < max(found)


def test_ribs_are_a_class_of_their_own_beside_thoracic_bodies() -> None:
    spine = sample_spine(np.random.default_rng(4), options=SpineOptions(lumbar_count=5))
    directions = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    affine = np.eye(4)
    affine[:3, :3] = directions.T
    affine[:3, 3] = (-34.0, -70.0, 150.0)
    anatomy = render_anatomy(spine, Geometry((1, 300, 160), affine))

    rib = TARGET_OF_CODE[codes_of(anatomy.tissue, anatomy.level)] == NetworkClass.RIB

    assert rib.sum() > 100
    assert set(np.unique(anatomy.level[rib])) <= set(range(Level.T1.label, Level.T12.label + 1))


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
