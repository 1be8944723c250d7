"""Attenuation and bone quality on drawn spines: the value that was drawn comes out, on every grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.imaging.drawn_series import (
    LEVELS,
    DrawnSegmenter,
    DrawnSpine,
    axial,
    centre_of,
    ct_image,
    draw_spine,
    mr_image,
    sagittal,
)
from trabecula.analysis.biomarkers.attenuation import (
    LevelAttenuation,
    mean_over_levels,
    measure_attenuation,
    outliers,
    oval_v1,
)
from trabecula.analysis.biomarkers.vbq import (
    LevelSignal,
    bone_quality,
    levels_in_words,
    measure_signal,
    summary,
)
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.volume import Geometry, Volume
from trabecula.regions import CsfRegion, csf_v1
from trabecula.regions.bodies import Body, cut_bodies

HU = {level: 100.0 + 10 * place for place, level in enumerate(LEVELS)}
OVAL = load_thresholds().oval
AXIAL = axial((94, 56, 56), (2.5, 1.5, 1.5), top_z=-103.0)
SAGITTAL = sagittal((15, 164, 60), (4.0, 1.6, 1.6))


def bodies_of(spine: DrawnSpine, image: np.ndarray, modality: Modality) -> dict[Level, Body]:
    volume = Volume(array=image.astype(np.float32), geometry=spine.geometry, modality=modality)
    return {body.level: body for body in cut_bodies(volume, DrawnSegmenter([spine]).segment(volume))}


@pytest.fixture(scope="module", params=[AXIAL, SAGITTAL], ids=["axial", "sagittal"])
def ct_bodies(request: pytest.FixtureRequest) -> dict[Level, Body]:
    geometry: Geometry = request.param
    spine = draw_spine(geometry)
    return bodies_of(spine, ct_image(spine, HU), Modality.CT)


def test_bodies_are_cut_out_with_their_axes(ct_bodies: dict[Level, Body]) -> None:
    assert list(ct_bodies) == list(LEVELS)
    body = ct_bodies[Level.L2]
    assert body.frame.centre_mm == pytest.approx(centre_of(Level.L2), abs=1.5)
    assert body.frame.axes[2] @ np.array([0, 0, 1]) == pytest.approx(1.0, abs=0.02)
    assert body.volume_cm3 == pytest.approx(36.0, rel=0.08)
    assert not body.cut_in_plane


@pytest.mark.parametrize("level", MEASURED_LEVELS)
def test_attenuation_is_what_was_drawn(ct_bodies: dict[Level, Body], level: Level) -> None:
    found = measure_attenuation(ct_bodies[level], OVAL)
    assert isinstance(found, LevelAttenuation)
    assert found.mean_hu == pytest.approx(HU[level], abs=1.5)
    assert found.median_hu == pytest.approx(HU[level], abs=1.5)
    assert found.sd_hu == pytest.approx(12.0, abs=1.5)
    assert found.p5_hu < found.median_hu < found.p95_hu
    assert found.region_cm3 >= 1.5
    assert found.oval_hu == pytest.approx(HU[level], abs=4.0)
    assert len(found.measurements("2.25.1")) == 7


def test_the_oval_lies_in_the_anterior_half(ct_bodies: dict[Level, Body]) -> None:
    body = ct_bodies[Level.L1]
    region = oval_v1(body, OVAL)
    assert (region & ~body.mask).sum() == 0
    places = body.frame.to_frame(body.geometry.to_lps(np.argwhere(region).astype(float)))
    assert places[:, 1].mean() < 0
    assert abs(places[:, 2].mean()) < 1.5


def test_padding_is_not_measured(ct_bodies: dict[Level, Body]) -> None:
    body = ct_bodies[Level.L3]
    padding = np.ones(body.volume.array.shape, dtype=np.bool_)
    volume = Volume(
        array=body.volume.array, geometry=body.volume.geometry, modality=Modality.CT, source_uids=(), padding=padding
    )
    empty = Body(
        segmented=body.segmented,
        level=body.level,
        window=body.window,
        mask=body.mask,
        geometry=body.geometry,
        volume=volume,
        toward_sacrum_mm=body.toward_sacrum_mm,
    )
    found = measure_attenuation(empty, OVAL)
    assert isinstance(found, Reason)
    assert found.code is ReasonCode.SEG_QC
    assert found.level is Level.L3


def test_a_body_cut_by_the_image_says_so() -> None:
    spine = draw_spine(axial((30, 56, 16), (2.5, 1.5, 1.5), top_z=-36.0))
    bodies = bodies_of(spine, ct_image(spine, HU), Modality.CT)
    assert bodies[Level.L3].cut_in_plane
    narrow = draw_spine(sagittal((7, 164, 60), (4.0, 1.6, 1.6)))
    body = bodies_of(narrow, ct_image(narrow, HU), Modality.CT)[Level.L3]
    assert body.cut_across
    assert not body.cut_in_plane
    assert not body.whole_sideways


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(60, 140), min_size=4, max_size=4), st.sampled_from(MEASURED_LEVELS))
def test_a_level_far_from_the_others_is_an_outlier(values: list[float], odd: Level) -> None:
    levels = dict(zip(MEASURED_LEVELS, values, strict=True))
    levels[odd] = 400.0
    found = outliers(levels, 45.0)
    assert found[0].level is odd
    assert found[0].code is ReasonCode.OUTLIER_LEVEL


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from(MEASURED_LEVELS), st.floats(-50, 400), max_size=4))
def test_outliers_leave_at_least_two_levels(levels: dict[Level, float]) -> None:
    found = outliers(levels, 45.0)
    assert len(found) <= max(0, len(levels) - 2)


def test_means_take_only_l1_to_l4() -> None:
    assert mean_over_levels({Level.L1: 100.0, Level.L2: 110.0, Level.L5: 900.0}) == 105.0
    assert mean_over_levels({Level.T12: 1.0}) is None


@pytest.fixture(scope="module")
def mr() -> tuple[DrawnSpine, Volume, dict[Level, Body]]:
    spine = draw_spine(SAGITTAL)
    image = mr_image(spine)
    volume = Volume(array=image.astype(np.float32), geometry=spine.geometry, modality=Modality.MR)
    return spine, volume, bodies_of(spine, image, Modality.MR)


def test_vbq_is_marrow_over_fluid(mr: tuple[DrawnSpine, Volume, dict[Level, Body]]) -> None:
    spine, volume, bodies = mr
    signals = {level: measure_signal(bodies[level]) for level in MEASURED_LEVELS}
    found = {level: signal for level, signal in signals.items() if isinstance(signal, LevelSignal)}
    assert list(found) == list(MEASURED_LEVELS)
    csf = csf_v1(DrawnSegmenter([spine]).segment(volume), volume)
    assert isinstance(csf, CsfRegion)
    quality = bone_quality(found, csf)
    assert quality is not None
    assert quality.score == pytest.approx(3.0, rel=0.02)
    assert quality.score_of_voxels == pytest.approx(3.0, rel=0.02)
    assert 0 < quality.voxel_noise < 0.05
    assert quality.lowest <= quality.score <= quality.highest
    assert quality.lowest == pytest.approx(min(found[level].mean for level in MEASURED_LEVELS) / csf.mean, abs=1e-3)
    assert quality.csf_level is Level.L3
    assert [item.concept.value for item in summary(quality, "2.25.1", t2=False)] == ["VBQ", "VBQ", "CSF-SI"]
    assert len(summary(quality, "2.25.1", t2=True)) == 2
    assert bone_quality({}, csf) is None
    level = found[Level.L2].measurements("2.25.1", csf, "m")
    assert level[-1].value == pytest.approx(3.0, rel=0.02)


def test_runs_of_levels_are_named_briefly() -> None:
    assert levels_in_words(MEASURED_LEVELS) == "L1-L4"
    assert levels_in_words((Level.L1, Level.L3)) == "L1, L3"
    assert levels_in_words((Level.L2,)) == "L2"


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_voxel_that_is_no_number_takes_its_level_out_and_fluid_is_sought_elsewhere(
    mr: tuple[DrawnSpine, Volume, dict[Level, Body]], value: float
) -> None:
    spine, volume, _ = mr
    image = volume.array.copy()
    image[tuple(np.argwhere(spine.body(Level.L3)).mean(axis=0).round().astype(int))] = value
    odd = bodies_of(spine, image, Modality.MR)

    for found in (measure_signal(odd[Level.L3]), measure_attenuation(odd[Level.L3], OVAL)):
        assert isinstance(found, Reason)
        assert found.code is ReasonCode.UNREADABLE_PIXELS
        assert "not finite" in found.sentence
    assert isinstance(measure_signal(odd[Level.L2]), LevelSignal)
    everywhere = Volume(
        array=np.full(image.shape, value, dtype=np.float32), geometry=spine.geometry, modality=Modality.MR
    )
    assert isinstance(csf_v1(DrawnSegmenter([spine]).segment(everywhere), everywhere), Reason)
