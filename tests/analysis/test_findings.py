"""What one series says: no heights from slices far apart, no deformity where heights cannot be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.imaging.drawn_series import LEVELS, SHAPE, DrawnSegmenter, DrawnSpine, axial, ct_image, draw_spine
from tests.regions.drawn_bodies import BodyShape
from trabecula.analysis.findings import Findings, measure_ct
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import Level
from trabecula.domain.volume import Volume
from trabecula.imaging.acquisition import Acquisition, StatedPatient
from trabecula.imaging.stacks.geometry_gate import RegularStack
from trabecula.regions.bodies import cut_bodies
from trabecula.series.choice import Candidate

MADE = Acquisition(
    modality="CT",
    sop_class_uid="1",
    series_uid="2.25.1",
    manufacturer="SIEMENS",
    kernel=("B30f",),
    kvp=120.0,
    slice_thickness=2.5,
)
WEDGE = {Level.L2: BodyShape(SHAPE.width, SHAPE.depth, 13.0, 27.0)}


def context_of(spine: DrawnSpine) -> GateContext:
    volume = Volume(
        array=ct_image(spine, dict.fromkeys(LEVELS, 150.0)).astype(np.float32),
        geometry=spine.geometry,
        modality=Modality.CT,
    )
    segmentation = DrawnSegmenter([spine]).segment(volume)
    candidate = Candidate(
        role=SeriesRole.CT, stack=RegularStack((), spine.geometry), acquisition=MADE, plane=spine.geometry.plane
    )
    bodies = cut_bodies(volume, segmentation)
    return GateContext(
        candidate=candidate,
        volume=volume,
        segmentation=segmentation,
        bodies=bodies,
        patient=StatedPatient(age_years=70.0, sex="F"),
        thresholds=load_thresholds(),
    )


@pytest.mark.parametrize(("distance_mm", "graded"), [(2.5, True), (3.0, True), (5.0, False), (7.5, False)])
def test_thin_slices_far_apart_give_no_heights(distance_mm: float, graded: bool) -> None:
    spine = draw_spine(axial((round(235 / distance_mm), 90, 90), (distance_mm, 1.6, 1.6), top_z=-103.0), WEDGE)
    found = measure_ct(context_of(spine))

    assert bool(found.deformities) is graded
    assert (Level.L2 in found.told_fractures.bodies) is graded
    assert found.evaluable_levels


@pytest.fixture(scope="module")
def wedged() -> Findings:
    return measure_ct(context_of(draw_spine(axial((94, 90, 90), (2.5, 1.6, 1.6), top_z=-103.0), WEDGE)))


@pytest.mark.parametrize("code", [ReasonCode.UPSIDE_DOWN, ReasonCode.SEG_QC, ReasonCode.HU_SANITY])
def test_no_deformity_is_told_where_the_heights_are_in_doubt(wedged: Findings, code: ReasonCode) -> None:
    doubted = replace(wedged, reasons=[*wedged.reasons, Reason(code=code)])

    assert set(wedged.told_fractures.bodies) == {Level.L2}
    assert not doubted.told_fractures


def test_no_deformity_is_told_of_a_child(wedged: Findings) -> None:
    child = replace(wedged, context=replace(wedged.context, patient=StatedPatient(age_years=12.0, sex="F")))
    assert not child.told_fractures


@pytest.mark.parametrize("short_by", [0, 1])
def test_a_body_that_ends_beside_the_edge_of_the_images_is_no_fracture(short_by: int) -> None:
    whole = draw_spine(axial((94, 90, 90), (2.5, 1.6, 1.6), top_z=-103.0))
    highest = LEVELS[0]
    rows = np.flatnonzero((whole.labels == highest.label).any(axis=(1, 2)))
    end = int(rows[len(rows) // 2]) + 1  # the image ends in the middle of the body
    cut = replace(
        whole,
        geometry=axial((end + short_by, 90, 90), (2.5, 1.6, 1.6), top_z=-103.0),
        labels=np.concatenate([whole.labels[: end - 1], np.zeros((short_by + 1, 90, 90), np.uint8)]),
        tissues=whole.tissues[: end + short_by],
    )

    found = measure_ct(context_of(cut))

    # the outline stops a slice short of the edge (or two): only its place tells such a body from a crushed one
    assert (highest in found.deformities) is (short_by > 0)
    assert set(found.deformities) >= set(LEVELS[1:-1])
