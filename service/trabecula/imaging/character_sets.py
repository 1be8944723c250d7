"""Specific Character Set where it is misspelt: the defined term that was meant."""

from __future__ import annotations

from pydicom.charset import convert_encodings, python_encoding
from pydicom.dataset import Dataset

from trabecula.imaging.header_values import words

_LATIN_PARTS = {1: 100, 2: 101, 3: 109, 4: 110, 5: 144, 6: 127, 7: 126, 8: 138, 9: 148, 11: 166, 15: 203}
"""Part of ISO 8859 to its ISO-IR number (PS3.3 table C.12-2)."""

_MEANT = {
    **{f"ISO8859{part}": f"ISO_IR {number}" for part, number in _LATIN_PARTS.items()},
    **{f"ISOIR{number}": f"ISO_IR {number}" for number in (*_LATIN_PARTS.values(), 13, 192)},
    **dict.fromkeys(("LATIN1", "CP1252", "WINDOWS1252"), "ISO_IR 100"),
    **dict.fromkeys(("UTF8", "UNICODE", "ISO10646"), "ISO_IR 192"),
    **dict.fromkeys(("GBK", "GB2312", "GB18030", "GB180302000", "ISOIR58", "CP936"), "GB18030"),
    **dict.fromkeys(("SJIS", "SHIFTJIS", "CP932", "MS932"), "ISO_IR 13"),
    **dict.fromkeys(("EUCKR", "KSX1001", "CP949", "ISOIR149"), "ISO 2022 IR 149"),
    "TIS620": "ISO_IR 166",
}
"""Spellings seen in archives, letters and digits only, to the defined term (PS3.3 C.12.1.1.2)."""


def meant(term: str) -> str:
    """Return the defined term that a misspelt one stands for, or the term itself."""
    if term in python_encoding:
        return term
    return _MEANT.get("".join(character for character in term.upper() if character.isalnum()), term)


def read_as_meant(dataset: Dataset) -> None:
    """Let the texts of a data set that was just read be decoded as was meant; does nothing where all is well spelt."""
    terms = words(dataset, "SpecificCharacterSet")
    corrected = [meant(term) for term in terms]
    if tuple(corrected) == terms:
        return
    implicit, little = dataset.original_encoding
    dataset.set_original_encoding(implicit, little, convert_encodings(corrected))
