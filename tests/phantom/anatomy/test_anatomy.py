"""Tests of the digital spine: the same seed gives the same spine, and what is drawn agrees with its stated truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trabecula.domain.spine import Level
from trabecula.domain.volume import TISSUE_LABELS, Geometry, Tissue
from trabecula.phantom.anatomy import (
    AnatomyMap,
    Fracture,
    FractureKind,
    PhantomTissue,
    Sex,
    Spine,
    SpineOptions,
    along_points,
    locate_points,
    paint_points,
    render_anatomy,
    sample_spine,
    truths,
)
from trabecula.phantom.anatomy.tissue import NETWORK_CLASS

HEALTHY = SpineOptions(healthy=True, scoliosis_deg=0.0)


def sagittal(step: float = 1.0, slices: int = 1, apart: float = 3.0) -> Geometry:
    size = int(300 / step)
    affine = np.array(
        [[apart, 0, 0, -apart * (slices - 1) / 2], [0, 0, step, -110], [0, -step, 0, 150], [0, 0, 0, 1.0]]
    )
    return Geometry((slices, size, int(220 / step)), affine)


def spine(seed: int = 3, options: SpineOptions = HEALTHY) -> Spine:
    return sample_spine(np.random.default_rng(seed), sex=Sex.FEMALE, age_years=60.0, options=options)


@pytest.fixture(scope="module")
def drawn() -> AnatomyMap:
    return render_anatomy(spine(), sagittal())


def test_the_same_seed_gives_the_same_spine_and_another_seed_another() -> None:
    first, again, other = (render_anatomy(spine(seed), sagittal(3.0)) for seed in (5, 5, 6))

    assert (first.tissue == again.tissue).all()
    assert (first.level == again.level).all()
    assert (first.tissue != other.tissue).any()


def test_every_lumbar_body_and_s1_is_in_the_midline_slice_in_order(drawn: AnatomyMap) -> None:
    labels = drawn.body_labels()[0]

    rows = {level: np.argwhere(labels == level.label)[:, 0].mean() for level in Level if (labels == level.label).any()}

    wanted = [Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5, Level.S1]
    assert [rows[level] for level in wanted] == sorted(rows[level] for level in wanted)


def test_the_canal_lies_behind_the_bodies_and_discs_between_them(drawn: AnatomyMap) -> None:
    classes = drawn.network_classes()[0]
    body, canal, disc = (classes == TISSUE_LABELS[t] for t in (Tissue.BODY, Tissue.CANAL, Tissue.DISC))

    row = round(np.argwhere(drawn.level[0] == Level.L3.label)[:, 0].mean())

    assert np.flatnonzero(canal[row]).mean() > np.flatnonzero(body[row]).mean() + 15
    assert disc.sum() > 1000


@pytest.mark.parametrize("seed", [1, 2])
def test_rendered_volume_agrees_with_the_closed_form(seed: int) -> None:
    anatomy = spine(seed)
    affine = np.array([[1.5, 0, 0, -45], [0, 0, 1.0, -90], [0, -1.0, 0, 110], [0, 0, 0, 1.0]])
    geometry = Geometry((60, 220, 150), affine)

    labels = render_anatomy(anatomy, geometry).body_labels()

    for truth in truths(anatomy):
        if truth.level in (Level.L1, Level.L2, Level.L3, Level.L4, Level.L5):
            volume = float((labels == truth.level.label).sum()) * geometry.voxel_volume_mm3
            assert volume == pytest.approx(truth.volume_mm3, rel=0.05)


def test_a_wedge_fracture_lowers_the_front_and_a_biconcave_one_the_middle() -> None:
    wedge = Fracture(Level.L1, FractureKind.WEDGE, 0.4)
    dent = Fracture(Level.L3, FractureKind.BICONCAVE, 0.4)
    broken = spine(9, SpineOptions(healthy=True, fractures=(wedge, dent)))
    whole = spine(9, SpineOptions(healthy=True, fractures=()))

    by_level = {truth.level: truth for truth in truths(broken)}
    before = {truth.level: truth for truth in truths(whole)}

    assert by_level[Level.L1].height_anterior_mm < 0.75 * before[Level.L1].height_anterior_mm
    assert by_level[Level.L1].height_posterior_mm == pytest.approx(before[Level.L1].height_posterior_mm, rel=0.06)
    assert by_level[Level.L3].height_middle_mm < 0.75 * before[Level.L3].height_middle_mm


@pytest.mark.parametrize("count", [4, 5, 6])
def test_the_number_of_lumbar_vertebrae_is_what_was_asked_for(count: int) -> None:
    levels = [v.level for v in spine(2, SpineOptions(lumbar_count=count, healthy=True)).vertebrae]

    assert sum(level is not None and 20 <= level.label <= 25 for level in levels) == count


def test_screws_cement_and_scoliosis_are_drawn_where_asked() -> None:
    options = SpineOptions(healthy=True, screws=(Level.L4, Level.L5), cement=(Level.L1,), scoliosis_deg=30.0)
    anatomy = spine(4, options)
    centres = np.array([v.centre_mm for v in anatomy.vertebrae])

    tissue = render_anatomy(anatomy, sagittal(1.5, 25, 2.5)).tissue

    assert (tissue == PhantomTissue.METAL_SCREW).any()
    assert (tissue == PhantomTissue.METAL_ROD).any()
    assert (tissue == PhantomTissue.CEMENT).any()
    assert np.ptp(centres[:, 0]) > 12


@pytest.mark.parametrize(
    "options",
    [
        SpineOptions(screws=(Level.C1,)),
        SpineOptions(cement=(Level.C7,)),
        SpineOptions(fractures=(Fracture(Level.C1, FractureKind.CRUSH, 0.3),)),
    ],
)
def test_a_level_that_is_not_there_is_refused(options: SpineOptions) -> None:
    with pytest.raises(ValueError, match="has no"):
        spine(1, options)


def test_a_missing_level_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="has no L6"):
        spine(1).vertebra(Level.L6)


def test_a_reversed_array_holds_the_same_anatomy() -> None:
    geometry = sagittal(2.0)
    reversed_affine = geometry.affine.copy()
    reversed_affine[:3, 3] += reversed_affine[:3, 1] * (geometry.shape[1] - 1)
    reversed_affine[:3, 1] *= -1

    first = render_anatomy(spine(), geometry).tissue
    second = render_anatomy(spine(), Geometry(geometry.shape, reversed_affine)).tissue

    assert (np.flip(second, 1) == first).mean() > 0.999


def test_position_along_the_chain_is_whole_at_the_centres_of_bodies() -> None:
    anatomy = spine()
    centres = np.array([v.centre_mm for v in anatomy.vertebrae[1:-1]])

    along = locate_points(anatomy, centres).along

    assert along == pytest.approx(np.arange(1, len(anatomy.vertebrae) - 1), abs=0.02)
    assert (along_points(anatomy, centres) == along).all()


def test_degeneration_collapses_discs() -> None:
    gaps = []
    for worn in (0.0, 1.0):
        anatomy = spine(8, replace(HEALTHY, degeneration=worn))
        place = [v.centre_mm for v in anatomy.vertebrae if v.level is not None]
        gaps.append(float(np.linalg.norm(np.diff(np.array(place), axis=0), axis=1).sum()))

    assert gaps[1] < gaps[0] - 5


@given(st.integers(0, 10_000), st.integers(0, 10_000))
@settings(max_examples=15, deadline=None)
def test_any_spine_answers_for_any_points_with_known_tissues(seed: int, where: int) -> None:
    anatomy = sample_spine(np.random.default_rng(seed), options=SpineOptions(variability=1.6))
    points = np.random.default_rng(where).uniform(-220, 220, (2000, 3)).astype(np.float32)

    tissue, level = paint_points(anatomy, points)

    assert tissue.max() < len(PhantomTissue)
    assert set(np.unique(level)) <= {0, *(one.label for one in Level)}
    assert NETWORK_CLASS[tissue].max() < len(TISSUE_LABELS)


def test_a_sacral_disc_lies_between_s1_and_s2_and_moves_nothing_above_it() -> None:
    usual, kept = spine(), spine(options=replace(HEALTHY, sacral_disc=1.0))
    s1 = usual.index_of(Level.S1)

    def beneath_s1(drawn: Spine) -> float:
        """Millimetres of disc along the way from S2's middle to that of S1."""
        low, high = drawn.vertebrae[s1 - 1].centre_mm, drawn.vertebrae[s1].centre_mm
        way = np.linspace(0, 1, 400)[:, None]
        tissue, _ = paint_points(drawn, low + way * (high - low))
        disc = (tissue == PhantomTissue.NUCLEUS) | (tissue == PhantomTissue.ANNULUS)
        return float(disc.mean() * np.linalg.norm(high - low))

    assert beneath_s1(kept) > beneath_s1(usual) + 2
    assert kept.vertebrae[s1 - 1].body.depth > usual.vertebrae[s1 - 1].body.depth
    assert [body.body for body in kept.vertebrae[s1:]] == [body.body for body in usual.vertebrae[s1:]]


def test_a_wedged_s1_is_shallower_below_and_leaves_the_lumbar_spine_as_it_was() -> None:
    square, wedged = (
        render_anatomy(spine(options=replace(HEALTHY, sacral_wedge=wedge)), sagittal()) for wedge in (0.0, 0.4)
    )

    lumbar = (square.level >= Level.L1.label) & (square.level <= Level.L5.label) & (square.body_labels() > 0)
    assert np.array_equal(wedged.body_labels()[lumbar], square.body_labels()[lumbar])
    sizes = [int((image.body_labels() == Level.S1.label).sum()) for image in (square, wedged)]
    assert 0.65 < sizes[1] / sizes[0] < 0.9
    lost = (square.body_labels() == Level.S1.label) & (wedged.body_labels() != Level.S1.label)
    away = square.geometry.to_lps(np.argwhere(lost).astype(float)) - spine().vertebra(Level.S1).centre_mm
    _, back, up = away.mean(axis=0) @ spine().vertebra(Level.S1).axes
    assert (back < -5, up < -2) == (True, True), "what is missing lay in front and below"


def test_an_ordinary_s1_is_a_wedge_as_real_ones_are_and_a_lumbarised_one_is_square() -> None:
    ordinary = [spine(seed) for seed in range(12)]
    wedges = [drawn.vertebra(Level.S1).body.wedge for drawn in ordinary]

    assert min(wedges) >= 0.18
    assert max(wedges) <= 0.65
    assert np.std(wedges) > 0.05, "every seed has a wedge of its own"
    assert wedges == [spine(seed).vertebra(Level.S1).body.wedge for seed in range(12)]
    for seed, drawn in enumerate(ordinary):
        square = spine(seed, replace(HEALTHY, sacral_wedge=0.0))
        assert square.vertebra(Level.S1).body.wedge == 0.0
        assert square.torso == drawn.torso
        for one, other in zip(square.vertebrae[5:], drawn.vertebrae[5:], strict=True):
            assert (one.body, one.posterior) == (other.body, other.posterior)
            assert np.array_equal(one.centre_mm, other.centre_mm)


def test_the_back_walls_of_s1_and_s2_are_in_line_where_s1_is_a_wedge() -> None:
    for seed in range(6):
        square, wedged = spine(seed, replace(HEALTHY, sacral_wedge=0.0)), spine(seed)
        s1 = wedged.vertebra(Level.S1)
        turn, place = ((drawn.vertebrae[3].centre_mm - s1.centre_mm) @ s1.axes[:, 1] for drawn in (square, wedged))

        assert place - turn == pytest.approx((s1.body.depth - wedged.vertebrae[3].body.depth) / 2, abs=1e-3)


@pytest.mark.parametrize(("options", "least", "most"), [({"last_rib": 0.0}, 0.0, 0.0), ({"last_rib": 0.4}, 0.2, 0.6),
                                                        ({"rib_size": 1.4}, 1.4, 2.5)])  # fmt: skip
def test_last_ribs_are_absent_short_or_thick(options: dict[str, float], least: float, most: float) -> None:
    field = sagittal(step=1.5, slices=13, apart=11.0)
    sizes = []
    for what in ({}, options):
        anatomy = render_anatomy(spine(options=replace(HEALTHY, **what)), field)
        flat = np.isin(anatomy.tissue, (PhantomTissue.ILIUM_MARROW, PhantomTissue.ILIUM_CORTEX))
        sizes.append(int((flat & (anatomy.level == Level.T12.label)).sum()))

    assert sizes[0] > 100
    assert least <= sizes[1] / sizes[0] <= most


def test_transverse_processes_of_lumbar_vertebrae_are_as_long_and_thick_as_asked_for() -> None:
    field = sagittal(step=1.5, slices=13, apart=11.0)
    usual, long = (render_anatomy(spine(options=replace(HEALTHY, transverse=share)), field) for share in (1.0, 2.0))

    far = np.abs(
        field.to_lps(np.argwhere(usual.tissue > 0).astype(float))[:, 0] - spine().vertebra(Level.L3).centre_mm[0]
    )
    assert far.max() > 60, "the field reaches beyond the processes"
    for level, grown in ((Level.L1, True), (Level.L3, True), (Level.T12, False)):
        sizes = [int(((image.level == level.label) & (image.body_labels() == 0)).sum()) for image in (usual, long)]
        assert (sizes[1] > 1.15 * sizes[0]) is grown, level
