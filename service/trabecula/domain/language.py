"""The languages of reports, and which one a word that is none of them was meant to be."""

from __future__ import annotations

import difflib
from enum import StrEnum


class Language(StrEnum):
    """A language that results are told in; the value is its primary subtag (RFC 5646)."""

    ENGLISH = "en"
    GERMAN = "de"
    FRENCH = "fr"
    SPANISH = "es"
    CHINESE = "zh"
    """In simplified characters."""
    JAPANESE = "ja"

    @property
    def needs_cjk_font(self) -> bool:
        """Whether its letters are in no font that ships with this software."""
        return self in (Language.CHINESE, Language.JAPANESE)


_NAMES = {
    Language.ENGLISH: ("english", "eng"),
    Language.GERMAN: ("german", "deutsch", "ger", "deu"),
    Language.FRENCH: ("french", "francais", "français", "fra", "fre"),
    Language.SPANISH: ("spanish", "espanol", "español", "spa"),
    Language.CHINESE: ("chinese", "cn", "chi", "zho", "中文"),
    Language.JAPANESE: ("japanese", "jp", "jpn", "日本語"),
}
_NEAR = 0.75


def language_of(word: str) -> Language:
    """Return the language of a setting. Raises ValueError that names the known ones, and which was probably meant."""
    known = [str(language) for language in Language]
    if word in known:
        return Language(word)
    meant = _meant(word.strip().casefold())
    hint = f", did you mean {meant}?" if meant else ";"
    raise ValueError(f"unknown language {word!r}{hint} known are {', '.join(known)}")


def _meant(word: str) -> str:
    first = word.replace("_", "-").split("-")[0]
    names = {name: str(language) for language, others in _NAMES.items() for name in (str(language), *others)}
    near = [first] if first in names else difflib.get_close_matches(word, names, n=1, cutoff=_NEAR)
    return names[near[0]] if near else ""
