"""The few identifying elements at the head of a data set, read from raw bytes with bounds; pixels are never touched."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any, NamedTuple

from trabecula.domain.errors import InstanceUnparsable
from trabecula.domain.transfer_syntaxes import EXPLICIT_VR_BIG_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from trabecula.domain.uids import NO_INSTANCE, NO_SERIES, NO_STUDY, InstanceUid, SeriesUid, StudyUid

DEFLATED = "1.2.840.10008.1.2.1.99"

_WANTED = {
    0x00080016: "sop_class_uid",
    0x00080018: "sop_instance_uid",
    0x00080070: "manufacturer",
    0x0020000D: "study_uid",
    0x0020000E: "series_uid",
}
_LAST = 0x0020000E
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_LONG_VRS = frozenset({b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"})
_SHORT_VRS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS"}
    | {b"ST", b"TM", b"UI", b"UL", b"US"}
)
"""Value representations with a length of two bytes (PS3.5 7.1.2); the head of an image is nearly all of these."""
_UNDEFINED = 0xFFFFFFFF
_MAX_DEPTH = 32
_MAX_TEXT = 1024
_MAX_INFLATED = 1 << 24


class HeadIncomplete(Exception):
    """The bytes end before the head does; more of the same data set may help."""


@dataclass(frozen=True, kw_only=True)
class DataSetHead:
    """Identity of an instance as its data set states it; empty where the element is missing."""

    sop_class_uid: str = ""
    sop_instance_uid: InstanceUid = NO_INSTANCE
    study_uid: StudyUid = NO_STUDY
    series_uid: SeriesUid = NO_SERIES
    manufacturer: str = ""


class _Element(NamedTuple):
    tag: int
    vr: bytes
    length: int
    start: int


def read_head(data: bytes, transfer_syntax_uid: str, *, complete: bool) -> DataSetHead:
    """Read (0008,0016), (0008,0018), (0008,0070), (0020,000D) and (0020,000E) from the start of a data set.

    ``data`` is the whole data set (``complete``) or its beginning. Raises HeadIncomplete when a beginning is too short,
    InstanceUnparsable when the bytes are not a data set in that transfer syntax.
    """
    if transfer_syntax_uid == DEFLATED:
        data, complete = _inflated(data, complete)
    cursor = _Cursor(
        data,
        big=transfer_syntax_uid == EXPLICIT_VR_BIG_ENDIAN,
        explicit=transfer_syntax_uid != IMPLICIT_VR_LITTLE_ENDIAN,
    )
    values: dict[str, Any] = {}
    try:
        while cursor.position < len(data) or not complete:
            element = cursor.element()
            if element.tag > _LAST:
                break
            name = _WANTED.get(element.tag)
            if name is not None and element.length <= _MAX_TEXT:
                values[name] = cursor.value(element).decode("ascii", "replace").strip(" \0")
            else:
                cursor.skip(element)
    except HeadIncomplete:
        if complete:
            raise InstanceUnparsable("the data set is cut off") from None
        raise
    return DataSetHead(**values)


def _inflated(data: bytes, complete: bool) -> tuple[bytes, bool]:
    """Inflate up to a bound, so that a bomb costs no more than that (PS3.5 A.5 is raw deflate)."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data, _MAX_INFLATED)
    except zlib.error as error:
        raise InstanceUnparsable("the deflated data set cannot be inflated") from error
    return plain, complete and inflater.eof


class _Cursor:
    """Walks the elements of one data set; every step is checked against the end of the bytes."""

    def __init__(self, data: bytes, *, big: bool, explicit: bool) -> None:
        self._data = data
        self._explicit = explicit
        order = ">" if big else "<"
        self._tag = struct.Struct(order + "HH")
        self._short = struct.Struct(order + "H")
        self._long = struct.Struct(order + "L")
        self._whole = struct.Struct(order + "HH2sH")
        self._last_whole = len(data) - self._whole.size
        self.position = 0

    def element(self) -> _Element:
        if self._explicit and self.position <= self._last_whole:
            group, number, vr, length = self._whole.unpack_from(self._data, self.position)
            if group != 0xFFFE and vr in _SHORT_VRS:
                self.position += self._whole.size
                return _Element(group << 16 | number, vr, length, self.position)
        group, number = self._unpack(self._tag)
        tag = group << 16 | number
        if group == 0xFFFE or not self._explicit:
            return self._at(tag, b"", self._unpack(self._long)[0])
        vr = self._take(2)
        if not (vr.isalpha() and vr.isupper()):
            raise InstanceUnparsable("the data set is not in the negotiated transfer syntax")
        if vr in _LONG_VRS:
            self._take(2)
            return self._at(tag, vr, self._unpack(self._long)[0])
        return self._at(tag, vr, self._unpack(self._short)[0])

    def value(self, element: _Element) -> bytes:
        return self._take(element.length)

    def skip(self, element: _Element, depth: int = 0) -> None:
        if depth > _MAX_DEPTH:
            raise InstanceUnparsable("sequences are nested too deeply")
        if element.length != _UNDEFINED:
            self._forward(element.length)
            return
        # An UN of undefined length holds Implicit VR Little Endian (PS3.5 6.2.2 note).
        explicit, self._explicit = self._explicit, self._explicit and element.vr != b"UN"
        while True:
            item = self.element()
            if item.tag == _SEQUENCE_END:
                break
            if item.tag != _ITEM:
                raise InstanceUnparsable("a sequence holds something else than items")
            if item.length == _UNDEFINED:
                self._skip_item(depth)
            else:
                self._forward(item.length)
        self._explicit = explicit

    def _skip_item(self, depth: int) -> None:
        while (inner := self.element()).tag != _ITEM_END:
            self.skip(inner, depth + 1)

    def _at(self, tag: int, vr: bytes, length: int) -> _Element:
        return _Element(tag, vr, length, self.position)

    def _unpack(self, form: struct.Struct) -> tuple[int, ...]:
        return form.unpack(self._take(form.size))

    def _take(self, count: int) -> bytes:
        start = self.position
        self._forward(count)
        return self._data[start : start + count]

    def _forward(self, count: int) -> None:
        if self.position + count > len(self._data):
            raise HeadIncomplete
        self.position += count
