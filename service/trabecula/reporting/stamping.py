"""What all our objects share: the study's identity copied verbatim, equipment, dates of the analysis, and the bytes."""

from __future__ import annotations

import re
import struct
import warnings
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from io import BytesIO

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import dcmwrite, write_file_meta_info
from pydicom.tag import BaseTag
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import DA, TM

from trabecula.domain.errors import ReportInvalid
from trabecula.domain.identity import derived_uid
from trabecula.domain.results.result import ObjectKind, ResultObject, StudyResult
from trabecula.domain.uids import InstanceUid, SeriesUid
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.identifiers import Identities
from trabecula.reporting.languages.telling import ENGLISH, Texts
from trabecula.reporting.sources.headers import INHERITED, UTF8
from trabecula.reporting.sr.concepts import coded
from trabecula.version import __version__

IMPLEMENTATION_CLASS_UID = UID(derived_uid("implementation class"))
SERIES_NUMBERS = {ObjectKind.STRUCTURED_REPORT: 900, ObjectKind.SEGMENTATION: 901, ObjectKind.PICTURE: 902}


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """The common part of the objects of one result. ``header`` is a source image's; ``when`` the time of analysis,
    ``texts`` those of the language the objects are in."""

    header: Dataset
    when: datetime
    installation_uid: str
    config: ReportingConfig
    identities: Identities
    revision: int = 1
    texts: Texts = ENGLISH

    @property
    def date(self) -> DA:
        """Date of the analysis, for content, series and instance creation."""
        return DA(self.when.date())

    @property
    def time(self) -> TM:
        """Time of the analysis, without fractions."""
        return TM(self.when.time().replace(microsecond=0))

    @property
    def serial_number(self) -> str:
        """The configured serial number, or the installation's UID."""
        return self.config.device_serial_number or self.installation_uid


def local_time(analysed_at: datetime, header: Dataset) -> datetime:
    """Return the time of analysis in the time zone that the source images name (Timezone Offset From UTC), if any."""
    match = re.fullmatch(r"([+-])(\d\d)(\d\d)", str(header.get("TimezoneOffsetFromUTC") or "").strip())
    if match is None or analysed_at.tzinfo is None:
        return analysed_at
    offset = timedelta(hours=int(match[2]), minutes=int(match[3])) * (-1 if match[1] == "-" else 1)
    return analysed_at.astimezone(timezone(offset))


def equipment(stamp: Stamp, result: StudyResult) -> list[Dataset]:
    """Return the Contributing Equipment Sequence (PS3.3 C.12.1): the scanner, and every algorithm with its Device UID.

    The Device UID of a model changes when it is trained again.
    """
    config = stamp.config
    algorithms = [(config.model_name, __version__, stamp.identities.device(config.model_name, __version__))]
    segmenter = result.versions.get("segmenter")
    if segmenter:
        algorithms.append(("Segmenter", segmenter, stamp.identities.device("segmenter", segmenter)))
    for score in result.scores:
        if score.active:
            uid = stamp.identities.device("model", score.model_id, score.model_sha256)
            algorithms.append((score.model_id, score.model_version, uid))
    items = [_processing(config.manufacturer, *algorithm) for algorithm in algorithms]
    return [*_scanner(stamp.header), *items]


def reference(sop_class_uid: str, sop_instance_uid: InstanceUid) -> Dataset:
    """Return an item that refers to an instance (PS3.3 table 10-11)."""
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class_uid
    item.ReferencedSOPInstanceUID = sop_instance_uid
    return item


def finished(dataset: Dataset, kind: ObjectKind, stamp: Stamp, result: StudyResult) -> ResultObject:
    """Complete a dataset with the common modules and return it as a Part 10 file, Explicit VR Little Endian.

    Raises ReportInvalid when it cannot be encoded.
    """
    for keyword in INHERITED:
        if keyword in dataset:
            del dataset[keyword]
        if keyword in stamp.header:
            dataset.add(stamp.header[keyword])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _common(dataset, kind, stamp)
        dataset.ContributingEquipmentSequence = equipment(stamp, result)
        dataset.file_meta = _file_meta(dataset)
        buffer = BytesIO()
        try:
            dcmwrite(buffer, dataset, enforce_file_format=True)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise ReportInvalid(f"{kind.value} cannot be encoded ({type(error).__name__}: {error})") from error
    return ResultObject(
        kind=kind,
        sop_class_uid=str(dataset.SOPClassUID),
        sop_instance_uid=InstanceUid(str(dataset.SOPInstanceUID)),
        series_uid=SeriesUid(str(dataset.SeriesInstanceUID)),
        content=buffer.getvalue(),
    )


def stated_as(document: ResultObject, sop_class_uid: str, sop_instance_uid: InstanceUid) -> ResultObject:
    """Return the same document under another SOP Class and UID: every other byte of its data set stays as it is.

    Encoding a large tree again for each form takes longer than building it.
    """
    written = BytesIO(document.content)
    written.seek(128 + 4)
    meta = FileMetaDataset(read_dataset(written, is_implicit_VR=False, is_little_endian=True, stop_when=_after_meta))
    body = written.read()
    for tag, before, after in (
        (0x00080016, document.sop_class_uid, sop_class_uid),
        (0x00080018, document.sop_instance_uid, sop_instance_uid),
    ):
        body = body.replace(_uid_element(tag, before), _uid_element(tag, after), 1)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(sop_class_uid), UID(sop_instance_uid)
    head = DicomBytesIO()
    head.write(b"\0" * 128 + b"DICM")
    write_file_meta_info(head, meta, enforce_standard=True)
    return replace(
        document,
        sop_class_uid=str(sop_class_uid),
        sop_instance_uid=sop_instance_uid,
        content=head.getvalue() + body,
    )


def _after_meta(tag: BaseTag, _vr: str | None, _length: int) -> bool:
    return tag.group > 2


def _uid_element(tag: int, uid: str) -> bytes:
    """Return an element of VR UI in Explicit VR Little Endian (PS3.5 7.1.2, 9.1), its value padded to even length."""
    value = uid.encode("ascii")
    value += b"\0" * (len(value) % 2)
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"UI", len(value)) + value


def _common(dataset: Dataset, kind: ObjectKind, stamp: Stamp) -> None:
    dataset.SpecificCharacterSet = UTF8
    dataset.InstanceCreationDate = dataset.SeriesDate = dataset.ContentDate = stamp.date
    dataset.InstanceCreationTime = dataset.SeriesTime = dataset.ContentTime = stamp.time
    dataset.InstanceCreatorUID = stamp.installation_uid
    dataset.SeriesDescription = _series_description(stamp)
    dataset.SeriesNumber = SERIES_NUMBERS[kind]
    dataset.InstanceNumber = 1
    dataset.Manufacturer = stamp.config.manufacturer
    dataset.ManufacturerModelName = stamp.config.model_name
    dataset.DeviceSerialNumber = stamp.serial_number
    dataset.SoftwareVersions = __version__


def _series_description(stamp: Stamp) -> str:
    if stamp.revision > 1:
        return stamp.texts.fill("series_description_revision", revision=stamp.revision)
    return stamp.texts.fill("series_description")


def _file_meta(dataset: Dataset) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = f"TRABECULA_{__version__}"[:16]
    return meta


def _processing(manufacturer: str, name: str, version: str, device_uid: str) -> Dataset:
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [coded("processing_equipment")]
    item.Manufacturer = manufacturer
    item.ManufacturerModelName = name[:64]
    item.SoftwareVersions = version[:64]
    item.DeviceUID = device_uid
    return item


def _scanner(header: Dataset) -> list[Dataset]:
    if not header.get("Manufacturer"):
        return []
    item = Dataset()
    item.PurposeOfReferenceCodeSequence = [coded("acquisition_equipment")]
    for keyword in ("Manufacturer", "ManufacturerModelName", "StationName", "DeviceSerialNumber", "SoftwareVersions"):
        if header.get(keyword):
            item.add(header[keyword])
    return [item]


def tell_loss(dataset: Dataset, header: Dataset) -> None:
    """Say whether the image was made of images compressed with loss, which stays true of it (PS3.3 C.7.6.1.1.5).

    Ratio and method are told where the source tells them.
    """
    dataset.LossyImageCompression = header.get("LossyImageCompression") or "00"
    for keyword in ("LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if dataset.LossyImageCompression == "01" and header.get(keyword):
            setattr(dataset, keyword, header[keyword].value)
