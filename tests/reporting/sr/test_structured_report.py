from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom import Dataset, dcmread

from tests.reporting.builders import STUDY_UID, Study, ct_study, not_evaluable_result, result_of
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.result import ObjectKind, Outline, ResultObject
from trabecula.domain.uids import InstanceUid, SeriesUid
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter

CLASSES = ["1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.88.22"]
PREDECESSOR = Predecessor(
    sop_class_uid=CLASSES[0],
    sop_instance_uid=InstanceUid("1.2.9.1"),
    series_uid=SeriesUid("1.2.9"),
    analysed_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
)


def first(study: Study, **context: object) -> ResultObject:
    return DicomReporter(ReportingConfig(with_picture=False)).report(
        study.analysis(result_of(study)), study.context(**context)
    )[0]


def dataset(item: ResultObject) -> Dataset:
    return dcmread(BytesIO(item.content))


def evidence(report: Dataset) -> dict[str, list[str]]:
    return {
        str(series.SeriesInstanceUID): [str(item.ReferencedSOPInstanceUID) for item in series.ReferencedSOPSequence]
        for study in report.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
    }


def test_three_classes_carry_the_same_tree_under_uids_of_their_own(ct: Study) -> None:
    report = first(ct)
    all_three = [report, *report.alternatives]

    assert [item.sop_class_uid for item in all_three] == CLASSES
    assert len({item.sop_instance_uid for item in all_three}) == 3
    assert all(item.kind is ObjectKind.STRUCTURED_REPORT for item in all_three)
    trees = [dataset(item)["ContentSequence"].value for item in all_three]
    assert trees[0] == trees[1] == trees[2]
    assert {dataset(item).SOPClassUID for item in all_three} == set(CLASSES)


def test_the_report_is_unverified_and_preliminary(ct: Study) -> None:
    report = dataset(first(ct))

    flags = (report.CompletionFlag, report.VerificationFlag, report.PreliminaryFlag)
    assert flags == ("COMPLETE", "UNVERIFIED", "PRELIMINARY")
    assert report.SeriesNumber == 900
    assert report.SeriesDescription == "Trabecula AI result (unverified)"
    assert report.Modality == "SR"


def test_the_evidence_is_the_key_images_and_our_own_objects(ct: Study) -> None:
    report, seg, picture = DicomReporter(ReportingConfig()).report(ct.analysis(result_of(ct)), ct.context())

    found = evidence(dataset(report))

    assert found[seg.series_uid] == [seg.sop_instance_uid]
    assert found[picture.series_uid] == [picture.sop_instance_uid]
    assert len(found[ct.series_uid]) == 5  # one a level, and one for the numbers of the study
    assert len(found) == 3


def test_the_predecessor_is_named(ct: Study) -> None:
    report = dataset(first(ct, predecessors=(PREDECESSOR,)))

    (study,) = report.PredecessorDocumentsSequence
    (series,) = study.ReferencedSeriesSequence
    (item,) = series.ReferencedSOPSequence
    assert study.StudyInstanceUID == STUDY_UID
    assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID, series.SeriesInstanceUID) == PREDECESSOR.uids
    assert "PredecessorDocumentsSequence" not in dataset(first(ct))


def test_the_request_is_carried_over(ct: Study) -> None:
    (request,) = dataset(first(ct)).ReferencedRequestSequence

    assert request.AccessionNumber == "ACC-1"
    assert request.RequestedProcedureID == "RP1"
    assert request.RequestedProcedureDescription == "CT Abdomen with contrast"


def test_no_request_is_invented(tmp_path: Path) -> None:
    study = ct_study(tmp_path, RequestAttributesSequence=None, AccessionNumber=None)

    assert "ReferencedRequestSequence" not in dataset(first(study))


def test_highdicom_reads_the_groups_back(ct: Study) -> None:
    report = hd.sr.Comprehensive3DSR.from_dataset(dataset(first(ct)))

    found = report.content.get_planar_roi_measurement_groups()
    found += report.content.get_volumetric_roi_measurement_groups()

    names = {group.tracking_identifier for group in found}
    assert names == {"Lumbar spine L1-L4", "L1", "L2", "L3", "L4"}


def test_a_report_with_dense_outlines_stays_below_40_kb(ct: Study) -> None:
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    points = tuple((48 + 15 * float(np.cos(a)), 46 + 12 * float(np.sin(a))) for a in angles)
    base = result_of(ct)
    levels = tuple(
        replace(level, outlines=(Outline(level.outlines[0].sop_instance_uid, points),)) for level in base.levels
    )

    report = DicomReporter(ReportingConfig()).report(ct.analysis(result_of(ct, levels=levels)), ct.context())[0]

    assert len(report.content) < 40_000
    assert all(len(item.content) < 40_000 for item in report.alternatives)


def test_a_study_that_was_not_measured_refers_to_one_image_a_series(ct: Study, mr: Study) -> None:
    files = (*ct.files, *mr.files)
    analysis = Analysis(not_evaluable_result(), ())

    report = DicomReporter(ReportingConfig()).report(analysis, ct.context(study_files=files))[0]

    found = evidence(dataset(report))
    assert found[ct.series_uid] == [ct.files[0].sop_instance_uid]
    assert found[mr.series_uid] == [mr.files[0].sop_instance_uid]


@pytest.mark.parametrize("sop_class", CLASSES)
def test_each_class_is_built_without_3d_coordinates(ct: Study, sop_class: str) -> None:
    report = first(ct)
    item = next(item for item in (report, *report.alternatives) if item.sop_class_uid == sop_class)

    assert b"SCOORD3D" not in item.content


def test_a_revision_says_so_in_its_series_description(ct: Study) -> None:
    second, *_others = DicomReporter(ReportingConfig()).report(ct.analysis(result_of(ct, revision=2)), ct.context())

    assert dataset(second).SeriesDescription == "Trabecula AI result (unverified), revision 2"
