"""The files of copies: compared attribute by attribute and byte by byte, read again, put into use, removed."""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

import pydicom
from pydicom.datadict import dictionary_description, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.tag import BaseTag

from trabecula.domain.errors import InstanceConflict, InstanceUnparsable, SpoolObjectMissing, SpoolUnavailable
from trabecula.domain.errors_of.copies import ReleaseRefused
from trabecula.domain.sop_classes import is_wanted, is_wanted_class
from trabecula.domain.study.copies import (
    AttributeDifference,
    CopyDifference,
    PatientIdentity,
    PixelComparison,
    QuarantineEntry,
    StoredCopy,
)
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.transfer_syntaxes import LITTLE_ENDIAN
from trabecula.intake.storage.identity import read_again
from trabecula.intake.storage.spool import QUARANTINE, Spool

_READ_ERRORS = (
    InvalidDicomError, BytesLengthException, struct.error, EOFError, ValueError, TypeError, LookupError,
    AttributeError, NotImplementedError, RecursionError,
)  # fmt: skip
_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
"""Little endian without compression (PS3.5 A.1, A.2, A.5): the value of Pixel Data is the same bytes in each."""
_MOVED = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_IMAGE = frozenset(
    {
        # Image Pixel (PS3.3 C.7.6.3), Multi-frame (C.7.6.6, C.7.6.16), Overlay-free part only
        "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns",
        "PixelAspectRatio", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue",
        "PixelPaddingRangeLimit", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
        # Modality LUT (C.11.1)
        "RescaleSlope", "RescaleIntercept", "RescaleType", "ModalityLUTSequence",
        # Image Plane, Frame of Reference and the spacings (C.7.6.2, C.7.4.1, C.8.3.1)
        "PixelSpacing", "ImagerPixelSpacing", "SliceThickness", "SpacingBetweenSlices", "ImagePositionPatient",
        "ImageOrientationPatient", "FrameOfReferenceUID", "PatientPosition",
    }
)  # fmt: skip
_SHOWN = (
    "PatientID", "IssuerOfPatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyDate",
    "StudyDescription", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription", "Modality",
    "InstanceNumber", "SOPInstanceUID", "Manufacturer", "ManufacturerModelName", "StationName",
)  # fmt: skip
_IDENTITY = {
    "patient_id": "PatientID",
    "issuer": "IssuerOfPatientID",
    "name": "PatientName",
    "birth_date": "PatientBirthDate",
    "sex": "PatientSex",
    "accession_number": "AccessionNumber",
}
_LONGEST_TEXT = 64


class SpoolCopies:
    """Implements domain.copy_ports.CopyStore on a spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def compare(self, in_use: StoredCopy, newer: StoredCopy) -> CopyDifference:
        """Return how two copies differ; never raises for what a file holds."""
        try:
            with _lenient():
                return _difference(self._read(in_use), self._read(newer))
        except (*_READ_ERRORS, SpoolObjectMissing, SpoolUnavailable):
            return CopyDifference()

    def identity(self, copy: StoredCopy) -> PatientIdentity:
        """Return whom a file names. Raises SpoolObjectMissing, InstanceUnparsable."""
        try:
            with _lenient():
                header = self._header(copy, tuple(_IDENTITY.values()))
                return _identity(header)
        except _READ_ERRORS as error:
            raise InstanceUnparsable("its header cannot be read") from error

    def attributes(self, copy: StoredCopy) -> tuple[AttributeDifference, ...]:
        """Return what can be read of who and what a file shows, as name and value (``newer``); empty where nothing."""
        try:
            with _lenient():
                header = self._header(copy, _SHOWN)
                return tuple(
                    AttributeDifference(
                        _tag(BaseTag(tag)), dictionary_description(tag), "", _text(header, BaseTag(tag))
                    )
                    for tag in header.keys()  # noqa: SIM118 - a Dataset iterates over elements
                    if keyword_for_tag(tag) in _SHOWN
                )
        except (*_READ_ERRORS, SpoolObjectMissing, SpoolUnavailable):
            return ()

    def received(self, entry: QuarantineEntry) -> ReceivedInstance:
        """Read a quarantined file as if it came now. Raises InstanceUnparsable, ReleaseRefused, SpoolObjectMissing."""
        stated, head = read_again(self._spool.existing(entry.spool_key))
        if not is_wanted_class(stated.sop_class_uid) or not is_wanted(stated.sop_class_uid, head.manufacturer):
            raise ReleaseRefused("it is not an image this program measures, or one of its own objects")
        return ReceivedInstance(
            sop_class_uid=stated.sop_class_uid,
            sop_instance_uid=stated.sop_instance_uid,
            transfer_syntax_uid=stated.transfer_syntax_uid,
            study_uid=head.study_uid,
            series_uid=head.series_uid,
            spool_key=entry.spool_key,
            size_bytes=entry.size_bytes,
            sha256=entry.sha256,
            calling_ae_title=entry.calling_ae_title,
            association_id=entry.association_id,
            received_at=entry.received_at,
        )

    def keep(self, instance: ReceivedInstance) -> str:
        """Make a quarantined file durable as the first copy of its instance and return its key.

        Raises InstanceConflict where other bytes are there, SpoolUnavailable, SpoolObjectMissing.
        """
        copy = StoredCopy(instance.sop_instance_uid, instance.series_uid, instance.spool_key, instance.sha256)
        key = self._spool.key_of(instance.sop_instance_uid)
        self._content(copy)
        self._link(copy, key)
        if hashlib.sha256(self._spool.existing(key).read_bytes()).hexdigest() != instance.sha256:
            raise InstanceConflict(instance.sop_instance_uid)
        return key

    def put_beside(self, copy: StoredCopy) -> tuple[str, str]:
        """Make a quarantined file durable beside the first copy of its instance; return its key and transfer syntax.

        A file that was in use before lies there already. Raises SpoolUnavailable, SpoolObjectMissing.
        """
        stated, _head = read_again(self._spool.existing(copy.spool_key))
        if not copy.spool_key.startswith(f"{QUARANTINE}/"):
            return copy.spool_key, stated.transfer_syntax_uid
        key = self.key_beside(copy)
        self._link(copy, key)
        return key, stated.transfer_syntax_uid

    def key_beside(self, copy: StoredCopy) -> str:
        """Return the key ``put_beside`` gives a copy."""
        return self._spool.key_beside(copy.sop_instance_uid, copy.sha256)

    def remove(self, spool_key: str) -> None:
        """Remove a file durably; nothing happens where there is none. Raises SpoolUnavailable."""
        self._spool.remove(spool_key)

    def _link(self, copy: StoredCopy, key: str) -> None:
        try:
            self._spool.link(self._spool.existing(copy.spool_key), key)
        except OSError as error:
            raise SpoolUnavailable(error.strerror or type(error).__name__) from error

    def _header(self, copy: StoredCopy, keywords: tuple[str, ...]) -> Dataset:
        path = self._spool.existing(copy.spool_key)
        try:
            return pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(keywords), force=True)
        except OSError as error:
            raise SpoolUnavailable(error.strerror or type(error).__name__) from error

    def _content(self, copy: StoredCopy) -> bytes:
        """Return the bytes that came, or raise SpoolObjectMissing where they were altered since."""
        try:
            content = self._spool.existing(copy.spool_key).read_bytes()
        except OSError as error:
            raise SpoolUnavailable(error.strerror or type(error).__name__) from error
        if hashlib.sha256(content).hexdigest() != copy.sha256:
            raise SpoolObjectMissing(f"{copy.spool_key} was altered")
        return content

    def _read(self, copy: StoredCopy) -> Dataset:
        return pydicom.dcmread(BytesIO(self._content(copy)))


@contextmanager
def _lenient() -> Iterator[None]:
    """Read odd values without warnings (which would quote them) or refusals."""
    with warnings.catch_warnings(), pydicom.config.disable_value_validation():
        warnings.simplefilter("ignore")
        yield


def _difference(in_use: Dataset, newer: Dataset) -> CopyDifference:
    tags = [
        tag
        for tag in sorted({*in_use.keys(), *newer.keys()})
        if tag.element != 0 and keyword_for_tag(tag) not in _PIXELS and not _same(in_use, newer, tag)
    ]
    keywords = {tag: keyword_for_tag(tag) for tag in tags}
    return CopyDifference(
        attributes=tuple(
            AttributeDifference(_tag(tag), _name(tag), _text(in_use, tag), _text(newer, tag)) for tag in tags
        ),
        pixels=_pixels(in_use, newer),
        image_attributes=tuple(_name(tag) for tag in tags if keywords[tag] in _IMAGE),
        moved=tuple(_name(tag) for tag in tags if keywords[tag] in _MOVED),
        in_use=_identity(in_use),
        newer=_identity(newer),
    )


def _pixels(in_use: Dataset, newer: Dataset) -> PixelComparison:
    syntaxes = {str(item.file_meta.TransferSyntaxUID) for item in (in_use, newer)}
    if len(syntaxes) > 1 and not syntaxes <= set(LITTLE_ENDIAN):
        return PixelComparison.OTHER_TRANSFER_SYNTAX
    values = [[item.get_item(name).value if name in item else None for name in _PIXELS] for item in (in_use, newer)]
    if values[0] == [None] * len(_PIXELS):
        return PixelComparison.UNREADABLE
    return PixelComparison.EQUAL if values[0] == values[1] else PixelComparison.DIFFERENT


def _same(in_use: Dataset, newer: Dataset, tag: BaseTag) -> bool:
    if tag not in in_use or tag not in newer:
        return False
    raw = [item.get_item(tag) for item in (in_use, newer)]
    one_encoding = in_use.original_encoding == newer.original_encoding
    if one_encoding and type(raw[0]) is type(raw[1]) and raw[0].value == raw[1].value:
        return True
    try:
        return bool(in_use[tag].value == newer[tag].value)
    except _READ_ERRORS:
        return False


def _identity(header: Dataset) -> PatientIdentity:
    return PatientIdentity(
        **{
            name: _text(header, BaseTag(pydicom.datadict.tag_for_keyword(word) or 0))
            for name, word in _IDENTITY.items()
        }
    )


def _text(header: Dataset, tag: BaseTag) -> str:
    """Return a value for people and for comparison: without padding; empty where absent or not readable."""
    try:
        if tag not in header:
            return ""
        element = header[tag]
        if element.VR == "SQ":
            return f"({len(element.value)} items)"
        if isinstance(element.value, bytes):
            return f"({len(element.value)} bytes)"
        text = str(element.value if element.value is not None else "").strip(" \0")
    except _READ_ERRORS:
        return "(not readable)"
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - 3] + "..."


def _name(tag: BaseTag) -> str:
    try:
        return dictionary_description(tag)
    except KeyError:
        return f"private attribute {_tag(tag)}" if tag.is_private else f"attribute {_tag(tag)}"


def _tag(tag: BaseTag) -> str:
    return f"({tag.group:04X},{tag.element:04X})"
