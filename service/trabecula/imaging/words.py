"""Words in headers, in the languages of hospitals: normalisation and the token lists of ``data/tokens.toml``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache

from trabecula.data import data_file

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
    return bool(word_of(text, list_name))


def word_of(text: str, list_name: str) -> str:
    """Return the first word or phrase of the list that a text holds, as it stands there (normalised), or nothing."""
    found = _pattern(list_name).search(normalised(text))
    return found[0] if found else ""


def without(text: str, list_name: str, followed_by: str = "") -> str:
    """Return the text without the phrases of a list, e.g. without "post op" where "post" is asked for.

    A word of ``followed_by`` that comes next goes with them: "without contrast" is denied as a whole.
    """
    tail = f"(?: (?:{_pattern(followed_by).pattern}))*" if followed_by else ""
    return re.sub(f"(?:{_pattern(list_name).pattern}){tail}", " | ", normalised(text))


def is_term(terms: Sequence[str], list_name: str) -> bool:
    """Return whether one of the coded terms (e.g. of Image Type) is on the list, whole and regardless of case."""
    listed = _terms(list_name)
    return any(term.strip().upper() in listed for term in terms)


def is_phrase(text: str, list_name: str) -> bool:
    """Return whether a text as a whole is a word or phrase of the list, after normalisation."""
    return normalised(text) in _phrases(list_name)


@cache
def _terms(list_name: str) -> frozenset[str]:
    return frozenset(str(word).upper() for word in data_file("tokens.toml")[list_name]["words"])


@cache
def _phrases(list_name: str) -> frozenset[str]:
    return frozenset(normalised(str(word)) for word in data_file("tokens.toml")[list_name]["words"])


@cache
def _pattern(list_name: str) -> re.Pattern[str]:
    """The words of a list, the longest first; a list without words matches nothing."""
    words = sorted((str(word) for word in data_file("tokens.toml")[list_name]["words"]), key=len, reverse=True)
    wanted = [part for part in map(_expression, words) if part]
    return re.compile("|".join(wanted) if wanted else r"(?!)")


def _expression(word: str) -> str:
    open_end = word.endswith("*")
    plain = normalised(word.rstrip("*"))
    if not plain:
        return ""
    body = (
        re.escape(plain)
        .replace(r"\#\ ", r"\d+ ?")
        .replace(r"\ \#", r" ?\d+")
        .replace(r"\#", r"\d+")
        .replace(r"\*", r"\w*")
    )
    if any(ord(character) >= _FIRST_CJK for character in plain):
        return body
    start = r"(?<![^\W_])" if plain[0].isalnum() else ""
    end = r"\w*" if open_end else r"(?![^\W_])"
    return f"{start}{body}{end}"
