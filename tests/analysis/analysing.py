"""What tests of the analyser share: grids, tags, and the analyser over drawn spines."""

from __future__ import annotations

from pathlib import Path

from tests.imaging.drawn_series import (
    MR_TAGS,
    DrawnSegmenter,
    DrawnSpine,
    axial,
    sagittal,
)
from trabecula.analysis.analyser import StudyAnalyser
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import StudyResult
from trabecula.imaging.headers.frames import scan_folder

AXIAL = axial((94, 90, 90), (2.5, 1.6, 1.6), top_z=-103.0)
SAGITTAL = sagittal((13, 164, 60), (4.0, 1.6, 1.6))
T2_TAGS = {**MR_TAGS, "RepetitionTime": "3500", "EchoTime": "100", "SeriesDescription": "T2 TSE sag"}
THRESHOLDS = load_thresholds()


def analyse(folder: Path, *spines: DrawnSpine, **more: object) -> Analysis:
    analyser = StudyAnalyser(DrawnSegmenter(spines), (), THRESHOLDS, **more)  # type: ignore[arg-type]
    return analyser.analyse("2.25.1", 1, scan_folder(folder))


def codes(result: StudyResult, *, blocking: bool | None = None) -> list[ReasonCode]:
    return [reason.code for reason in result.reasons if blocking is None or reason.blocking is blocking]
