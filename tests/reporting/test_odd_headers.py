"""Headers as real archives send them: the objects written from them are valid, and say what was not taken over."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import Dataset, dcmread

from tests.reporting.builders import ANALYSED_AT, INSTALLATION_UID, Study, item, not_evaluable_result, put, result_of
from trabecula.domain.errors import PatientIdMissing, ReportInvalid
from trabecula.domain.results.analysis import Analysis
from trabecula.domain.results.result import ObjectKind, ResultObject
from trabecula.domain.study.study import StoredFile
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.reporting.identifiers import Identities
from trabecula.reporting.picture.secondary_capture import secondary_capture
from trabecula.reporting.sources.headers import lenient, read_source
from trabecula.reporting.sr.content_items import walk
from trabecula.reporting.stamping import Stamp, local_time

Header = dict[str, Any]


def code(value: str = "OK", scheme: str = "99LOCAL", meaning: str = "Abdomen", **more: object) -> Dataset:
    return item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning, **more)


ODD: dict[str, Header] = {
    "dates with separators": {
        "StudyDate": "2026-01-05", "StudyTime": "09:00:00", "PatientBirthDate": "1958.01.02", "PatientAge": "",
        "PatientBirthTime": "7:30",
    },
    "dates that are none": {"StudyDate": "20260230", "StudyTime": "noon", "PatientBirthDate": "unknown"},
    "dates with more than a date": {"StudyDate": "20260105090000.00", "StudyTime": "090000+0100"},
    "two birth dates": {"PatientBirthDate": "19580102\\19580103", "PatientAge": "68Y\\068Y"},
    "a time zone with a colon": {"TimezoneOffsetFromUTC": "+9:00"},
    "a time zone by name": {"TimezoneOffsetFromUTC": "CET"},
    "codes that are incomplete": {
        "ProcedureCodeSequence": [
            item(CodeValue="CTLWS", CodingSchemeDesignator="99LOCAL"),
            item(CodeValue="LONGLOCALCODEVALUE-OVER-16", CodeMeaning="M" * 100),
            code(meaning="M" * 100),
            Dataset(),
        ],
        "RequestAttributesSequence": [Dataset()],
        "ReferencedStudySequence": [item(ReferencedSOPClassUID="")],
    },
    "references that are none": {
        "ReferencedStudySequence": [
            item(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID="1.02.3"),
            item(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID="1.2." + "3" * 70),
            item(ReferencedSOPClassUID="1.2.840.10008.3.1.2.3.1", ReferencedSOPInstanceUID="abc"),
        ]
    },
    "an order with odd values": {
        "RequestAttributesSequence": [
            item(
                RequestedProcedureID="R" * 20, RequestedProcedureDescription="d" * 80, AccessionNumber="A" * 20,
                RequestedProcedureCodeSequence=[code(), code("B")], ScheduledProcedureStepID="s" * 20,
            )
        ]
    },
    "identifiers of identifiers": {
        "OtherPatientIDsSequence": [item(PatientID="x"), item(PatientID="P" * 70, TypeOfPatientID="TEXT")],
        "IssuerOfPatientIDQualifiersSequence": [item(UniversalEntityID="1.2.3"), item(UniversalEntityIDType="ISO")],
        "IssuerOfAccessionNumberSequence": [item(UniversalEntityID="1.2.3", UniversalEntityIDType="oid")],
        "ReferringPhysicianIdentificationSequence": [item(InstitutionName="x")],
        "TypeOfPatientID": "text",
    },
    "names with too much": {
        "PatientName": "A^B^C^D^E^F^G", "ReferringPhysicianName": "x" * 70, "PhysiciansOfRecord": "A^B\\" + "y" * 90,
        "OtherPatientNames": "A=B=C=D\\\\", "NameOfPhysiciansReadingStudy": "a\nb",
    },
    "two names": {"PatientName": "Muster^Eva\\Muster^Adam"},
    "a name without letters": {"PatientName": "^^^^", "ReferringPhysicianName": "=="},
    "a name in a misspelt character set": {
        "SpecificCharacterSet": "ISO-IR 58", "PatientName": "王^小红".encode("gbk"),
    },
    "a name in an unknown character set": {
        "SpecificCharacterSet": "KLINGON", "PatientName": b"M\xdcLLER^J\xd6RG", "StudyDescription": b"\x80\x81\x82",
    },
    "UTF-8 that is not declared": {"SpecificCharacterSet": None, "PatientName": "Łukasz^山".encode()},
    "a sex in words": {"PatientSex": "female", "PatientAge": "68"},
    "a sex of one's own": {"PatientSex": "W", "PatientAge": "68 years", "EthnicGroup": "E" * 20},
    "numbers with a comma": {"PatientSize": b"1,75", "PatientWeight": b"about 70", "SliceThickness": b"3,0"},
    "numbers without end": {"PatientSize": b"1.7512345678901234567", "PatientWeight": b"1e999", "SliceThickness": b"-"},
    "control characters": {
        "StudyDescription": b"CT\x00Abdomen\x1b\x07", "StationName": b"CT\r\n01", "Manufacturer": b"ACME\tLtd",
        "AdmissionID": b"A\x01",
    },
    "texts that are too long": {
        "StudyDescription": "x" * 200, "StationName": "s" * 40, "ManufacturerModelName": "m" * 90,
        "SoftwareVersions": "v" * 70 + "\\w", "AdmissionID": "a" * 80, "DeviceSerialNumber": "d" * 80,
        "DeidentificationMethod": "names, dates, numbers; " * 9,
    },
    "values separated where there is one": {
        "StudyDescription": "CT\\Abdomen", "StationName": "A\\B", "Manufacturer": "A\\B", "PatientSex": "F\\M",
        "EthnicGroup": "a\\b",
    },
    "lower case": {"PatientIdentityRemoved": "yes", "Modality": "ct"},
    "an identity removed in no known way": {"PatientIdentityRemoved": "YES"},
    "methods of removal without a code": {
        "PatientIdentityRemoved": "YES", "DeidentificationMethodCodeSequence": [item(CodeValue="113100")],
    },
    "a frame of reference that is none": {"FrameOfReferenceUID": ""},
    "everything empty": dict.fromkeys(
        ("PatientName", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
         "ReferringPhysicianName", "StudyDescription", "Manufacturer", "RequestAttributesSequence"), ""
    ) | {"RequestAttributesSequence": []},
}  # fmt: skip

MERGED = ("codes that are incomplete", "names with too much", "dates with separators", "a time zone with a colon",
          "identifiers of identifiers", "texts that are too long", "numbers without end", "a sex in words",
          "methods of removal without a code")  # fmt: skip


@pytest.fixture(scope="module")
def dciodvfy(
    require_tool: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[bytes], list[str]]:
    program, path = require_tool("dciodvfy"), tmp_path_factory.mktemp("checked") / "x.dcm"

    def errors(content: bytes) -> list[str]:
        path.write_bytes(content)
        done = subprocess.run([program, str(path)], capture_output=True, check=False, text=True, errors="replace")
        return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]

    return errors


def changed(study: Study, folder: Path, header: Header) -> Study:
    """The study with another header in the first image of the measured series, which is the one that is read."""
    dataset = dcmread(study.files[0].path)
    for keyword, value in header.items():
        put(dataset, keyword, value)
    folder.mkdir(parents=True, exist_ok=True)
    with lenient():
        dataset.save_as(folder / "first.dcm")
    files = (replace(study.files[0], path=str(folder / "first.dcm")), *study.files[1:])
    return replace(study, files=files, volume=replace(study.volume, files=files))


def small_picture(study: Study) -> ResultObject:
    """An object with everything that results inherit, and next to no pixels."""
    config = ReportingConfig()
    header = read_source(study.files[0]).dataset
    identities = Identities(str(header.StudyInstanceUID), 1, "0", "2.25")
    stamp = Stamp(
        header=header,
        when=local_time(ANALYSED_AT, header),
        installation_uid=INSTALLATION_UID,
        config=config,
        identities=identities,
    )
    pixels = np.zeros((2, 2, 3), dtype=np.uint8)
    with lenient():
        return secondary_capture(pixels, (("1.2.840.10008.5.1.4.1.1.2", "1.2.3"),), stamp, result_of(study))


@pytest.mark.system
@pytest.mark.parametrize("name", ODD)
def test_no_odd_value_leaves_as_it_came(
    ct: Study, tmp_path: Path, dciodvfy: Callable[[bytes], list[str]], name: str
) -> None:
    study = changed(ct, tmp_path, ODD[name])

    picture = small_picture(study)

    assert dciodvfy(picture.content) == []
    remark = read_source(study.files[0]).remark
    assert bool(remark) == (name not in ("everything empty", "a frame of reference that is none"))


@pytest.mark.system
def test_all_three_objects_are_valid_whatever_the_headers_are(
    ct: Study, tmp_path: Path, dciodvfy: Callable[[bytes], list[str]]
) -> None:
    merged: Header = {}
    for name in MERGED:
        merged |= ODD[name]
    study = changed(ct, tmp_path, merged)

    objects = DicomReporter(ReportingConfig()).report(study.analysis(result_of(study)), study.context())

    written = [form for made in objects for form in (made, *made.alternatives)]
    assert {form.sop_class_uid: dciodvfy(form.content) for form in written} == {
        form.sop_class_uid: [] for form in written
    }
    report = dcmread(BytesIO(objects[0].content))
    assert (report.StudyDate, report.StudyTime, report.PatientBirthDate) == ("20260105", "090000", "19580102")
    assert (report.TimezoneOffsetFromUTC, report.ContentTime) == ("+0900", "183015")
    (procedure,) = report.ProcedureCodeSequence
    assert procedure.CodeMeaning == "M" * 64
    told = [child.TextValue for child in walk(report) if "TextValue" in child]
    assert any(line.startswith("Header values of the source images that are not valid DICOM") for line in told)


TEXT = st.one_of(st.text(max_size=80), st.from_regex(r"\A[0-9A-Za-z^=.:\\ ,+-]{1,70}\Z"))
VALID_FOR_THE_STANDARD = "Length invalid for this VR"
"""dciodvfy counts bytes of UTF-8 where PS3.5 6.2 counts characters, and all groups of a name together."""


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # long header values are the point
@pytest.mark.system
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    values=st.dictionaries(
        st.sampled_from(
            [
                "PatientName", "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate", "StudyTime",
                "StudyDescription", "ReferringPhysicianName", "EthnicGroup", "TypeOfPatientID", "PatientSize",
                "PatientWeight", "AdmissionID", "TimezoneOffsetFromUTC", "OtherPatientNames", "Manufacturer",
                "SoftwareVersions", "PatientBirthTime", "DeidentificationMethod", "PatientIdentityRemoved",
                "SpecificCharacterSet",
            ]
        ),
        st.one_of(TEXT.map(lambda text: text.encode()), st.binary(max_size=40)),
        min_size=3,
    )
)  # fmt: skip
def test_no_value_of_a_source_makes_an_object_invalid(
    ct: Study, tmp_path_factory: pytest.TempPathFactory, dciodvfy: Callable[[bytes], list[str]], values: Header
) -> None:
    study = changed(ct, tmp_path_factory.mktemp("any"), values)

    errors = dciodvfy(small_picture(study).content)

    grave = [
        line for line in errors if VALID_FOR_THE_STANDARD not in line and "contains invalid data values" not in line
    ]
    assert grave == []


@pytest.mark.parametrize(
    ("header", "keyword"),
    [
        ({"PatientID": "P" * 80}, "PatientID"),
        ({"AccessionNumber": "A" * 24}, "AccessionNumber"),
        ({"StudyID": "S" * 30}, "StudyID"),
        ({"PatientID": "A\\B"}, "PatientID"),
        ({"PatientID": b"12\n34"}, "PatientID"),
    ],
)
def test_what_identifies_is_kept_and_told(ct: Study, tmp_path: Path, header: Header, keyword: str) -> None:
    study = changed(ct, tmp_path, header)

    source = read_source(study.files[0])

    with lenient():
        assert source.dataset[keyword].value == dcmread(study.files[0].path)[keyword].value
    assert "kept as they came: " in source.remark


def test_the_name_is_right_in_a_misspelt_character_set(ct: Study, tmp_path: Path) -> None:
    study = changed(ct, tmp_path, ODD["a name in a misspelt character set"])

    source = read_source(study.files[0])

    assert str(source.dataset.PatientName) == "王^小红"
    assert "repaired: Patient's Name" in source.remark


def test_a_valid_header_is_taken_over_without_a_word(ct: Study, mr: Study) -> None:
    assert read_source(ct.files[0]).remark == ""
    assert read_source(mr.files[0]).remark == ""


def test_identity_comes_from_the_measured_series_and_from_no_other(ct: Study, mr: Study, tmp_path: Path) -> None:
    """Two patients under one study: the objects name the person whose images were measured."""
    other = changed(mr, tmp_path, {"PatientID": "OTHER-0001", "PatientName": "Other^Person"})
    context = ct.context(study_files=(other.files[0], *ct.files))

    objects = DicomReporter(ReportingConfig(with_picture=False)).report(ct.analysis(result_of(ct)), context)

    assert {str(dcmread(BytesIO(made.content)).PatientID) for made in objects} == {"PID-0042"}


def test_the_next_step_without_patient_id_is_to_correct_it_or_to_allow_it(ct: Study, tmp_path: Path) -> None:
    study = changed(ct, tmp_path, {"PatientID": ""})

    with pytest.raises(PatientIdMissing) as caught:
        DicomReporter(ReportingConfig()).report(study.analysis(result_of(study)), study.context())

    assert caught.value.code == "PATIENT_ID_MISSING"
    assert "send_without_patient_id" in caught.value.next_step
    assert "PACS" in caught.value.next_step


@pytest.mark.system
def test_a_study_without_a_readable_file_still_gets_its_report(
    tmp_path: Path, dciodvfy: Callable[[bytes], list[str]]
) -> None:
    """Without a word of the patient it is written where the site allows results without Patient ID."""
    (tmp_path / "rubbish").write_bytes(b"no DICOM at all" * 100)
    files = tuple(
        StoredFile(str(tmp_path / name), f"1.2.3.{number}", "1.2.840.10008.5.1.4.1.1.2", series)
        for number, (name, series) in enumerate([("rubbish", "1.2.9"), ("absent", "1.2.9"), ("rubbish", "")])
    )
    result = not_evaluable_result()
    context = Study(files, None, "").context()  # type: ignore[arg-type]

    objects = DicomReporter(ReportingConfig(allow_empty_patient_id=True)).report(Analysis(result, ()), context)

    assert [made.kind for made in objects] == [ObjectKind.STRUCTURED_REPORT, ObjectKind.PICTURE]
    assert [dciodvfy(made.content) for made in objects] == [[], []]
    with pytest.raises(PatientIdMissing):
        DicomReporter(ReportingConfig()).report(Analysis(result, ()), context)


def test_the_beginning_of_a_damaged_file_names_the_patient(ct: Study, tmp_path: Path) -> None:
    content = Path(ct.files[0].path).read_bytes()
    place = content.index(b"\x20\x00\x0e\x00UI")
    damaged = tmp_path / "damaged.dcm"
    damaged.write_bytes(content[: place + 40] + b"\x28\x00\x10\x00SQ\x00\x00\xff\xff\xff\xff" + b"\x01\x02\x03" * 9)

    source = read_source(replace(ct.files[0], path=str(damaged)))

    assert source.dataset.PatientID == "PID-0042"
    with pytest.raises(ReportInvalid):
        read_source(replace(ct.files[0], path=str(tmp_path / "absent")))


def test_odd_files_among_the_sources_break_nothing(ct: Study, tmp_path: Path) -> None:
    """Not measured: unreadable files, files without UIDs and objects that are no images stand in the list."""
    (tmp_path / "rubbish").write_bytes(b"rubbish")
    odd = (
        StoredFile(str(tmp_path / "rubbish"), "1.2.3.4", "1.2.840.10008.5.1.4.1.1.2", "1.2.8"),
        StoredFile(str(tmp_path / "rubbish"), "", "", ""),
        StoredFile(str(tmp_path / "rubbish"), "1.2.3.5", "1.2.840.10008.5.1.4.1.1.88.34", "1.2.7"),
        StoredFile(str(tmp_path / "rubbish"), "1.02.3", "1.2.840.10008.5.1.4.1.1.2", "1.02"),
    )
    context = ct.context(study_files=(*odd, *ct.files))

    report, _ = DicomReporter(ReportingConfig()).report(Analysis(not_evaluable_result(), ()), context)

    named = dcmread(BytesIO(report.content))
    assert named.PatientID == "PID-0042"
    with lenient():
        images = [
            reference.ReferencedSOPInstanceUID
            for series in named.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
            for reference in series.ReferencedSOPSequence
        ]
    assert "1.2.3.5" not in images
    assert ct.files[0].sop_instance_uid in images
