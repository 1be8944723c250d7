"""Headers of the source images: read without pixels, as UTF-8, reduced to what results inherit and made valid."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from pydicom import DataElement, Dataset, config, dcmread
from pydicom.datadict import dictionary_description, dictionary_VR
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.uid import UID

from trabecula.domain.errors import PatientIdMissing, ReportInvalid
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import StudyUid
from trabecula.reporting.sources.reading import SourceReader

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
"""What every result takes over from the study (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2, C.12.1)."""

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
    "FrameOfReferenceUID",
    "SliceThickness",
    "RequestAttributesSequence",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)

_NO_IMAGE = re.compile(r"(?:SR|Report|Document|State|Structure Set|Plan|Waveform|Directory)\b.*Storage|Directory")
"""Names of Storage SOP Classes (PS3.4 B.5) whose instances have no pixels; an unknown class counts as image."""

_METHOD_NOT_STATED = "Not stated by the source images"

_UNREADABLE = (
    OSError,
    InvalidDicomError,
    EOFError,
    BytesLengthException,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    NotImplementedError,
)
"""What pydicom raises on bytes that are no data set, or a damaged one."""


@dataclass(frozen=True)
class SourceHeader:
    """A reduced header, and what of it is not as the image has it (names of attributes, no values).

    ``kept`` are values that identify patient or study and are not valid DICOM: they stay as they came.
    """

    dataset: Dataset
    repaired: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    @property
    def remark(self) -> str:
        """What a reader of the result should know of it; empty where the header was valid."""
        parts = (
            ("repaired", self.repaired),
            ("left out", self.left_out),
            ("kept as they came", self.kept),
        )
        told = [f"{words}: {', '.join(names)}" for words, names in parts if names]
        return f"Header values of the source images that are not valid DICOM were {'; '.join(told)}." if told else ""


@contextmanager
def lenient() -> Iterator[None]:
    """Let pydicom neither refuse nor report odd values: its warnings, which are logged too, quote them."""
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def read_source(file: StoredFile) -> SourceHeader:
    """Return the attributes of a source image that results use, valid, with nine Type 2 attributes always present.

    A result never fails for a stranger's typing error: values are repaired or left out. Of a file whose later part is
    damaged the beginning is read. Raises ReportInvalid when the file is not readable DICOM.
    """
    with lenient():
        return _reduced(_opened(file))


def read_header(file: StoredFile) -> Dataset:
    """Return the reduced header of ``read_source`` alone. Raises ReportInvalid."""
    return read_source(file).dataset


def first_source(files: Iterable[StoredFile]) -> SourceHeader:
    """Return the header of the first readable file. Raises ReportInvalid when there is none."""
    failure = ReportInvalid("the study has no image that it could be reported on")
    for file in files:
        try:
            return read_source(file)
        except ReportInvalid as error:
            failure = error
    raise failure


def unread_source(study_uid: StudyUid, file: StoredFile) -> SourceHeader:
    """Return the header of a study of which no file can be read: its identity, and nothing of the patient."""
    header = Dataset()
    header.StudyInstanceUID = study_uid
    header.SOPClassUID, header.SOPInstanceUID = file.sop_class_uid, file.sop_instance_uid
    header.SeriesInstanceUID = file.series_uid
    return SourceHeader(_completed(header))


def check_identity(header: Dataset, study_uid: StudyUid, *, allow_empty_patient_id: bool) -> None:
    """Raise ReportInvalid for a header of another study, PatientIdMissing for one without where it is not allowed."""
    if str(header.get("StudyInstanceUID", "")) != study_uid:
        raise ReportInvalid("a source image belongs to another study")
    if not str(header.PatientID or "").strip() and not allow_empty_patient_id:
        raise PatientIdMissing


def images_by_series(files: Sequence[StoredFile]) -> tuple[StoredFile, ...]:
    """Return the first image of each series that a report can refer to, in order of appearance.

    Files without UIDs, and objects that are no images, are passed over (PS3.3 C.18.4 wants an image).
    """
    found: dict[str, StoredFile] = {}
    for file in files:
        named = all((file.series_uid, file.sop_instance_uid, file.sop_class_uid))
        if named and _NO_IMAGE.search(UID(file.sop_class_uid).name) is None:
            found.setdefault(file.series_uid, file)
    return tuple(found.values())


def _opened(file: StoredFile) -> Dataset:
    try:
        return dcmread(file.path, stop_before_pixels=True)
    except _UNREADABLE as error:
        failure = ReportInvalid(f"the header of a source image cannot be read ({type(error).__name__})")
        failure.__cause__ = error
    try:
        with open(file.path, "rb") as stream:
            begun = read_partial(stream, stop_when=lambda tag, vr, length: tag.group > 0x0020)
    except _UNREADABLE:
        raise failure from None
    if "StudyInstanceUID" not in begun:
        raise failure
    return begun


def _reduced(dataset: Dataset) -> SourceHeader:
    reader = SourceReader(dataset)
    header = Dataset()
    for keyword in (*INHERITED, *_OF_THE_SOURCE):
        value = reader.value(keyword)
        if value:
            header.add(DataElement(keyword, dictionary_VR(keyword), value))
    if header.get("PatientIdentityRemoved") == "YES" and not (
        header.get("DeidentificationMethod") or header.get("DeidentificationMethodCodeSequence")
    ):
        header.DeidentificationMethod = _METHOD_NOT_STATED
        reader.repaired.append("DeidentificationMethod")
    named = (
        tuple(dictionary_description(keyword) for keyword in dict.fromkeys(keywords))
        for keywords in (reader.repaired, reader.left_out, reader.kept)
    )
    return SourceHeader(_completed(header), *named)


def _completed(header: Dataset) -> Dataset:
    for keyword in REQUIRED_EMPTY:
        if keyword not in header:
            setattr(header, keyword, None)
    header.SpecificCharacterSet = UTF8
    return header
