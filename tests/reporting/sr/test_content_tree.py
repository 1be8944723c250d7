"""The tree's own test: both validators miss a missing tracking UID and what viewers need, so it is checked here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from pydicom import Dataset, dcmread

from tests.reporting.builders import Study, demonstration_score, not_evaluable_result, result_of
from trabecula.domain import codes
from trabecula.domain.errors import ReportInvalid
from trabecula.domain.modality import Modality
from trabecula.domain.models.validation import ModelVerdict
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import LevelResult, Measurement, SeriesRole, SeriesUse, SourceSeries, StudyResult
from trabecula.domain.spine import Level
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.reporting.sr.content_items import number, walk


def report(study: Study, result: StudyResult | None = None, *, measured: bool = True) -> Dataset:
    analysis = Analysis(result or result_of(study), (study.volume,) if measured else ())
    config = ReportingConfig(with_picture=False, with_segmentation=False)
    return dcmread(BytesIO(DicomReporter(config).report(analysis, study.context())[0].content))


def name(item: Dataset) -> str:
    return str(item.ConceptNameCodeSequence[0].CodeMeaning)


def children(item: Dataset, meaning: str) -> list[Dataset]:
    return [child for child in item.get("ContentSequence", []) if name(child) == meaning]


def only(item: Dataset, *path: str) -> Dataset:
    for meaning in path:
        (item,) = children(item, meaning)
    return item


def groups(root: Dataset) -> list[Dataset]:
    return [group for part in children(root, "Imaging Measurements") for group in children(part, "Measurement Group")]


def group_of(root: Dataset, name: str) -> Dataset:
    (found,) = (group for group in groups(root) if only(group, "Tracking Identifier").TextValue == name)
    return found


def numbers(group: Dataset) -> dict[str, str]:
    """What a viewer prints of a group: the name of each number, its value and the code of its unit."""
    found = (item for item in group.ContentSequence if item.ValueType == "NUM")
    values = ((name(item), item.MeasuredValueSequence[0]) for item in found)
    return {key: f"{value.NumericValue} {value.MeasurementUnitsCodeSequence[0].CodeValue}" for key, value in values}


def images_of(group: Dataset) -> list[str]:
    places = [region.ContentSequence[0].ReferencedSOPSequence[0] for region in children(group, "Image Region")]
    return [f"{place.ReferencedSOPInstanceUID} {place.get('ReferencedFrameNumber', '')}" for place in places]


def codes_of(item: Dataset, meaning: str) -> list[str]:
    return [str(child.ConceptCodeSequence[0].CodeValue) for child in children(item, meaning)]


@pytest.fixture(scope="module", params=["ct", "mr", "enhanced_mr", "not evaluable", "rich"])
def root(request: pytest.FixtureRequest) -> Iterator[Dataset]:
    if request.param == "not evaluable":
        yield report(request.getfixturevalue("ct"), not_evaluable_result(), measured=False)
    elif request.param == "rich":
        yield report(request.getfixturevalue("ct"), rich_result(request.getfixturevalue("ct")))
    else:
        yield report(request.getfixturevalue(request.param))


def rich_result(study: Study) -> StudyResult:
    """A result with everything: a score, a challenger, an excluded level, a second series, remarks."""
    base = result_of(study)
    flag = Reason(code=ReasonCode.FRACTURE_LEVEL, blocking=True, level=Level.L2, value=31.0, limit=25.0, unit="%")
    levels = tuple(
        LevelResult(
            level=it.level,
            evaluable=False,
            quality=it.quality,
            flags=(flag,),
            measurements=it.measurements,
            outlines=it.outlines,
        )
        if it.level is Level.L2
        else it
        for it in base.levels
    )
    other = SourceSeries(
        role=SeriesRole.T2W,
        series_uid="1.2.9",
        modality=Modality.MR,
        description="t2",
        number=5,
        frame_of_reference_uid="1.2.3.9",
        instance_uids=(),
        acquisition={},
    )
    extra = Measurement(
        concept=codes.MR_SIGNAL,
        value=300.0,
        unit=codes.RATIO,
        derivation=codes.MEAN,
        method="trab_v1",
        series_uid="1.2.9",
    )
    return result_of(
        study,
        levels=levels,
        summary=(*base.summary, extra),
        series_used=(USED,),
        series_not_used=(NOT_USED,),
        sources=(*base.sources, other),
        scores=(demonstration_score(), demonstration_score(active=False, model_id="challenger")),
        reasons=(Reason(code=ReasonCode.CONTRAST_PHASE, blocking=False), flag),
        deformity_suspected=True,
    )


def test_every_container_shows_its_items_separately(root: Dataset) -> None:
    containers = [item for item in walk(root) if item.ValueType == "CONTAINER"]

    assert len(containers) >= 4
    assert {item.ContinuityOfContent for item in containers} == {"SEPARATE"}


def test_what_ohif_reads_without_asking_is_there(root: Dataset) -> None:
    assert root.ConceptNameCodeSequence[0].CodeValue == ("126000" if groups(root) else "18748-4")
    assert only(root, "Image Library", "Image Library Group")
    for item in walk(root):
        assert item.ConceptNameCodeSequence[0].CodeMeaning
    for group in groups(root):
        (tracking,) = children(group, "Tracking Unique Identifier")
        assert tracking.UID.startswith("2.25.")
        (label,) = children(group, "Tracking Identifier")
        assert label.TextValue
        assert len(children(group, "Image Region")) == 1
    for item in walk(root):
        if item.ValueType == "NUM":
            assert len(item.ContentSequence) >= 1


def test_what_a_viewer_prints_names_the_place_first_and_once(root: Dataset) -> None:
    for group in groups(root):
        label = only(group, "Tracking Identifier").TextValue
        printed = [name(item) for item in group.ContentSequence if item.ValueType == "NUM"]
        assert len(set(printed)) == len(printed) > 0
        if label != "Lumbar spine L1-L4":
            assert len(printed) <= 2
            assert {words.split(" ")[0] for words in printed} == {label}


def test_the_numbers_of_the_study_are_drawn_where_no_level_is(root: Dataset) -> None:
    levels = [group for group in groups(root) if only(group, "Tracking Identifier").TextValue != "Lumbar spine L1-L4"]
    for group in groups(root):
        if group not in levels:
            assert not set(images_of(group)) & {image for level in levels for image in images_of(level)}


def test_every_region_is_a_closed_polygon_on_a_named_image(root: Dataset) -> None:
    listed = {
        instance.ReferencedSOPInstanceUID
        for study in root.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    }
    for item in walk(root):
        if item.ValueType == "SCOORD":
            points = [float(value) for value in item.GraphicData]
            assert item.GraphicType == "POLYLINE"
            assert len(points) >= 8
            assert points[:2] == points[-2:]
            (source,) = item.ContentSequence
            assert source.RelationshipType == "SELECTED FROM"
            assert source.ReferencedSOPSequence[0].ReferencedSOPInstanceUID in listed


def test_tracking_uids_differ_between_groups(root: Dataset) -> None:
    uids = [only(group, "Tracking Unique Identifier").UID for group in groups(root)]

    assert len(set(uids)) == len(uids)


def test_the_answer_comes_first(root: Dataset) -> None:
    containers = [name(item) for item in root.ContentSequence if item.ValueType == "CONTAINER"]

    measured = ["Imaging Measurements"] if groups(root) else []
    assert containers[: 2 + len(measured)] == ["Qualitative Evaluations", *measured, "Image Library"]
    assert containers[2 + len(measured) :] in ([], ["Series of the study and how they were used"])
    first, second = only(root, "Qualitative Evaluations").ContentSequence[:2]
    assert name(first) == "Opportunistic bone density category"
    assert name(second) == "Impression"
    comments = [item.TextValue for item in children(only(root, "Qualitative Evaluations"), "Comment")]
    assert comments[0].startswith("RESEARCH USE ONLY")


def test_a_ct_level_carries_its_attenuation_and_nothing_that_hides_the_image(ct: Study) -> None:
    level_1 = group_of(report(ct), "L1")

    assert numbers(level_1) == {"L1 mean HU": "105.0 [hnsf'U]"}
    (mean,) = (item for item in level_1.ContentSequence if item.ValueType == "NUM")
    assert mean.ConceptNameCodeSequence[0].CodeValue == "112031"
    assert codes_of(mean, "Derivation") == ["373098007"]
    assert only(level_1, "Finding Site").ConceptCodeSequence[0].CodeValue == "66794005"
    spine = group_of(report(ct), "Lumbar spine L1-L4")
    assert numbers(spine) == {"L1-L4 mean HU": "98.4 [hnsf'U]"}
    assert [item.UID for item in children(spine, "Source series for segmentation")] == [ct.series_uid]


def test_the_report_opens_at_the_first_lumbar_level(ct: Study) -> None:
    labels = [only(group, "Tracking Identifier").TextValue for group in groups(report(ct))]

    assert labels == ["L1", "L2", "L3", "L4", "Lumbar spine L1-L4"]


def two_sequences(study: Study) -> StudyResult:
    """A result of T1w and T2w images, with the three ratios that are called VBQ."""
    other = SourceSeries(
        role=SeriesRole.T2W, series_uid="1.2.9", modality=Modality.MR, description="t2", number=5,
        frame_of_reference_uid="1.2.3.9", instance_uids=(), acquisition={},
    )  # fmt: skip
    base = result_of(study)
    made = (("vbq_v1:a/b", 2.86, study.series_uid), ("vbq_voxels_v1:a/b", 2.89, study.series_uid))
    made = (*made, ("t2_vbq_v1:a/b", 0.47, "1.2.9"))
    summary = tuple(replace(base.summary[0], value=value, method=method, series_uid=uid) for method, value, uid in made)
    return result_of(study, summary=summary, sources=(*base.sources, other))


def test_the_three_ratios_called_vbq_have_names_and_codes_of_their_own(mr: Study) -> None:
    spine = group_of(report(mr, two_sequences(mr)), "Lumbar spine L1-L4")

    assert numbers(spine) == {
        "L1-L4 VBQ": "2.86 {ratio}",
        "L1-L4 T2 VBQ": "0.47 {ratio}",
        "L1-L4 VBQ over all voxels": "2.89 {ratio}",
    }
    found = [item for item in spine.ContentSequence if item.ValueType == "NUM"]
    assert [item.ConceptNameCodeSequence[0].CodeValue for item in found] == ["VBQ", "VBQ-T2", "VBQ-VOXELS"]


def test_a_polygon_is_moved_to_the_pixel_corner_convention(ct: Study) -> None:
    region = only(group_of(report(ct), "L1"), "Image Region")

    assert [float(value) for value in region.GraphicData][:4] == [32.5, 34.5, 63.5, 34.5]


def test_the_contour_of_the_study_encloses_the_bodies_along_the_edges_of_their_pixels(mr: Study) -> None:
    region = only(group_of(report(mr), "Lumbar spine L1-L4"), "Image Region")

    points = np.array([float(value) for value in region.GraphicData]).reshape(-1, 2)
    assert points.min(axis=0).tolist() == [28.0, 6.0]
    assert points.max(axis=0).tolist() == [50.0, 6.0 + 3 * 22 + 16]


def test_a_frame_is_named_in_a_multi_frame_image(enhanced_mr: Study) -> None:
    for group in groups(report(enhanced_mr)):
        for region in children(group, "Image Region"):
            reference = region.ContentSequence[0].ReferencedSOPSequence[0]
            assert reference.ReferencedSOPInstanceUID == enhanced_mr.files[0].sop_instance_uid
            assert reference.ReferencedFrameNumber in range(3, 10)


def test_a_score_names_its_model_and_a_challenger_stays_silent(ct: Study) -> None:
    spine = group_of(report(ct, rich_result(ct)), "Lumbar spine L1-L4")

    (probability,) = children(spine, "DEMONSTRATION, ct-demo 1.0: probability of osteoporosis")
    assert probability.ConceptNameCodeSequence[0].CodeValue == "PROB-OP"
    assert probability.MeasuredValueSequence[0].NumericValue == 82.2
    assert only(probability, "Algorithm Name").TextValue == "ct-demo"
    parameters = [item.TextValue for item in children(probability, "Algorithm Parameters")]
    assert "operating point sensitivity 0.9: threshold 0.42" in parameters
    assert "demonstration model: no clinical meaning" in parameters
    assert "verdict of its own validation: not stated" in parameters


def test_a_model_that_its_own_validation_does_not_support_says_so_in_every_line(ct: Study) -> None:
    score = demonstration_score(demonstration=False, verdict=ModelVerdict.NO)
    document = report(ct, replace(rich_result(ct), scores=(score,)))

    spine = group_of(document, "Lumbar spine L1-L4")
    (probability,) = children(spine, "NOT SUPPORTED, ct-demo 1.0: probability of osteoporosis")
    parameters = [item.TextValue for item in children(probability, "Algorithm Parameters")]
    assert "verdict of its own validation: no" in parameters
    assert "MODEL NOT SUPPORTED BY ITS OWN VALIDATION: ct-demo 1.0: probability" in document.to_json()


def test_numbers_of_several_series_name_theirs(ct: Study) -> None:
    spine = group_of(report(ct, rich_result(ct)), "Lumbar spine L1-L4")

    (signal,) = children(spine, "L1-L4 mean MR signal T2w")
    assert codes_of(signal, "Source series of the measurement") == ["ROLE-T2W"]
    assert [item.UID for item in children(spine, "Source series for segmentation")] == [ct.series_uid, "1.2.9"]


def test_an_excluded_level_says_so_in_codes(ct: Study) -> None:
    root = report(ct, rich_result(ct))
    level_2 = group_of(root, "L2")

    assert numbers(level_2) == {"L2 mean HU (not used)": "117.0 [hnsf'U]"}
    assert codes_of(level_2, "Segmentation quality check") == ["QC-FAIL"]
    assert codes_of(level_2, "Reason or remark") == ["FRACTURE-LEVEL"]
    assert codes_of(only(root, "Qualitative Evaluations"), "Vertebral deformity") == ["DEFORM-SUSP"]


def test_a_study_without_measurement_is_a_report_in_words(ct: Study) -> None:
    root = report(ct, not_evaluable_result(), measured=False)

    assert groups(root) == []
    assert root.ContentTemplateSequence[0].TemplateIdentifier == "2000"
    said = only(root, "Qualitative Evaluations")
    assert codes_of(said, "Opportunistic bone density category") == ["CAT-NA"]
    assert codes_of(said, "Segmentation quality check") == ["QC-NONE"]
    assert codes_of(said, "Reason or remark") == ["NO-SUITAB-SERIES", "SLICE-THICKNESS"]
    assert "segmenter lumbar-net 1" in [item.TextValue for item in children(said, "Algorithm Parameters")]
    text = " ".join(item.TextValue for item in children(said, "Comment"))
    assert "6.5 mm; limit 5 mm" in text


def test_levels_without_a_study_value_get_no_group_of_the_spine(ct: Study) -> None:
    base = result_of(ct)

    found = groups(report(ct, result_of(ct, summary=(), levels=base.levels[:1])))

    assert [only(group, "Tracking Identifier").TextValue for group in found] == ["L1"]


def test_a_measured_level_needs_an_outline(ct: Study) -> None:
    base = result_of(ct).levels[0]
    level = LevelResult(
        level=base.level, evaluable=True, quality=1.0, flags=(), measurements=base.measurements, outlines=()
    )

    with pytest.raises(ReportInvalid, match="L1 was measured but has no outline"):
        report(ct, result_of(ct, levels=(level,)))


def test_an_outline_on_a_foreign_image_is_refused(ct: Study, mr: Study) -> None:
    with pytest.raises(ReportInvalid, match="an outline lies on an image that the study does not hold"):
        report(ct, result_of(mr, primary=ct.series_uid))


def test_a_number_needs_a_child() -> None:
    with pytest.raises(ValueError, match="derivation or a method"):
        number(codes.VBQ, 3.0, codes.RATIO, [])


USED = SeriesUse(
    series_uid="1.2.826.0.1.3680043.8.498.1.2", number=4, description="LSP", modality="CT", images_used=60,
    images_total=63, role=SeriesRole.CT,
    reasons=(Reason(code=ReasonCode.GEOMETRY, blocking=False, detail="3 images: without position"),),
)  # fmt: skip
NOT_USED = SeriesUse(
    series_uid="1.2.3.6001", number=6001, description="ax", modality="CT", images_used=0, images_total=20,
    reasons=(Reason(code=ReasonCode.ORIENTATION, blocking=False, detail="axial"),),
)  # fmt: skip


def test_the_report_accounts_for_every_image(ct: Study) -> None:
    found = report(ct, result_of(ct, series_used=(USED,), series_not_used=(NOT_USED,)))

    (section,) = children(found, "Series of the study and how they were used")
    used, unused = children(section, "Use of a series")
    assert used.ConceptCodeSequence[0].CodeValue == "SERIES-MEASURED"
    assert unused.ConceptCodeSequence[0].CodeValue == "SERIES-NOT-USED"
    counts = [
        [only(item, name).MeasuredValueSequence[0].NumericValue for name in ("Images used", "Images received")]
        for item in (used, unused)
    ]
    assert counts == [[60, 63], [0, 20]]
    assert only(unused, "Series Instance UID").UID == "1.2.3.6001"
    (why,) = children(unused, "Why images of the series were not used")
    assert why.ConceptCodeSequence[0].CodeValue == "ORIENTATION"
    assert only(section, "Comment").TextValue == (
        "Series 4: 60 of 63 images used (3 without position). Not used: series 6001 (axial)."
    )


def test_a_series_that_was_not_used_is_no_remark_on_the_measured_one(ct: Study) -> None:
    plain = report(ct, result_of(ct))
    accounted = report(ct, result_of(ct, series_used=(USED,), series_not_used=(NOT_USED,)))

    for before, after in zip(plain.ContentSequence, accounted.ContentSequence, strict=False):
        assert before == after


def test_no_score_that_is_no_probability_is_reported(ct: Study) -> None:
    scores = tuple(demonstration_score(probability=value) for value in (float("nan"), float("inf"), 1.2, -0.1))

    assert b"NaN" not in report(ct, result_of(ct, scores=scores)).to_json().encode()
    assert groups(report(ct, result_of(ct, scores=scores)))[-1] == groups(report(ct, result_of(ct)))[-1]
