"""Bytes of the source images to text: what Specific Character Set says, what it meant where it is misspelt or absent.

PS3.3 C.12.1.1.2 lists the defined terms. A value that does not decode as declared is tried as UTF-8, which bytes of
another character set hardly ever are by accident, and is read as Latin-1 at last, which keeps every byte.
"""

from __future__ import annotations

import codecs
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from pydicom.charset import convert_encodings, decode_bytes, default_encoding, python_encoding

_DELIMITERS = {0x0A, 0x0C, 0x0D, 0x09, 0x5C, 0x5E, 0x3D}
"""Line ends, backslash, ``^`` and ``=`` switch back to the first character set (PS3.5 6.1.2.5.3)."""

_MULTI_BYTE_ALONE = {"58": "gb18030", "87": "shift_jis", "149": "cp949", "159": "euc_jp"}
"""Character sets that exist with code extensions only, where they stand as if they did without: what is meant then."""

_WITHOUT_ESCAPES = {"iso_ir_58": "gb18030", "iso2022_jp": "shift_jis", "iso2022_jp_2": "euc_jp", "euc_kr": "cp949"}
"""By Python encoding of a character set with code extensions: how its letters are written where nobody wrote them."""

_OTHER_NAMES = re.compile(
    r"UTF[-_ ]?8|GB[-_ ]?(?:2312|K|18030)|BIG[-_ ]?5|EUC[-_ ]?(?:JP|KR)|S(?:HIFT)?[-_ ]?JIS|KOI8[-_ ]?[RU]"
    r"|(?:CP|WINDOWS)[-_ ]?\d{3,4}|LATIN[-_ ]?\d{1,2}|(?:US[-_ ]?)?ASCII"
)
_NUMBERED = re.compile(r"ISO[-_ ]*(2022)?[-_ ]*(?:IR)?[-_ ]*(\d{1,3})")
_ISO_8859 = re.compile(r"ISO[-_ ]*8859[-_ ]*(\d{1,2})")


@dataclass(frozen=True)
class CharacterSet:
    """How texts of a data set are read. ``encodings`` are Python's, the first for text without escape sequences.

    ``declared`` is False where the data set names no character set, or none that can be understood.
    """

    encodings: tuple[str, ...]
    declared: bool
    well_spelt: bool = True


UNDECLARED = CharacterSet(("latin_1",), declared=False)


def character_set(terms: Sequence[str]) -> CharacterSet:
    """Return how to read texts under these values of Specific Character Set (0008,0005)."""
    terms = [term.strip(" \0") for term in terms]
    if not any(terms):
        return UNDECLARED
    read = [_canonical(term) if term or number else "ISO_IR 6" for number, term in enumerate(terms)]
    known = [term for term in read if term]
    if not known:
        return CharacterSet(("latin_1",), declared=False, well_spelt=False)
    well_spelt = all(term in python_encoding for term in terms)
    if len(known) == 1 and known[0] not in python_encoding:
        return CharacterSet((known[0],), declared=True, well_spelt=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encodings = convert_encodings([term for term in known if term in python_encoding] or [""])
    return CharacterSet(tuple(encodings), declared=True, well_spelt=well_spelt)


def decoded(raw: bytes, characters: CharacterSet) -> tuple[str, bool]:
    """Return the text, and whether the bytes are what the data set declares."""
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii"), True
    if characters.declared:
        found = _strictly(raw, characters.encodings)
        if found is not None:
            return found, characters.well_spelt
    meant = [_WITHOUT_ESCAPES[name] for name in characters.encodings if name in _WITHOUT_ESCAPES]
    for encoding in (*meant, "utf_8", "latin_1"):
        found = _strictly(raw, (encoding,))
        if found is not None:
            return found, False
    return raw.decode("latin_1"), False


def _strictly(raw: bytes, encodings: tuple[str, ...]) -> str | None:
    """Return the text, or None where a byte has no meaning or would be a control character of the upper half."""
    try:
        if b"\x1b" not in raw:
            found = raw.decode("ascii" if encodings[0] == default_encoding else encodings[0])
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = decode_bytes(raw, encodings, _DELIMITERS)
    except (UnicodeError, LookupError):
        return None
    odd = any("\x7f" <= sign <= "\x9f" or sign in "\x1b\ufffd" for sign in found)
    return None if odd else found


def _canonical(term: str) -> str:
    """Return the defined term that was meant, a Python codec where DICOM has no term for it, or nothing."""
    upper = term.upper()
    if upper in python_encoding:
        return upper
    latin = _ISO_8859.fullmatch(upper)
    if latin:
        return _codec(f"iso8859_{latin[1]}")
    numbered = _NUMBERED.fullmatch(upper)
    if numbered:
        number = numbered[2]
        alone = f"ISO_IR {number}"
        if not numbered[1] and number in _MULTI_BYTE_ALONE:
            return _MULTI_BYTE_ALONE[number]
        extended = f"ISO 2022 IR {number}"
        candidates = (extended, alone) if numbered[1] else (alone, extended)
        return next((name for name in candidates if name in python_encoding), "")
    if _OTHER_NAMES.fullmatch(upper):
        return _codec(re.sub(r"^(?:WINDOWS|CP)[-_ ]?", "CP", upper).replace(" ", ""))
    return ""


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name
    except LookupError:
        return ""
