"""A reader's names in the analysis: each vertebra keeps its value, and the value goes under the name it has now."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.analysis.analysing import AXIAL, THRESHOLDS, analyse, codes
from tests.imaging.drawn_series import CT_TAGS, DrawnSegmenter, DrawnSpine, ct_image, write_stack
from trabecula.analysis.analyser import StudyAnalyser
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, StudyResult
from trabecula.domain.spine import Level
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.imaging.headers.frames import scan_folder

VALUES = {Level.T12: 170.0, Level.L1: 160.0, Level.L2: 150.0, Level.L3: 140.0, Level.L4: 130.0, Level.L5: 120.0}


@pytest.fixture
def folder(tmp_path: Path, ct_spine: DrawnSpine) -> Path:
    write_stack(tmp_path, ct_image(ct_spine, VALUES), AXIAL, CT_TAGS)
    return tmp_path


def named(folder: Path, spine: DrawnSpine, called: Level, level: Level, *reasons: Reason) -> StudyResult:
    """The result after a reader said that what is called one level is another."""
    files = scan_folder(folder)
    plain = analyse(folder, spine)
    (volume,) = plain.volumes
    middle = np.argwhere(spine.body(called)).mean(axis=0).round().astype(int)
    correction = LevelCorrection(
        sop_instance_uid=volume.volume.source_uids[middle[0]],
        frame=None,
        row=int(middle[1]),
        column=int(middle[2]),
        level=level,
        called=str(called),
    )
    analyser = StudyAnalyser(DrawnSegmenter((spine,), reasons), (), THRESHOLDS)
    return analyser.analyse("2.25.1", 2, files, correction).result


def attenuation(result: StudyResult) -> dict[Level, float]:
    return {item.level: round(item.measurements[0].value) for item in result.levels if item.measurements}


def test_all_levels_move_with_the_one_that_was_named(folder: Path, ct_spine: DrawnSpine) -> None:
    before = attenuation(analyse(folder, ct_spine).result)
    result = named(folder, ct_spine, Level.L2, Level.L1)
    after = attenuation(result)
    assert after[Level.L1] == before[Level.L2]
    assert after[Level.L4] == pytest.approx(120, abs=2)
    assert result.numbering == "named by a reader: what the software called L2 is L1"
    assert codes(result) == [ReasonCode.LEVELS_CORRECTED]


def test_names_that_were_withheld_are_given_by_a_reader(folder: Path, ct_spine: DrawnSpine) -> None:
    doubt = Reason(code=ReasonCode.NUMBERING_AMBIGUOUS)
    assert StudyAnalyser(DrawnSegmenter((ct_spine,), (doubt,)), (), THRESHOLDS).analyse(
        "2.25.1", 1, scan_folder(folder)
    ).result.reasons[0].code is (ReasonCode.NUMBERING_AMBIGUOUS)
    result = named(folder, ct_spine, Level.L1, Level.L1, doubt)
    assert result.category is not Category.NOT_EVALUABLE
    assert codes(result) == [ReasonCode.LEVELS_CORRECTED]


def test_names_for_an_image_that_is_not_there_are_told_and_not_used(folder: Path, ct_spine: DrawnSpine) -> None:
    elsewhere = LevelCorrection(sop_instance_uid="2.25.404", frame=None, row=1, column=1, level=Level.T12, called="L1")
    analyser = StudyAnalyser(DrawnSegmenter((ct_spine,)), (), THRESHOLDS)
    result = analyser.analyse("2.25.1", 2, scan_folder(folder), elsewhere).result
    assert attenuation(result) == attenuation(analyse(folder, ct_spine).result)
    assert ReasonCode.CORRECTION_UNUSED in codes(result)
    assert result.numbering == "counted from the sacrum"
