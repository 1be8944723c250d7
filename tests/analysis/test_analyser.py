"""The analyser on drawn studies, from files to the result: CT, MR, several series, and everything that cannot be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.analysis.analysing import AXIAL, SAGITTAL, T2_TAGS, THRESHOLDS, analyse, codes
from tests.imaging.drawn_series import (
    CT_TAGS,
    LEVELS,
    MR_TAGS,
    SHAPE,
    DrawnSegmenter,
    DrawnSpine,
    axial,
    ct_image,
    draw_spine,
    hu,
    mr_image,
    write_stack,
)
from tests.regions.drawn_bodies import BodyShape
from trabecula.analysis.analyser import AnalysisConfig, StudyAnalyser
from trabecula.domain.codes import AGE_Z_SCORE
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, DecidedBy, SeriesRole
from trabecula.domain.results.result_json import from_json, to_json
from trabecula.domain.spine import Level
from trabecula.imaging.headers.frames import scan_folder


@pytest.mark.parametrize(
    ("value", "category", "born", "expected"),
    [
        (90.0, Category.LOW_BONE_DENSITY_SUSPECTED, "19500101", True),
        (135.0, Category.INDETERMINATE, "19250101", False),
        (190.0, Category.NO_FLAG, "19300101", False),
    ],
)
def test_a_ct_study_gets_its_category(
    tmp_path: Path, ct_spine: DrawnSpine, value: float, category: Category, born: str, expected: bool
) -> None:
    write_stack(tmp_path, ct_image(ct_spine, hu(value)), AXIAL, {**CT_TAGS, "PatientBirthDate": born})
    analysis = analyse(tmp_path, ct_spine)
    result = analysis.result
    assert result.category is category
    assert codes(result) == [ReasonCode.LEVELS_ASSUMED]
    assert [level.level for level in result.levels] == list(LEVELS)
    assert all(level.evaluable and len(level.outlines) == 1 for level in result.levels)
    assert result.summary[0].value == pytest.approx(value, abs=1.5)
    assert f"{value:.0f} HU" in result.impression[0] or f"{value + 1:.0f} HU" in result.impression[0]
    assert 2 <= len(result.impression) <= 4
    assert result.decided_by is DecidedBy.MEASUREMENT
    assert any("Population mean of L1 at this age" in line for line in result.impression) is expected
    scores = [item.value for item in result.summary if item.concept == AGE_Z_SCORE]
    assert scores == ([pytest.approx((result.summary[0].value - 118.5) / 44, abs=0.1)] if expected else [])
    assert result.primary == "2.25.1.1"
    (use,) = result.series_used
    assert (use.series_uid, use.role, use.images_used, use.images_total, use.reasons) == (
        "2.25.1.1",
        SeriesRole.CT,
        94,
        94,
        (),
    )
    assert result.series_not_used == ()
    assert result.sources[0].role is SeriesRole.CT
    assert set(result.timings_s) >= {"headers", "load", "segment", "measure", "total"}
    assert analysis.volumes[0].labels.shape == AXIAL.shape
    assert [file.sop_instance_uid for file in analysis.volumes[0].files] == list(result.sources[0].instance_uids)
    assert from_json(to_json(result)) == result


def test_the_same_input_gives_the_same_result(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    write_stack(tmp_path, ct_image(ct_spine, hu(120.0)), AXIAL, CT_TAGS)
    one, other = (replace(analyse(tmp_path, ct_spine).result, timings_s={}) for _ in range(2))
    assert one == other


def test_outlines_lie_on_the_image_they_name(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    write_stack(tmp_path, ct_image(ct_spine, hu(120.0)), AXIAL, CT_TAGS)
    analysis = analyse(tmp_path, ct_spine)
    uids = analysis.volumes[0].volume.source_uids
    for level in analysis.result.levels:
        outline = level.outlines[0]
        mask = analysis.volumes[0].labels[uids.index(outline.sop_instance_uid)] == level.level.label
        rows, columns = np.nonzero(mask)
        x, y = np.array(outline.points).T
        assert (x.mean(), y.mean()) == pytest.approx((columns.mean(), rows.mean()), abs=0.6)
        assert len(outline.points) <= 67


def test_an_mr_study_gets_its_value_and_no_category(tmp_path: Path, mr_spine: DrawnSpine) -> None:
    write_stack(tmp_path, mr_image(mr_spine), SAGITTAL, MR_TAGS)
    write_stack(tmp_path, mr_image(mr_spine, marrow=500, csf=900), SAGITTAL, T2_TAGS, series=2)
    analysis = analyse(tmp_path, mr_spine)
    result = analysis.result
    assert result.category is Category.INDETERMINATE
    assert ReasonCode.NO_SITE_REFERENCE in codes(result)
    assert codes(result, blocking=True) == []
    assert result.primary == "2.25.1.1"
    assert [source.role for source in result.sources] == [SeriesRole.T1W, SeriesRole.T2W]
    assert len(analysis.volumes) == 2
    values = [item for item in result.summary if item.concept.value == "VBQ"]
    assert values[0].value == pytest.approx(3.0, rel=0.03)
    assert "t2_vbq" in values[2].method
    assert values[2].value == pytest.approx(500 / 900, rel=0.05)
    assert "no universal threshold" in result.impression[0]
    assert "over L1-L4 (levels 2.9" in result.impression[0] or "over L1-L4 (levels 3.0" in result.impression[0]
    assert "±" not in "".join(result.impression)


def test_t2_alone_is_not_evaluable(tmp_path: Path, mr_spine: DrawnSpine) -> None:
    write_stack(tmp_path, mr_image(mr_spine, marrow=500, csf=900), SAGITTAL, T2_TAGS)
    result = analyse(tmp_path, mr_spine).result
    assert result.category is Category.NOT_EVALUABLE
    assert ReasonCode.SEQUENCE_UNSUPPORTED in codes(result, blocking=True)
    assert result.levels


def test_t1_after_contrast_agent_is_named_as_the_cause(tmp_path: Path, mr_spine: DrawnSpine) -> None:
    write_stack(tmp_path, mr_image(mr_spine), SAGITTAL, {**MR_TAGS, "ContrastBolusAgent": "Gadovist"})
    write_stack(tmp_path, mr_image(mr_spine, marrow=500, csf=900), SAGITTAL, T2_TAGS, series=2)
    result = analyse(tmp_path, mr_spine).result
    assert result.category is Category.NOT_EVALUABLE
    assert codes(result, blocking=True)[0] is ReasonCode.POST_CONTRAST_MR


def test_series_named_for_another_region_are_looked_at_and_answered_from_what_is_seen(
    tmp_path: Path, ct_spine: DrawnSpine
) -> None:
    image = ct_image(ct_spine, hu(90.0))
    head = {**CT_TAGS, "SeriesDescription": "Head 2.5", "BodyPartExamined": "HEAD"}
    for number in range(1, 6):
        write_stack(tmp_path, image, AXIAL, head, series=number)
    segmenter = DrawnSegmenter(())
    result = StudyAnalyser(segmenter, (), THRESHOLDS).analyse("2.25.1", 1, scan_folder(tmp_path)).result
    assert result.category is Category.NOT_EVALUABLE
    assert codes(result, blocking=True)[0] is ReasonCode.NOT_A_SPINE
    assert len(segmenter.seen) == AnalysisConfig().attempts_per_role
    assert analyse(tmp_path, ct_spine).result.category is Category.LOW_BONE_DENSITY_SUSPECTED


def test_two_patients_in_one_study_are_never_measured(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    image = ct_image(ct_spine, hu(90.0))
    write_stack(tmp_path, image, AXIAL, {**CT_TAGS, "PatientID": "ONE"})
    write_stack(tmp_path, image, AXIAL, {**CT_TAGS, "PatientID": "TWO", "PatientSex": "M"}, series=9)
    segmenter = DrawnSegmenter((ct_spine,))
    result = StudyAnalyser(segmenter, (), THRESHOLDS).analyse("2.25.1", 1, scan_folder(tmp_path)).result
    assert result.category is Category.NOT_EVALUABLE
    assert codes(result, blocking=True) == [ReasonCode.PATIENT_CONFLICT]
    assert result.reasons[0].detail == "Patient ID, Sex differ between series 1 and series 9"
    assert (result.levels, result.summary, result.sources) == ((), (), ())


@pytest.mark.parametrize(
    ("tags", "category", "blocking", "said", "unsaid"),
    [
        (
            {"PatientBirthDate": "20200101", "PatientAge": "068Y"},
            Category.LOW_BONE_DENSITY_SUSPECTED,
            [],
            "at this age",
            "younger",
        ),
        ({"PatientAge": "045Y"}, Category.LOW_BONE_DENSITY_SUSPECTED, [], "HU", "at this age"),
        (
            {"PatientAge": "006Y"},
            Category.NOT_EVALUABLE,
            [ReasonCode.AGE_CONFLICT],
            "70 years; Patient's Age: 6",
            "at this age",
        ),
    ],
)
def test_ages_that_contradict_are_told_and_never_make_a_child(
    tmp_path: Path,
    ct_spine: DrawnSpine,
    tags: dict[str, object],
    category: Category,
    blocking: list[ReasonCode],
    said: str,
    unsaid: str,
) -> None:
    write_stack(tmp_path, ct_image(ct_spine, hu(90.0)), AXIAL, {**CT_TAGS, **tags})
    result = analyse(tmp_path, ct_spine).result
    assert result.category is category
    assert codes(result, blocking=True) == blocking
    assert ReasonCode.AGE_CONFLICT in codes(result)
    assert ReasonCode.AGE not in codes(result)
    words = " ".join(result.impression)
    assert said in words
    assert unsaid not in words


def test_quality_control_images_give_no_clinical_result(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    image = ct_image(ct_spine, hu(90.0))
    write_stack(tmp_path / "qc", image, AXIAL, {**CT_TAGS, "QualityControlImage": "YES"}, series=2)
    result = analyse(tmp_path / "qc", ct_spine).result
    assert result.category is Category.NOT_EVALUABLE
    assert codes(result, blocking=True)[0] is ReasonCode.QUALITY_CONTROL
    assert result.levels == ()
    write_stack(tmp_path, image, AXIAL, {**CT_TAGS, "QualityControlImage": "NO"})
    beside = analyse(tmp_path, ct_spine).result
    assert beside.category is Category.LOW_BONE_DENSITY_SUSPECTED
    assert beside.primary == "2.25.1.1"


def test_images_that_contradict_their_tags_are_vetoed(tmp_path: Path, mr_spine: DrawnSpine) -> None:
    write_stack(tmp_path, mr_image(mr_spine, marrow=300, csf=900, disc=400), SAGITTAL, MR_TAGS)
    result = analyse(tmp_path, mr_spine).result
    assert result.category is Category.NOT_EVALUABLE
    assert ReasonCode.SEQUENCE_UNSUPPORTED in codes(result, blocking=True)
    assert "cerebrospinal fluid" in result.impression[0]


def test_a_deformed_body_is_reported_and_left_out(tmp_path: Path) -> None:
    wedged = draw_spine(AXIAL, {Level.L2: BodyShape(SHAPE.width, SHAPE.depth, 13.0, 27.0)})
    write_stack(tmp_path, ct_image(wedged, hu(190.0)), AXIAL, CT_TAGS)
    result = analyse(tmp_path, wedged).result
    assert result.deformity_suspected
    assert result.category is Category.INDETERMINATE
    assert result.impression[0].startswith("Possible vertebral fracture (moderate), L2: height loss")
    assert "whatever the density" in result.impression[1]
    assert [(str(item.level), item.named, item.recommended) for item in result.deformities] == [("L2", True, True)]
    assert result.decided_by is DecidedBy.DEFORMITY
    assert "above 160 HU" in " ".join(result.impression)
    level = result.level(Level.L2)
    assert level is not None
    assert not level.evaluable
    assert ReasonCode.FRACTURE_LEVEL in [flag.code for flag in level.flags]
    assert ReasonCode.FRACTURE_LEVEL in codes(result, blocking=False)


def test_one_level_far_off_is_left_out(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    write_stack(tmp_path, ct_image(ct_spine, {**hu(100.0), Level.L1: 220.0}), AXIAL, CT_TAGS)
    result = analyse(tmp_path, ct_spine).result
    first = result.level(Level.L1)
    assert first is not None
    assert [flag.code for flag in first.flags] == [ReasonCode.OUTLIER_LEVEL]
    assert result.category is Category.LOW_BONE_DENSITY_SUSPECTED
    assert "mean of L2-L4" in result.impression[0]


def test_a_crop_is_passed_over_for_the_series_that_shows_the_spine(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    crop = draw_spine(axial((40, 80, 80), (2.5, 1.6, 1.6), top_z=80.0))
    write_stack(tmp_path, ct_image(crop, hu(130.0)), crop.geometry, CT_TAGS)
    sharp = {**CT_TAGS, "ConvolutionKernel": "B70s"}
    write_stack(tmp_path, ct_image(ct_spine, hu(130.0)), AXIAL, sharp, series=2)
    result = analyse(tmp_path, crop, ct_spine).result
    assert result.primary == "2.25.1.2"
    assert result.category is Category.INDETERMINATE
    assert ReasonCode.KERNEL_SHARP in codes(result)
    (unused,) = result.series_not_used
    assert (unused.series_uid, unused.images_used, unused.images_total) == ("2.25.1.1", 0, 40)
    assert [reason.code for reason in unused.reasons] == [ReasonCode.OTHER_SERIES]
    assert not any(reason.series_uid == "2.25.1.1" for reason in result.reasons)


def test_no_spine_is_not_evaluable(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    write_stack(tmp_path, ct_image(ct_spine, hu(130.0)), AXIAL, CT_TAGS)
    result = analyse(tmp_path).result
    assert result.category is Category.NOT_EVALUABLE
    assert codes(result, blocking=True) == [ReasonCode.NOT_A_SPINE, ReasonCode.TOO_FEW_LEVELS]
    assert result.impression[0].startswith("No vertebrae were found.")


def test_no_suited_series_tells_what_was_found(tmp_path: Path) -> None:
    geometry = axial((30, 16, 16), (8.0, 2.0, 2.0))
    write_stack(tmp_path, np.zeros(geometry.shape), geometry, CT_TAGS)
    analysis = analyse(tmp_path)
    assert analysis.volumes == ()
    assert analysis.result.category is Category.NOT_EVALUABLE
    assert codes(analysis.result, blocking=True) == [ReasonCode.SLICE_THICKNESS, ReasonCode.NO_SUITABLE_SERIES]
    assert analysis.result.levels == ()
    assert (
        "no other reason given here applies" in ReasonCode.NO_SUITABLE_SERIES.next_step
    )  # an axial CT series was sent


def test_what_is_not_suited_says_what_was_found(tmp_path: Path) -> None:
    geometry = axial((3, 16, 16), (2.0, 2.0, 2.0))
    write_stack(tmp_path, np.zeros(geometry.shape), geometry, CT_TAGS)
    (first, *_) = analyse(tmp_path).result.impression
    assert first == "What was sent is not suited for this measurement (3 parallel slices)."


def test_levels_whose_values_are_withheld_say_why(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    write_stack(tmp_path, ct_image(ct_spine, hu(130.0)) + 1024.0, AXIAL, CT_TAGS)
    result = analyse(tmp_path, ct_spine).result
    assert result.category is Category.NOT_EVALUABLE
    assert codes(result, blocking=True) == [ReasonCode.HU_SANITY]
    assert [level.level for level in result.levels] == list(LEVELS)
    for level in result.levels:
        assert not level.evaluable
        assert [reason.code for reason in level.flags] == [ReasonCode.HU_SANITY]
    assert result.summary == ()
    assert from_json(to_json(result)) == result


def test_other_modalities_are_named(tmp_path: Path) -> None:
    geometry = axial((6, 16, 16), (8.0, 2.0, 2.0))
    write_stack(tmp_path, np.zeros(geometry.shape), geometry, {**CT_TAGS, "Modality": "PT"})
    assert codes(analyse(tmp_path).result, blocking=True) == [ReasonCode.NOT_TARGET_MODALITY]


def test_a_series_too_large_is_named(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    write_stack(tmp_path, ct_image(ct_spine, hu(130.0)), AXIAL, CT_TAGS)
    result = analyse(tmp_path, ct_spine, config=AnalysisConfig(maximum_voxels=1000)).result
    assert result.category is Category.NOT_EVALUABLE
    assert ReasonCode.VOLUME_TOO_LARGE in codes(result, blocking=True)


def test_a_child_is_not_evaluable(tmp_path: Path, ct_spine: DrawnSpine) -> None:
    tags = {**CT_TAGS, "PatientBirthDate": "20060101"}
    write_stack(tmp_path, ct_image(ct_spine, hu(130.0)), AXIAL, tags)
    result = analyse(tmp_path, ct_spine).result
    assert result.category is Category.NOT_EVALUABLE
    assert ReasonCode.AGE in codes(result, blocking=True)
