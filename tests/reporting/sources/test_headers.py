from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import config, dcmread

from tests.reporting.builders import STUDY_UID, Study, ct_study
from trabecula.domain.errors import ReportInvalid
from trabecula.domain.study.study import StoredFile
from trabecula.reporting.sources.headers import (
    REQUIRED_EMPTY,
    check_identity,
    first_source,
    read_header,
)


def test_a_header_is_transcoded_to_utf8(ct: Study) -> None:
    header = read_header(ct.files[0])

    assert header.SpecificCharacterSet == "ISO_IR 192"
    assert str(header.PatientName) == "Müller^Eva"


def test_absent_type_2_attributes_become_empty(tmp_path: Path) -> None:
    study = ct_study(tmp_path, slices=60, **dict.fromkeys(REQUIRED_EMPTY))

    header = read_header(study.files[0])

    assert all(keyword in header and not header[keyword].value for keyword in REQUIRED_EMPTY)


def test_texts_too_long_for_their_vr_are_fitted_but_identity_stays_verbatim(tmp_path: Path) -> None:
    study = ct_study(tmp_path, slices=60)
    dataset = dcmread(study.files[0].path)
    with config.disable_value_validation():
        dataset.DeidentificationMethod = "names, ids, birth date removed; " * 3
        dataset.StudyDescription = "x" * 70
        dataset.PatientID = "P" * 70
        dataset.save_as(study.files[0].path)
        header = read_header(study.files[0])

    assert [len(part) <= 64 for part in header.DeidentificationMethod] == [True, True]
    assert header.StudyDescription == "x" * 64
    assert header.PatientID == "P" * 70


def test_an_unreadable_file_is_a_report_error(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"not DICOM")

    with pytest.raises(ReportInvalid) as caught:
        read_header(StoredFile(str(path), "1", "2", "3"))

    assert caught.value.code == "REPORT_INVALID"
    assert caught.value.sentence.startswith("The result cannot be written as a DICOM object: the header of a source")
    assert "result.json" in caught.value.next_step
    assert not caught.value.retryable


def test_the_first_readable_header_is_taken(ct: Study, tmp_path: Path) -> None:
    missing = StoredFile(str(tmp_path / "missing"), "1", "2", "3")

    assert first_source([missing, ct.files[3]]).dataset.SOPInstanceUID == ct.files[3].sop_instance_uid
    with pytest.raises(ReportInvalid, match="cannot be read"):
        first_source([missing])
    with pytest.raises(ReportInvalid, match="no image"):
        first_source([])


def test_another_study_or_no_patient_id_is_refused(ct: Study) -> None:
    header = read_header(ct.files[0])

    check_identity(header, STUDY_UID, allow_empty_patient_id=False)
    with pytest.raises(ReportInvalid, match="another study"):
        check_identity(header, "1.2.3", allow_empty_patient_id=False)
    header.PatientID = " "
    with pytest.raises(ReportInvalid, match="no Patient ID"):
        check_identity(header, STUDY_UID, allow_empty_patient_id=False)
    check_identity(header, STUDY_UID, allow_empty_patient_id=True)


@pytest.fixture(scope="module")
def image_bytes(ct: Study) -> bytes:
    return Path(ct.files[0].path).read_bytes()


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(damage=st.lists(st.tuples(st.integers(132, 2000), st.integers(0, 255)), min_size=1, max_size=12))
def test_damaged_headers_are_read_or_refused_but_never_crash(
    image_bytes: bytes, tmp_path: Path, damage: list[tuple[int, int]]
) -> None:
    content = bytearray(image_bytes)
    for position, value in damage:
        content[position % len(content)] = value
    path = tmp_path / "damaged.dcm"
    path.write_bytes(content)

    try:
        header = read_header(StoredFile(str(path), "1", "2", "3"))
    except ReportInvalid:
        return

    assert "PatientID" in header


def test_truncated_headers_are_read_or_refused(ct: Study, tmp_path: Path) -> None:
    content = Path(ct.files[0].path).read_bytes()
    for length in np.linspace(0, len(content) - 1, 40).astype(int):
        path = tmp_path / "short.dcm"
        path.write_bytes(content[:length])
        try:
            header = read_header(StoredFile(str(path), "1", "2", "3"))
        except ReportInvalid:
            continue
        assert "StudyDate" in header


def test_sources_are_left_as_they_were(ct: Study) -> None:
    before = Path(ct.files[0].path).read_bytes()

    read_header(ct.files[0])

    assert Path(ct.files[0].path).read_bytes() == before
    assert dcmread(ct.files[0].path).SpecificCharacterSet == "ISO_IR 100"
