"""Values of the source images as their VR (PS3.5 6.2) and their attribute (PS3.3) allow: repaired, or left out.

Nothing here guesses: a date that could be read in two ways, an age without a unit or an identifier that would have to
be cut is left out.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Callable
from datetime import date

from pydicom.datadict import dictionary_VM, dictionary_VR
from pydicom.valuerep import format_number_as_ds

from trabecula.domain.identity import MAX_UID_LENGTH

VERBATIM = frozenset(
    {
        "PatientID",
        "IssuerOfPatientID",
        "AccessionNumber",
        "StudyID",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "SOPClassUID",
        "FrameOfReferenceUID",
    }
)
"""What identifies patient, study and images: the archive finds them by the same words, so they stay as they came."""

_WHOLE = frozenset(
    {
        "AdmissionID",
        "RequestedProcedureID",
        "CodeValue",
        "CodingSchemeDesignator",
        "CodingSchemeVersion",
        "UniversalEntityID",
        "LocalNamespaceEntityID",
        "IdentifierTypeCode",
        "DeviceSerialNumber",
    }
)
"""Identifiers that mean nothing once they are cut: whole or not at all."""

_LENGTHS = {"LO": 64, "SH": 16, "ST": 1024, "LT": 10240, "UT": 10240}
"""Characters in one value (PS3.5 6.2); for UT, which has no limit, what a description may need."""

MULTI_LINE = ("ST", "LT", "UT")
"""VRs whose backslash is a letter and separates no values."""

_ENUMERATED: dict[str, dict[str, str]] = {
    "PatientSex": {"M": "M", "F": "F", "O": "O", "MALE": "M", "FEMALE": "F", "OTHER": "O"},
    "PatientIdentityRemoved": {"YES": "YES", "NO": "NO", "Y": "YES", "N": "NO"},
    "TypeOfPatientID": {"TEXT": "TEXT", "RFID": "RFID", "BARCODE": "BARCODE"},
    "UniversalEntityIDType": {name: name for name in ("DNS", "EUI64", "ISO", "URI", "UUID", "X400", "X500")},
}
"""Enumerated Values of PS3.3 (C.7.1.1, 10.14), and how else they are written; everything else is left out."""

_DATE = re.compile(r"(\d{4})([-./ ]?)(\d{2})\2(\d{2})(?:[T ]?\d{2}[\d:.]*)?")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(\.\d*)?)?|(\d{2})(?:(\d{2})(?:(\d{2})(\.\d*)?)?)?")
_OFFSET = re.compile(r"([+-])(\d{1,2})(?::?(\d{2}))?")
_AGE = re.compile(r"0*(\d{1,3})([DWMY])")
_UID = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*))+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")
_CONTROL_OF_LINES = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufffe\uffff\ud800-\udfff]")


def repaired(keyword: str, text: str) -> str:
    """Return one value as the attribute allows it, without padding; empty where nothing valid is left.

    Values that identify (``VERBATIM``) are returned as they came.
    """
    text = text.strip("\0 ") if keyword in VERBATIM else text.strip("\0 \t\r\n")
    if keyword in VERBATIM or not text:
        return text
    if keyword in _ENUMERATED:
        return _ENUMERATED[keyword].get(text.upper(), "")
    if keyword == "TimezoneOffsetFromUTC":
        return _offset(text)
    vr = dictionary_VR(keyword)
    found = _REPAIRS[vr](text) if vr in _REPAIRS else _text(text, vr)
    return "" if keyword in _WHOLE and found != text else found


def is_valid(keyword: str, text: str) -> bool:
    """Return whether a value needs no repair; of the values that stay verbatim too."""
    vr = dictionary_VR(keyword)
    if keyword not in VERBATIM:
        return repaired(keyword, text) == text.strip("\0 ")
    return bool(_UID.fullmatch(text)) and len(text) <= MAX_UID_LENGTH if vr == "UI" else _text(text, vr) == text


def in_parts(keyword: str, text: str) -> list[str]:
    """Return a text that is longer than one value may be in several values, where the attribute may have several."""
    vr = dictionary_VR(keyword)
    if vr not in ("LO", "SH") or keyword in _WHOLE or not holds_several(keyword) or len(text) <= _LENGTHS[vr]:
        return [text]
    return textwrap.wrap(text, _LENGTHS[vr])


def holds_several(keyword: str) -> bool:
    """Return whether the attribute may have several values (PS3.6)."""
    return dictionary_VM(keyword) != "1"


def plain_text(text: str) -> str:
    """Return a text of a content item without the control characters that PS3.5 6.1.3 forbids."""
    return _CONTROL_OF_LINES.sub(" ", text)


def _text(text: str, vr: str) -> str:
    limit = _LENGTHS.get(vr, 64)
    if vr in MULTI_LINE:
        return _cut(plain_text(text), limit)
    return _cut(_CONTROL.sub(" ", text).replace("\\", " "), limit)


def _cut(text: str, limit: int) -> str:
    """Return the text, cut where it has more characters than allowed; then also to as many bytes of UTF-8.

    The standard counts characters (PS3.5 6.2), some archives bytes: a text that is cut anyway shall suit both.
    """
    if len(text) > limit:
        text = text.encode()[:limit].decode(errors="ignore")
    return text.strip()


def _code_string(text: str) -> str:
    text = text.upper()
    return text if re.fullmatch(r"[A-Z0-9 _]{1,16}", text) else ""


def _date(text: str) -> str:
    match = _DATE.fullmatch(text)
    if match is None:
        return ""
    try:
        found = date(int(match[1]), int(match[3]), int(match[4]))
    except ValueError:
        return ""
    return f"{found:%Y%m%d}" if 1000 <= found.year < 3000 else ""


def _time(text: str) -> str:
    match = _TIME.fullmatch(text)
    if match is None:
        return ""
    hours, minutes, seconds, fraction = (match[place] or match[place + 4] for place in (1, 2, 3, 4))
    if int(hours) > 23 or int(minutes or 0) > 59 or int(seconds or 0) > 60:
        return ""
    seconds = "59" if seconds == "60" else seconds
    return f"{int(hours):02d}{minutes or ''}{seconds or ''}{fraction[:7] if fraction and len(fraction) > 1 else ''}"


def _offset(text: str) -> str:
    """Timezone Offset From UTC: from -1200 to +1400, and never -0000 (PS3.3 C.12.1.1)."""
    if text.upper() in ("Z", "UTC", "GMT"):
        return "+0000"
    match = _OFFSET.fullmatch(text)
    if match is None:
        return ""
    minutes = int(match[2]) * 60 + int(match[3] or 0)
    if int(match[3] or 0) > 59 or minutes > (720 if match[1] == "-" else 840):
        return ""
    sign = match[1] if minutes else "+"
    return f"{sign}{minutes // 60:02d}{minutes % 60:02d}"


def _age(text: str) -> str:
    match = _AGE.fullmatch(text.upper())
    return f"{int(match[1]):03d}{match[2]}" if match else ""


def _decimal(text: str) -> str:
    text = text.replace(",", ".") if text.count(",") == 1 and "." not in text else text
    if not re.fullmatch(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", text):
        return ""
    value = float(text)
    if not math.isfinite(value):
        return ""
    return text if len(text) <= 16 else str(format_number_as_ds(value))


def _integer(text: str) -> str:
    match = re.fullmatch(r"([+-]?\d{1,11})(?:\.0*)?", text)
    return match[1] if match and -(2**31) <= int(match[1]) < 2**31 else ""


def _uid(text: str) -> str:
    return text if _UID.fullmatch(text) and len(text) <= MAX_UID_LENGTH else ""


def _name(text: str) -> str:
    """Person Name: three groups (alphabetic, ideographic, phonetic) of five components, 64 characters each."""
    groups = []
    for group in _CONTROL.sub(" ", text).replace("\\", " ").split("=")[:3]:
        components = group.split("^")
        if len(components) > 5:
            components = [*components[:4], " ".join(part for part in components[4:] if part.strip())]
        groups.append(_cut("^".join(components), 64))
    found = "=".join(groups)
    if not found.strip("=^ "):
        return ""
    return found if found == text else found.rstrip("=^ ")


_REPAIRS: dict[str, Callable[[str], str]] = {
    "DA": _date,
    "TM": _time,
    "AS": _age,
    "CS": _code_string,
    "DS": _decimal,
    "IS": _integer,
    "UI": _uid,
    "PN": _name,
}
