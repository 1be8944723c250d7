"""MR signals that are windowed, cut off or moved from zero give no VBQ; whole ones do, whatever their scale."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.imaging.drawn_series import MR_TAGS, DrawnSegmenter, DrawnSpine, draw_spine, mr_image, sagittal, write_stack
from trabecula.analysis.analyser import StudyAnalyser
from trabecula.analysis.findings import Findings, measure_mr
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain import codes
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, SeriesRole
from trabecula.domain.volume import Volume
from trabecula.imaging.acquisition import Acquisition, StatedPatient
from trabecula.imaging.headers.frames import scan_folder
from trabecula.imaging.stacks.geometry_gate import RegularStack
from trabecula.regions.bodies import cut_bodies
from trabecula.series.choice import Candidate

SAGITTAL = sagittal((13, 164, 60), (4.0, 1.6, 1.6))
T1 = Acquisition(
    modality="MR", sop_class_uid="1", series_uid="2.25.1", repetition_time=600.0, echo_time=10.0, slice_thickness=4.0
)
Edit = Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def spine() -> DrawnSpine:
    return draw_spine(SAGITTAL)


def measured(spine: DrawnSpine, edit: Edit) -> Findings:
    volume = Volume(array=edit(mr_image(spine)).astype(np.float32), geometry=SAGITTAL, modality=Modality.MR)
    segmentation = DrawnSegmenter([spine]).segment(volume)
    candidate = Candidate(role=SeriesRole.T1W, stack=RegularStack((), SAGITTAL), acquisition=T1, plane=SAGITTAL.plane)
    bodies = cut_bodies(volume, segmentation)
    return measure_mr(
        GateContext(
            candidate=candidate,
            volume=volume,
            segmentation=segmentation,
            bodies=bodies,
            patient=StatedPatient(age_years=70.0, sex="F"),
            thresholds=load_thresholds(),
        )
    )


def told(found: Findings) -> list[tuple[ReasonCode, bool]]:
    about = (ReasonCode.SIGNAL_WINDOWED, ReasonCode.SIGNAL_OFFSET, ReasonCode.CSF_ROI)
    return [(reason.code, reason.blocking) for reason in found.reasons if reason.code in about]


def window(low: float, high: float, top: float) -> Edit:
    return lambda image: np.round(np.clip((image - low) / (high - low), 0, 1) * top)


def bright_block(image: np.ndarray) -> np.ndarray:
    """Fat before the spine that saturates the receiver."""
    image[:, :, :4] = 4095
    return image


@pytest.mark.parametrize("scale", [0.4, 1.0, 40.0])
def test_whole_signals_give_vbq_at_any_scale(spine: DrawnSpine, scale: float) -> None:
    found = measured(spine, lambda image: image * scale)
    assert told(found) == []
    assert found.quality is not None
    assert found.quality.score == pytest.approx(3.0, abs=0.05)


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (window(120, 920, 255), ReasonCode.SIGNAL_WINDOWED),
        (lambda image: 8 * window(0, 950, 255)(image), ReasonCode.SIGNAL_WINDOWED),
        (window(0, 900, 4095), ReasonCode.SIGNAL_WINDOWED),
        (window(300, 1200, 4095), ReasonCode.SIGNAL_WINDOWED),
        (lambda image: np.clip(bright_block(image), 60, None), ReasonCode.SIGNAL_WINDOWED),
        (lambda image: image - 200, ReasonCode.SIGNAL_OFFSET),
        (lambda image: image - 1024, ReasonCode.SIGNAL_OFFSET),
        (lambda image: image + 250, ReasonCode.SIGNAL_OFFSET),
    ],
    ids=["8 bit window", "8 bits times 8", "marrow cut", "fluid cut", "both ends", "-200", "-1024", "+250"],
)
def test_signals_that_are_not_whole_or_not_from_zero_give_no_vbq(
    spine: DrawnSpine, edit: Edit, code: ReasonCode
) -> None:
    found = measured(spine, edit)
    assert told(found) == [(code, True)]
    assert found.quality is None
    assert found.summary() == ()
    values = [value.concept for level in found.signals for value in found.measurements(level)]
    assert codes.MR_SIGNAL in values
    assert codes.VBQ not in values


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        (bright_block, ReasonCode.SIGNAL_WINDOWED),
        (lambda image: image + 110, ReasonCode.SIGNAL_OFFSET),
        (lambda image: image - 45, ReasonCode.SIGNAL_OFFSET),
    ],
    ids=["fat saturated", "+110", "-45"],
)
def test_what_may_bend_vbq_or_lies_elsewhere_is_told(spine: DrawnSpine, edit: Edit, code: ReasonCode) -> None:
    found = measured(spine, edit)
    assert told(found) == [(code, False)]
    assert found.quality is not None


def test_images_of_eight_bits_give_no_value_and_say_why(tmp_path: Path, spine: DrawnSpine) -> None:
    tags = {**MR_TAGS, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0}
    write_stack(tmp_path, window(0, 1100, 250)(mr_image(spine)), SAGITTAL, tags)
    analyser = StudyAnalyser(DrawnSegmenter([spine]), (), load_thresholds())
    result = analyser.analyse("2.25.1", 1, scan_folder(tmp_path)).result
    assert result.category is Category.NOT_EVALUABLE
    (first, *_) = result.reasons
    assert (first.code, first.blocking, first.detail) == (ReasonCode.SIGNAL_WINDOWED, True, "Bits Stored 8")
    assert result.summary == ()
    assert not any(level.evaluable for level in result.levels)
