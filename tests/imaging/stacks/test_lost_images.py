"""Levels that are missing because images of the scan could not be used: the images are the reason, not the region."""

from __future__ import annotations

from pathlib import Path

from pydicom import dcmread

from tests.imaging.drawn_series import CT_TAGS, DrawnSegmenter, axial, ct_image, draw_spine, hu, write_stack
from trabecula.analysis.analyser import StudyAnalyser
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category
from trabecula.imaging.headers.frames import scan_folder

AXIAL = axial((94, 90, 90), (2.5, 1.6, 1.6), top_z=-103.0)


def test_levels_lost_with_unfit_images_are_no_other_region(tmp_path: Path) -> None:
    spine = draw_spine(AXIAL)
    tags = {**CT_TAGS, "RescaleIntercept": "-1024"}
    paths = write_stack(tmp_path, ct_image(spine, hu(120.0)) + 1024, AXIAL, tags)
    for index in (35, 50, 65):
        dataset = dcmread(paths[index])
        del dataset.RescaleSlope, dataset.RescaleIntercept
        dataset.save_as(paths[index])
    analyser = StudyAnalyser(DrawnSegmenter([spine]), (), load_thresholds())
    result = analyser.analyse("2.25.1", 1, scan_folder(tmp_path)).result
    codes = [reason.code for reason in result.reasons]
    assert result.category is Category.NOT_EVALUABLE
    assert codes[:2] == [ReasonCode.RESCALE, ReasonCode.MISSING_SLICES]
    assert codes.count(ReasonCode.RESCALE) == 1
    assert ReasonCode.NOT_TARGET_BODYPART not in codes
    assert "Rescale values" in result.impression[0]
