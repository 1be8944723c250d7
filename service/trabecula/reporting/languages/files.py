"""The texts of a language, read once from data/languages: every key of English, with the same placeholders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from types import MappingProxyType
from typing import Any

from trabecula.data import data_file
from trabecula.domain.language import Language
from trabecula.domain.results.reasons import ReasonCode
from trabecula.reporting.languages.placeholders import Pattern, names_in


@dataclass(frozen=True)
class Layout:
    """How sentences are put together: decimal sign, full stop, what stands between sentences, facts and the items of a
    list, brackets around ``{facts}``, and a ``{sentence}`` about a ``{level}``."""

    decimal: str
    stop: str
    sentence_gap: str
    fact_gap: str
    list_gap: str
    brackets: str
    at_level: str


@dataclass(frozen=True, eq=False)
class LanguageFiles:
    """Layout, phrases by key, and of each reason its sentence without full stop and what would help, or ""."""

    layout: Layout
    phrases: Mapping[str, str]
    reasons: Mapping[ReasonCode, tuple[str, str]]


@cache
def patterns() -> tuple[Pattern, ...]:
    """Return the English patterns, those that say most first. Raises ValueError for a kind that is none."""
    made = [Pattern.of(key, text) for key, text in _phrases(Language.ENGLISH).items()]
    return tuple(sorted(made, key=lambda pattern: (-pattern.weight, pattern.key)))


@cache
def files_of(language: Language) -> LanguageFiles:
    """Return the texts of a language.

    Raises ValueError where a key is missing, unknown or empty, or a placeholder differs from English.
    """
    phrases = _phrases(language)
    english = {pattern.key: pattern for pattern in patterns()}
    if phrases.keys() != english.keys():
        raise ValueError(f"phrases of {language} and en differ in {_listed(phrases.keys() ^ english.keys())}")
    for key, text in phrases.items():
        if names_in(text) != english[key].kinds.keys():
            raise ValueError(f"{language} {key}: other placeholders than in English")
    shown = {key: english[key].english for key in phrases} if language is Language.ENGLISH else phrases
    return LanguageFiles(_layout(language), MappingProxyType(shown), MappingProxyType(_reasons(language)))


def _phrases(language: Language) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in ("report", "details"):
        for key, text in data_file(f"languages/{language}/{part}.toml")["phrases"].items():
            if key in found or not isinstance(text, str) or not text.strip():
                raise ValueError(f"{language} {key}: stands twice, or is no text")
            found[key] = text
    return found


def _layout(language: Language) -> Layout:
    document: Mapping[str, Any] = data_file(f"languages/{language}/report.toml")["layout"]
    known = {field.name for field in fields(Layout)}
    if document.keys() != known:
        raise ValueError(f"layout of {language}: {_listed(document.keys() ^ known)}")
    return Layout(**document)


def _reasons(language: Language) -> dict[ReasonCode, tuple[str, str]]:
    """English sentences stand with the codes themselves (domain.results.reasons)."""
    if language is Language.ENGLISH:
        return {code: (code.sentence.rstrip("."), code.next_step) for code in ReasonCode}
    document: Mapping[str, list[str]] = data_file(f"languages/{language}/reasons.toml")["reasons"]
    names = {code.name for code in ReasonCode}
    if document.keys() != names:
        raise ValueError(f"reasons of {language} and the codes differ in {_listed(document.keys() ^ names)}")
    told = {}
    for code in ReasonCode:
        sentence, *steps = document[code.name]
        if len(steps) != (not code.next_step.startswith("None")) or not all((sentence, *steps)):
            raise ValueError(f"{language} {code.name}: a sentence, and what would help where English says something")
        told[code] = (sentence.rstrip(".。"), steps[0] if steps else "")
    return told


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
