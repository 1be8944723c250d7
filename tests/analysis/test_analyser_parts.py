"""The analyser with parts that fail, disagree or decide: lost files, a broken segmenter, a scorer, two roles."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.analysis.analysing import SAGITTAL, T2_TAGS, THRESHOLDS, analyse, codes
from tests.imaging.drawn_series import (
    CT_TAGS,
    MR_TAGS,
    DrawnSegmenter,
    DrawnSpine,
    axial,
    ct_image,
    draw_spine,
    hu,
    mr_image,
    sagittal,
    write_stack,
)
from trabecula.analysis.analyser import StudyAnalyser
from trabecula.domain.errors import SegmenterFailed, SpoolObjectMissing
from trabecula.domain.models.scoring import ScoringContext
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, DecidedBy, Score, SeriesRole
from trabecula.domain.segmentation import Segmentation, SegmenterIdentity
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.domain.volume import Volume
from trabecula.imaging.headers.frames import scan_folder


def test_a_missing_file_is_an_error(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    paths = write_stack(tmp_path, ct_image(ct_spine, hu(130.0))[:6], axial((6, 90, 90), (2.5, 1.6, 1.6)), CT_TAGS)
    files = scan_folder(tmp_path)
    paths[0].unlink()
    with pytest.raises(SpoolObjectMissing) as caught:
        StudyAnalyser(DrawnSegmenter(()), (), THRESHOLDS).analyse("2.25.1", 1, files)
    assert "1 of 6 files" in caught.value.sentence


class BrokenSegmenter:
    """A segmenter whose program ends with an error on the series it is told to."""

    def __init__(self, healthy: DrawnSegmenter, broken_rows: int) -> None:
        self._healthy, self._rows = healthy, broken_rows

    @property
    def identity(self) -> SegmenterIdentity:
        return self._healthy.identity

    def segment(self, volume: Volume) -> Segmentation:
        if volume.geometry.shape[1] == self._rows:
            raise SegmenterFailed("exit status 3")
        return self._healthy.segment(volume)


def test_a_broken_segmenter_is_an_error_only_when_nothing_else_was_measured(tmp_path: Path) -> None:
    small = draw_spine(sagittal((13, 164, 60), (4.0, 1.6, 1.6)))
    large = draw_spine(sagittal((13, 166, 60), (4.0, 1.6, 1.6)))
    write_stack(tmp_path, mr_image(small), small.geometry, MR_TAGS)
    files = scan_folder(tmp_path)
    broken = BrokenSegmenter(DrawnSegmenter([small, large]), 164)
    with pytest.raises(SegmenterFailed) as caught:
        StudyAnalyser(broken, (), THRESHOLDS).analyse("2.25.1", 1, files)
    assert caught.value.code == "SEGMENTER_FAILED"
    assert "exit status 3" in caught.value.sentence
    assert "external segmenter" in caught.value.next_step
    write_stack(tmp_path, mr_image(large, marrow=500, csf=900), large.geometry, T2_TAGS, series=2)
    result = StudyAnalyser(broken, (), THRESHOLDS).analyse("2.25.1", 1, scan_folder(tmp_path)).result
    assert ReasonCode.ANALYSIS_FAILED in codes(result)


class FlaggingScorer:
    """A validated model that flags every study it can see levels of."""

    def score(self, context: ScoringContext) -> Score:
        assert context.sex == "F"
        assert [level.level for level in context.levels if level.evaluable][:1]
        assert context.series[SeriesRole.T1W].volume.array.size
        return Score(
            model_id="m",
            model_version="1",
            model_sha256="0" * 64,
            applicable=True,
            demonstration=False,
            endpoint="osteoporosis",
            probability=0.8,
            positive=True,
            decides=True,
        )


def test_a_scorer_sees_the_measured_series_and_decides_where_the_value_is_open(
    tmp_path: Path, mr_spine: DrawnSpine
) -> None:
    write_stack(tmp_path, mr_image(mr_spine), SAGITTAL, MR_TAGS)
    analyser = StudyAnalyser(DrawnSegmenter([mr_spine]), [FlaggingScorer()], THRESHOLDS)
    result = analyser.analyse("2.25.1", 1, scan_folder(tmp_path)).result
    assert result.category is Category.LOW_BONE_DENSITY_SUSPECTED
    assert result.scores[0].probability == 0.8
    assert result.decided_by is DecidedBy.MODEL
    assert result.impression[0].startswith("The category was set by the model m 1: probability of osteoporosis 80%")


def test_series_that_disagree_on_the_levels_are_not_averaged(tmp_path: Path, mr_spine: DrawnSpine) -> None:
    shifted = draw_spine(sagittal((13, 166, 60), (4.0, 1.6, 1.6)))
    labels = shifted.labels.copy()
    labels[shifted.labels > 0] += 1
    wrong = DrawnSpine(shifted.geometry, labels, shifted.tissues)
    write_stack(tmp_path, mr_image(mr_spine), SAGITTAL, MR_TAGS)
    write_stack(tmp_path, mr_image(shifted, marrow=500, csf=900), shifted.geometry, T2_TAGS, series=2)
    result = analyse(tmp_path, mr_spine, wrong).result
    assert result.category is Category.NOT_EVALUABLE
    assert ReasonCode.NUMBERING_AMBIGUOUS in codes(result, blocking=True)
    assert result.levels[1].level in MEASURED_LEVELS
