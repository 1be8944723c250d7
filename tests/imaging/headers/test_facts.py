from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from trabecula.domain.study.study import StoredFile
from trabecula.imaging.headers.facts import HeaderFactsReader


def write(folder: Path, series_uid: str, **values: object) -> StoredFile:
    dataset = Dataset()
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    dataset.SOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = series_uid
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path = folder / f"{dataset.SOPInstanceUID}.dcm"
    dataset.save_as(path, enforce_file_format=True)
    return StoredFile(str(path), dataset.SOPInstanceUID, dataset.SOPClassUID, series_uid)


def test_the_facts_of_a_study_come_from_one_header_of_each_series(tmp_path: Path) -> None:
    files = [
        write(tmp_path, "1.2.1", Modality="CT", PatientName="Yamada^Tarou=山田^太郎", PatientID="", SeriesNumber=3),
        write(tmp_path, "1.2.2", Modality="CT", PatientID="4711", Manufacturer="MAKER", SeriesDescription="sag"),
    ]

    facts = HeaderFactsReader().read(files)

    assert (facts.patient_name, facts.patient_id, facts.manufacturer) == ("Yamada^Tarou=山田^太郎", "4711", "MAKER")
    assert [(item.series_uid, item.number, item.description) for item in facts.series] == [
        ("1.2.1", 3, ""),
        ("1.2.2", None, "sag"),
    ]


def test_what_cannot_be_read_stays_empty(tmp_path: Path) -> None:
    broken = tmp_path / "broken.dcm"
    broken.write_bytes(b"not DICOM at all")

    facts = HeaderFactsReader().read([StoredFile(str(broken), "1.2", "1.3", "1.4")])

    assert facts.patient_id == ""
    assert facts.series == ()


def test_facts_of_two_people_are_never_mixed(tmp_path: Path) -> None:
    files = [
        write(tmp_path, "1.2.1", Modality="CT", PatientID="ONE", PatientSex="F", StationName=""),
        write(
            tmp_path,
            "1.2.2",
            Modality="CT",
            PatientID="TWO",
            PatientBirthDate="19500101",
            PatientSex="F",
            StationName="S",
        ),
        write(tmp_path, "1.2.3", Modality="CT", PatientID="one", PatientBirthDate="19580102"),
    ]

    facts = HeaderFactsReader().read(files)

    assert (facts.patient_id, facts.birth_date, facts.sex, facts.station) == ("ONE", "19580102", "F", "S")
