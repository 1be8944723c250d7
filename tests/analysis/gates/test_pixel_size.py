"""Oblong pixels: exchanged spacings make no fracture, true ones cost nothing, and what nobody confirms is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.gates.test_gates import CT, T1
from tests.imaging.drawn_series import (
    LEVELS,
    DrawnSegmenter,
    DrawnSpine,
    axial,
    ct_image,
    draw_spine,
    mr_image,
    sagittal,
)
from trabecula.analysis.findings import Findings, measure_ct, measure_mr
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.pixel_size import pixel_size
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.volume import Geometry, Volume
from trabecula.imaging.acquisition import Acquisition, StatedPatient
from trabecula.imaging.stacks.geometry_gate import RegularStack
from trabecula.regions.bodies import cut_bodies
from trabecula.series.choice import Candidate

OBLONG = axial((94, 90, 122), (2.5, 1.6, 1.2), top_z=-103.0)
NEARLY = axial((94, 90, 94), (2.5, 1.6, 1.53), top_z=-103.0)
SIDEWAYS = sagittal((15, 164, 80), (4.0, 1.6, 1.2))


def exchanged(geometry: Geometry) -> Geometry:
    """The geometry as headers with exchanged spacings say it."""
    _, row, column = geometry.spacing_mm
    affine = np.array(geometry.affine)
    affine[:3, 1] *= column / row
    affine[:3, 2] *= row / column
    return Geometry(geometry.shape, affine)


def scene(spine: DrawnSpine, geometry: Geometry, made: Acquisition) -> GateContext:
    ct = made.modality == "CT"
    image = ct_image(spine, dict.fromkeys(LEVELS, 130.0)) if ct else mr_image(spine)
    volume = Volume(array=image.astype(np.float32), geometry=geometry, modality=Modality(made.modality))
    segmentation = DrawnSegmenter([spine]).segment(volume)
    role = SeriesRole.CT if ct else SeriesRole.T1W
    candidate = Candidate(role=role, stack=RegularStack((), geometry), acquisition=made, plane=geometry.plane)
    bodies = cut_bodies(volume, segmentation)
    return GateContext(
        candidate=candidate,
        volume=volume,
        segmentation=segmentation,
        bodies=bodies,
        patient=StatedPatient(age_years=70.0, sex="F"),
        thresholds=load_thresholds(),
    )


@pytest.fixture(scope="module")
def right() -> GateContext:
    return scene(draw_spine(OBLONG), OBLONG, CT)


@pytest.fixture(scope="module")
def wrong() -> GateContext:
    return scene(draw_spine(OBLONG), exchanged(OBLONG), CT)


def told(found: GateContext) -> list[tuple[ReasonCode, bool]]:
    return [(reason.code, reason.blocking) for reason in pixel_size(found)]


def with_diameter(found: GateContext, diameter_mm: float) -> GateContext:
    made = replace(CT, reconstruction_diameter_mm=diameter_mm)
    return replace(found, candidate=replace(found.candidate, acquisition=made))


def test_oblong_pixels_are_measured_where_the_bodies_confirm_them(right: GateContext) -> None:
    assert told(right) == []
    assert measure_ct(right).deformities


def test_exchanged_spacings_are_refused_and_make_no_fracture(wrong: GateContext) -> None:
    found = measure_ct(wrong)
    refusals = [reason for reason in found.study_reasons if reason.blocking]
    assert [reason.code for reason in refusals] == [ReasonCode.PIXEL_SPACING]
    assert "exchanged" in refusals[0].sentence
    assert found.deformities == {}
    assert not found.told_fractures
    assert found.summary() == ()


def test_reconstruction_diameter_decides_where_there_is_one(right: GateContext, wrong: GateContext) -> None:
    true = 122 * 1.2
    assert told(with_diameter(right, true)) == []
    assert told(with_diameter(wrong, true)) == [(ReasonCode.PIXEL_SPACING, True)]
    assert told(with_diameter(right, 90 * 1.2 + 122 * 1.6)) == []  # of neither: the bodies tell
    nearly = scene(draw_spine(NEARLY), NEARLY, CT)
    assert told(with_diameter(nearly, 144.0)) == []


def test_pixels_that_nothing_confirms_give_no_heights() -> None:
    found: Findings = measure_ct(scene(draw_spine(NEARLY), NEARLY, CT))
    assert [(reason.code, reason.blocking) for reason in found.reasons] == [(ReasonCode.PIXEL_SPACING, False)]
    assert found.deformities == {}
    assert len(found.evaluable_levels) == 4


@pytest.mark.parametrize("swap", [False, True])
def test_sagittal_mr_is_judged_by_height_and_depth(swap: bool) -> None:
    found = measure_mr(scene(draw_spine(SIDEWAYS), exchanged(SIDEWAYS) if swap else SIDEWAYS, T1))
    about = [(reason.code, reason.blocking) for reason in found.reasons if reason.code is ReasonCode.PIXEL_SPACING]
    assert about == ([(ReasonCode.PIXEL_SPACING, True)] if swap else [])
    assert bool(found.deformities) is not swap
