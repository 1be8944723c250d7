"""Coil shading: a known coil laid over a phantom without one is told where it bends VBQ, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysis.truth_segmenter import TruthSegmenter
from trabecula.analysis.findings import Findings, measure_mr
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.shading import common_course
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.segmentation import Segmentation
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.volume import FloatArray, Volume
from trabecula.imaging.acquisition import Acquisition, StatedPatient
from trabecula.imaging.stacks.geometry_gate import RegularStack
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.mr.image import shading as usual_coil
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import MrProtocol, MrSequence, Weighting
from trabecula.phantom.study import MrStudySpec
from trabecula.regions.bodies import cut_bodies
from trabecula.series.choice import Candidate

Coil = Callable[[FloatArray], FloatArray]
"""Sensitivity at points (..., 3) in mm from the middle of L3: x to the left, y to the back, z to the head."""
T1 = Acquisition(
    modality="MR", sop_class_uid="1", series_uid="2.25.1", repetition_time=600.0, echo_time=10.0, slice_thickness=4.0
)


@dataclass(frozen=True)
class Scene:
    """A phantom seen by a coil of the same sensitivity everywhere."""

    volume: Volume
    segmentation: Segmentation
    offset_mm: FloatArray

    def seen_by(self, coil: Coil) -> Findings:
        """What is measured when a known coil takes the place of the even one."""
        image = (self.volume.array * coil(self.offset_mm)).astype(np.float32)
        volume = replace(self.volume, array=image)
        candidate = Candidate(
            role=SeriesRole.T1W, stack=RegularStack((), volume.geometry), acquisition=T1, plane=volume.geometry.plane
        )
        bodies = cut_bodies(volume, self.segmentation)
        return measure_mr(
            GateContext(
                candidate=candidate,
                volume=volume,
                segmentation=self.segmentation,
                bodies=bodies,
                patient=StatedPatient(age_years=70.0, sex="F"),
                thresholds=load_thresholds(),
            )
        )


@pytest.fixture(scope="module")
def scene() -> Scene:
    protocol = MrProtocol(coil_bias=0.0, sequences=(MrSequence(weighting=Weighting.T1),))
    study = make_mr_study(MrStudySpec(sample_patient(905, 1), protocol))
    volume = study.series[0].volume
    segmentation = TruthSegmenter([study]).segment(volume)
    grid = np.stack(np.meshgrid(*map(np.arange, volume.array.shape), indexing="ij"), axis=-1)
    points = volume.geometry.to_lps(grid.astype(np.float64))
    middle = points[segmentation.labels == Level.L3.label].mean(axis=0)
    return Scene(volume, segmentation, points - middle)


def told(findings: Findings) -> list[Reason]:
    return [reason for reason in findings.reasons if reason.code is ReasonCode.SHADING]


def even_coil(offset_mm: FloatArray) -> FloatArray:
    """The same everywhere."""
    return np.ones(offset_mm.shape[:-1])


def along(per_100_mm: float) -> Coil:
    """Brighter toward the feet."""
    return lambda offset: np.exp(-per_100_mm * offset[..., 2] / 100)


def bowl(per_100_mm: float, centre_mm: float = 0.0) -> Coil:
    """Darker away from a centre."""
    return lambda offset: np.exp(-per_100_mm * ((offset[..., 2] - centre_mm) / 100) ** 2)


def behind(per_100_mm: float) -> Coil:
    """Brighter toward the back."""
    return lambda offset: np.exp(per_100_mm * offset[..., 1] / 100)


def test_an_even_coil_and_the_usual_one_are_not_told(scene: Scene) -> None:
    even = scene.seen_by(even_coil)
    usual = scene.seen_by(lambda offset: usual_coil(offset, np.zeros(3), 0.2))

    assert told(even) == []
    assert told(usual) == []
    assert even.evaluable_levels == MEASURED_LEVELS


@pytest.mark.parametrize(
    "coil",
    [along(0.5), along(-0.5), bowl(0.8, 60.0), bowl(-0.9, 40.0), behind(0.9)],
    ids=["feet", "head", "bowl", "inverted", "behind"],
)
def test_a_coil_that_bends_the_score_is_told_without_blocking(scene: Scene, coil: Coil) -> None:
    found = scene.seen_by(coil)
    (reason,) = told(found)

    assert not reason.blocking
    assert reason.level is None
    assert reason.value is not None
    assert reason.value >= 20
    assert "signal changes along the spine" in reason.sentence
    assert found.quality is not None


def test_the_estimate_is_the_sensitivity_that_was_laid_over_the_images(scene: Scene) -> None:
    found = scene.seen_by(along(0.6))
    (reason,) = told(found)
    heights = {body.level: float(body.frame.centre_mm[2]) for body in found.context.bodies}
    true = np.exp(0.6 * (heights[Level.L1] - heights[Level.L4]) / 100) - 1

    assert reason.value == pytest.approx(100 * true, abs=12)
    assert found.quality is not None
    assert found.quality.highest / found.quality.lowest > 1 + 0.7 * true


def test_marrow_of_one_odd_level_is_no_shading(scene: Scene) -> None:
    bright = scene.segmentation.labels == Level.L2.label
    found = scene.seen_by(lambda offset: np.where(bright, 1.35, np.ones_like(offset[..., 0])))
    assert told(found) == []


@settings(deadline=None, max_examples=60)
@given(
    st.floats(-1, 1),
    st.floats(-0.8, 0.8),
    st.lists(st.floats(0.2, 5.0), min_size=1, max_size=3),
    st.integers(0, 2**32 - 1),
)
def test_the_course_that_tissues_share_is_found(
    linear: float, curved: float, brightness: list[float], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    heights = np.linspace(90, -90, 6)
    tissues = []
    for factor in brightness:
        course = linear * heights / 100 + curved * (heights / 100) ** 2
        signal = factor * np.exp(course + rng.normal(0, 0.01, heights.size))
        tissues.append(list(zip(heights.tolist(), signal.tolist(), strict=True)))

    found = common_course(tissues, 0.0)

    assert (found.linear, found.curved) == pytest.approx((linear, curved), abs=0.05)
