"""Words in headers, in the languages of hospitals: normalisation and the token lists of ``data/tokens.toml``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from trabecula.analysis.thresholds import data_file

_SEPARATORS = re.compile(r"[\s_/\\.,;:()\[\]{}|^=]+|(?<=\w)-(?=\w)")
_FIRST_CJK = 0x1100


def normalised(text: str) -> str:
    """Return text after NFKC, case folding, removal of diacritics, with single spaces for separators."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    plain = unicodedata.normalize("NFC", plain.replace("ł", "l").replace("ø", "o"))
    return _SEPARATORS.sub(" ", plain).strip()


def mentions(text: str, list_name: str) -> bool:
    """Return whether a text holds a word of the list, e.g. ``mentions("T1_tse_sag", "t1")``."""
    pattern = _pattern(list_name)
    return pattern is not None and pattern.search(normalised(text)) is not None


def is_term(terms: Sequence[str], list_name: str) -> bool:
    """Return whether one of the coded terms (e.g. of Image Type) is on the list, whole and regardless of case."""
    listed = _terms(list_name)
    return any(term.strip().upper() in listed for term in terms)


@cache
def _terms(list_name: str) -> frozenset[str]:
    return frozenset(str(word).upper() for word in data_file("tokens.toml")[list_name]["words"])


@cache
def _pattern(list_name: str) -> re.Pattern[str] | None:
    parts = [_expression(str(word)) for word in data_file("tokens.toml")[list_name]["words"]]
    wanted = [part for part in parts if part]
    return re.compile("|".join(wanted)) if wanted else None


def _expression(word: str) -> str:
    open_end = word.endswith("*")
    plain = normalised(word.rstrip("*"))
    if not plain:
        return ""
    body = re.escape(plain).replace(r"\ ", r"\ ")
    if any(ord(character) >= _FIRST_CJK for character in plain):
        return body
    end = "" if open_end else r"(?![^\W_])"
    return rf"(?<![^\W_]){body}{end}"
