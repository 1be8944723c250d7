"""Headers of the source images: read without pixels, transcoded to UTF-8, reduced to what results inherit."""

from __future__ import annotations

import contextlib
import textwrap
import warnings
from collections.abc import Iterable, Sequence

from pydicom import DataElement, Dataset, config, dcmread
from pydicom.datadict import dictionary_VM
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.multival import MultiValue

from trabecula.domain.errors import ReportInvalid
from trabecula.domain.study import StoredFile

UTF8 = "ISO_IR 192"

REQUIRED_EMPTY = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
"""Type 2 attributes of the Patient and General Study modules: always present, empty where the source has none."""

INHERITED = (
    *REQUIRED_EMPTY,
    "IssuerOfPatientID",
    "IssuerOfPatientIDQualifiersSequence",
    "TypeOfPatientID",
    "PatientBirthTime",
    "OtherPatientIDsSequence",
    "OtherPatientNames",
    "EthnicGroup",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "DeidentificationMethodCodeSequence",
    "StudyInstanceUID",
    "StudyDescription",
    "IssuerOfAccessionNumberSequence",
    "ReferringPhysicianIdentificationSequence",
    "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy",
    "ReferencedStudySequence",
    "ProcedureCodeSequence",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "AdmissionID",
    "TimezoneOffsetFromUTC",
)
"""What every result copies verbatim from the study (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2)."""

_LENGTH_LIMITS = {"LO": 64, "SH": 16}
"""Characters in one value (PS3.5 6.2)."""

_OF_THE_SOURCE = (
    "SOPClassUID",
    "SOPInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "Manufacturer",
    "ManufacturerModelName",
    "StationName",
    "DeviceSerialNumber",
    "SoftwareVersions",
    "InstitutionName",
    "FrameOfReferenceUID",
    "SliceThickness",
    "RequestAttributesSequence",
    "LossyImageCompression",
)

_UNPARSABLE = (BytesLengthException, ValueError, TypeError, KeyError, AttributeError, NotImplementedError, LookupError)
_UNREADABLE = (OSError, InvalidDicomError, EOFError, *_UNPARSABLE)
"""What pydicom raises on damaged values, and on bytes that are no data set."""


def read_header(file: StoredFile) -> Dataset:
    """Return the attributes of a source image that results use, decoded, with nine Type 2 attributes always present.

    Values that cannot be decoded or parsed are left out: a result never fails for a stranger's typing error.
    Raises ReportInvalid when the file is not readable DICOM.
    """
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        try:
            dataset = dcmread(file.path, stop_before_pixels=True)
        except _UNREADABLE as error:
            raise ReportInvalid(f"the header of a source image cannot be read ({type(error).__name__})") from error
        return _reduced(dataset)


def first_header(files: Iterable[StoredFile]) -> Dataset:
    """Return the header of the first readable file. Raises ReportInvalid when there is none."""
    failure = ReportInvalid("the study has no image that it could be reported on")
    for file in files:
        try:
            return read_header(file)
        except ReportInvalid as error:
            failure = error
    raise failure


def check_identity(header: Dataset, study_uid: str, *, allow_empty_patient_id: bool) -> None:
    """Raise ReportInvalid for a header of another study, or without Patient ID where that is not allowed."""
    if str(header.get("StudyInstanceUID", "")) != study_uid:
        raise ReportInvalid("a source image belongs to another study")
    if not str(header.PatientID or "").strip() and not allow_empty_patient_id:
        raise ReportInvalid("the source images have no Patient ID")


def one_per_series(files: Sequence[StoredFile]) -> tuple[StoredFile, ...]:
    """Return the first file of each series, in order of appearance."""
    found: dict[str, StoredFile] = {}
    for file in files:
        found.setdefault(file.series_uid, file)
    return tuple(found.values())


def _reduced(dataset: Dataset) -> Dataset:
    with contextlib.suppress(*_UNPARSABLE):
        dataset.decode()
    header = Dataset()
    for keyword in (*INHERITED, *_OF_THE_SOURCE):
        try:
            header.add(_fitted(dataset[keyword], keyword))
        except _UNPARSABLE:
            continue
    for keyword in REQUIRED_EMPTY:
        if keyword not in header:
            setattr(header, keyword, None)
    header.SpecificCharacterSet = UTF8
    return header


def _fitted(element: DataElement, keyword: str) -> DataElement:
    """Return the element with texts that are longer than their VR allows (PS3.5 6.2) cut into values or cut off.

    What identifies patient and study stays verbatim, whatever its length: the archive must find the same words.
    """
    limit = _LENGTH_LIMITS.get(element.VR)
    values = [str(item) for item in (element.value if isinstance(element.value, MultiValue) else [element.value])]
    if limit is None or keyword in REQUIRED_EMPTY or all(len(item) <= limit for item in values):
        return element
    if dictionary_VM(keyword).endswith("n"):
        values = [part for item in values for part in textwrap.wrap(item, limit)]
    return DataElement(element.tag, element.VR, [item[:limit] for item in values])
