from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

from tests.reporting.builders import ANALYSED_AT, STUDY_UID, Study, mr_study, not_evaluable_result, result_of
from trabecula.domain.errors import ReportInvalid
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import ObjectKind, ResultObject
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter

CHARACTER_SETS = [
    ("ISO_IR 126", "Παπαδοπούλου^Ελένη"),
    ("GB18030", "Wang^XiaoDong=王^小东"),
    (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
    ("ISO_IR 192", "Иванова^Мария"),
    (None, "Smith^Anna"),
]


def report(study: Study, **config: object) -> tuple[ResultObject, ...]:
    reporter = DicomReporter(ReportingConfig(**config))  # type: ignore[arg-type]
    return reporter.report(study.analysis(result_of(study)), study.context())


def dataset(item: ResultObject) -> Dataset:
    return dcmread(BytesIO(item.content))


@pytest.mark.parametrize("name", ["ct", "enhanced_mr"])
def test_a_rebuild_gives_the_same_bytes(name: str, request: pytest.FixtureRequest) -> None:
    study: Study = request.getfixturevalue(name)

    first, second = report(study), report(study)

    assert [item.kind for item in first] == [ObjectKind.STRUCTURED_REPORT, ObjectKind.SEGMENTATION, ObjectKind.PICTURE]
    assert first == second


@pytest.mark.parametrize(("charset", "patient_name"), CHARACTER_SETS)
def test_names_of_every_alphabet_survive(tmp_path: Path, charset: object, patient_name: str) -> None:
    study = mr_study(tmp_path, SpecificCharacterSet=charset, PatientName=patient_name)

    objects = report(study)

    for item in (*objects, *objects[0].alternatives):
        found = dataset(item)
        assert found.SpecificCharacterSet == "ISO_IR 192"
        assert str(found.PatientName) == patient_name
        assert patient_name.encode() in item.content


def test_what_identifies_patient_and_study_is_copied_verbatim(ct: Study) -> None:
    source = dcmread(ct.files[0].path)
    keywords = "PatientID IssuerOfPatientID PatientBirthDate PatientSex PatientAge StudyID StudyDate StudyTime"
    keywords += " StudyDescription AccessionNumber StudyInstanceUID"

    for item in map(dataset, report(ct)):
        for keyword in keywords.split():
            assert item[keyword].value == source[keyword].value, keyword


def test_a_sparse_study_gets_its_results(tmp_path: Path) -> None:
    absent = ("PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyTime",
              "ReferringPhysicianName", "RequestAttributesSequence", "Manufacturer", "FrameOfReferenceUID",
              "StudyDescription", "IssuerOfPatientID", "PatientAge", "SliceThickness", "SpecificCharacterSet",
              "StationName", "ManufacturerModelName")  # fmt: skip

    objects = report(mr_study(tmp_path, **dict.fromkeys(absent)))

    assert len(objects) == 3
    assert all(not dataset(item).PatientName and "AccessionNumber" in dataset(item) for item in objects)


def test_odd_values_of_a_source_never_stop_a_report(tmp_path: Path) -> None:
    study = mr_study(tmp_path, PatientSex="f", StudyDate="20261119", PatientName="NO CARET NAME", StudyID="A" * 16)

    objects = report(study)

    assert [dataset(item).PatientSex for item in objects] == ["F"] * 3
    assert all(str(dataset(item).PatientName) == "NO CARET NAME" for item in objects)


@pytest.mark.parametrize(
    ("changes", "told", "ratio"),
    [
        (
            {
                "LossyImageCompression": "01",
                "LossyImageCompressionRatio": "8",
                "LossyImageCompressionMethod": "ISO_10918_1",
            },
            True,
            8.0,
        ),
        ({}, True, None),
        ({}, False, None),
    ],
)
def test_what_is_made_of_lossy_images_says_so(
    tmp_path: Path, changes: dict[str, str], told: bool, ratio: float | None
) -> None:
    study = mr_study(tmp_path, **changes)
    result = result_of(study)
    if told:
        remark = Reason(code=ReasonCode.LOSSY, blocking=False, series_uid=result.primary)
        result = replace(result, reasons=(*result.reasons, remark))
    objects = DicomReporter(ReportingConfig()).report(study.analysis(result), study.context())
    segmentation, picture = (dataset(item) for item in objects[1:])
    for item in (segmentation, picture):
        assert item.LossyImageCompression == ("01" if told else "00")
        assert item.get("LossyImageCompressionRatio") == ratio


def test_a_study_without_patient_id_is_refused_unless_the_site_says_so(tmp_path: Path) -> None:
    study = mr_study(tmp_path, PatientID=None)

    with pytest.raises(ReportInvalid) as caught:
        report(study)
    assert caught.value.code == "PATIENT_ID_MISSING"

    assert len(report(study, allow_empty_patient_id=True)) == 3


def test_images_of_another_study_are_refused(ct: Study) -> None:
    analysis = ct.analysis(result_of(ct, study_uid="1.2.3"))

    with pytest.raises(ReportInvalid, match="a source image belongs to another study"):
        DicomReporter(ReportingConfig()).report(analysis, ct.context())


def test_a_study_without_images_cannot_be_reported(ct: Study) -> None:
    with pytest.raises(ReportInvalid, match="no image that it could be reported on"):
        DicomReporter(ReportingConfig()).report(Analysis(not_evaluable_result(), ()), ct.context(study_files=()))


def test_a_study_that_was_not_measured_gets_report_and_picture(ct: Study, tmp_path: Path) -> None:
    broken = replace(ct.files[0], path=str(tmp_path / "gone"), series_uid="1.2.77", sop_instance_uid="1.2.77.1")
    context = ct.context(study_files=(broken, *ct.files))

    objects = DicomReporter(ReportingConfig()).report(Analysis(not_evaluable_result(), ()), context)

    assert [item.kind for item in objects] == [ObjectKind.STRUCTURED_REPORT, ObjectKind.PICTURE]
    assert all(dataset(item).StudyInstanceUID == STUDY_UID for item in objects)


def test_a_site_may_leave_objects_out(ct: Study) -> None:
    kinds = [item.kind for item in report(ct, with_picture=False, with_segmentation=False)]

    assert kinds == [ObjectKind.STRUCTURED_REPORT]


def test_the_objects_stand_in_series_of_their_own_with_fixed_numbers(ct: Study) -> None:
    found = [dataset(item) for item in report(ct)]

    assert [(item.Modality, item.SeriesNumber) for item in found] == [("SR", 900), ("SEG", 901), ("OT", 902)]
    assert len({item.SeriesInstanceUID for item in found}) == 3
    assert all(item.DeviceSerialNumber == "2.25.123456789" for item in found)


def test_all_dates_are_those_of_the_analysis(ct: Study) -> None:
    for item in map(dataset, report(ct)):
        assert (item.ContentDate, item.ContentTime) == ("20261120", "093015")
        assert (item.InstanceCreationDate, item.InstanceCreationTime) == ("20261120", "093015")
        assert (item.SeriesDate, item.SeriesTime) == ("20261120", "093015")


def test_times_follow_the_time_zone_of_the_source(tmp_path: Path) -> None:
    study = mr_study(tmp_path, TimezoneOffsetFromUTC="+0900")

    found = dataset(report(study, with_picture=False)[0])

    assert (found.ContentTime, found.TimezoneOffsetFromUTC) == ("183015", "+0900")


def test_a_time_without_zone_is_taken_as_it_stands(ct: Study) -> None:
    naive = datetime(2026, 11, 20, 7, 0, 1)
    objects = DicomReporter(ReportingConfig()).report(
        ct.analysis(result_of(ct)), replace(ct.context(), analysed_at=naive)
    )

    assert dataset(objects[0]).ContentTime == "070001"
    assert ANALYSED_AT.hour == 9


def test_scanner_and_algorithms_are_named_with_device_uids(ct: Study) -> None:
    purposes = []
    for item in dataset(report(ct)[0]).ContributingEquipmentSequence:
        purposes.append(
            (item.PurposeOfReferenceCodeSequence[0].CodeValue, item.ManufacturerModelName, "DeviceUID" in item)
        )

    assert purposes == [("109101", "SOMATOM", False), ("109102", "Trabecula", True), ("109102", "Segmenter", True)]
