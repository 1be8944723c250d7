"""Telling in a language what a result says in English: by key, or by finding the phrase that a sentence is made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property

from trabecula.domain.language import Language
from trabecula.domain.results.reasons import ReasonCode
from trabecula.reporting.languages.files import LanguageFiles, files_of, patterns
from trabecula.reporting.languages.placeholders import LEVELS, NUMBER, Pattern

_SENTENCES = re.compile(r"(?<=[.!?]) (?=\S)")
_AT_LEVEL = re.compile(rf"({LEVELS}): (.+)", re.DOTALL)
_PLAIN = re.compile(rf"{NUMBER}|{LEVELS}|CT|MR|T1w|T2w")
"""What is the same in every language, but for the decimal sign."""


@dataclass(frozen=True, eq=False)
class Texts:
    """The texts of one language."""

    language: Language
    files: LanguageFiles
    _known: dict[str, str | None] = field(default_factory=dict)

    def said(self, english: str) -> str:
        """Return an English text of ours in this language: a sentence, several, or a phrase without full stop.

        What no phrase fits (the name of a kernel, what an operator wrote) stays as it is. English stays as it is.
        """
        if self.language is Language.ENGLISH or not english.strip():
            return english
        return self._paragraph(english)

    def fill(self, key: str, **values: object) -> str:
        """Return the phrase of this key with its values; numbers get the decimal sign, texts are told."""
        pattern = _by_key()[key]
        shown = {name: self._value(kind, str(values[name])) for name, kind in pattern.kinds.items()}
        return self.files.phrases[key].format(**shown)

    def told(self, english: str) -> str | None:
        """Return a phrase or a sentence in this language; None where no phrase fits all of it, or any part of it."""
        if self.language is Language.ENGLISH:
            return english
        if english not in self._known:
            self._known[english] = self._sentence(english)
        return self._known[english]

    def about(self, code: ReasonCode, words: Mapping[str, str]) -> str:
        """Return a few words about a reason: those of ``words`` (English, by the reason's name), else its name; in
        other languages its sentence without full stop."""
        english = words.get(code.name, code.name.lower().replace("_", " "))
        return self.told(english) or self.files.reasons[code][0]

    def in_brackets(self, text: str) -> str:
        """Return a text of this language in brackets, as it stands behind another."""
        return self.files.layout.brackets.format(facts=text)

    def number(self, english: str) -> str:
        """Return a number as text with the decimal sign of this language."""
        return re.sub(r"(?<=\d)\.(?=\d)", self.files.layout.decimal, english)

    def joined(self, sentences: Iterable[str]) -> str:
        """Return sentences of this language one after the other."""
        return self.files.layout.sentence_gap.join(sentences)

    def sentence(self, phrase: str) -> str:
        """Return a phrase of this language as a sentence."""
        return phrase if phrase.endswith((".", "。")) else phrase + self.files.layout.stop

    def _paragraph(self, text: str) -> str:
        parts, found = _SENTENCES.split(text), []
        while parts:
            for count in range(1, len(parts) + 1):
                told = self.told(" ".join(parts[:count]))
                if told is not None:
                    found.append(told)
                    parts = parts[count:]
                    break
            else:
                found.append(self._loosely(parts.pop(0)))
        return self.joined(found)

    def _sentence(self, text: str) -> str | None:
        steps = self._steps.get(text)
        if steps is not None:
            return steps
        body = text.removesuffix(".")
        told = self._reason(body) or self._facts(body, strict=True)
        return None if told is None else told if body == text else self.sentence(told)

    @cached_property
    def _steps(self) -> dict[str, str]:
        return {code.next_step: step for code, (_, step) in self.files.reasons.items() if step}

    def _reason(self, body: str) -> str | None:
        """A reason's sentence, with the level it is about and what was found."""
        at_level = _AT_LEVEL.fullmatch(body)
        if at_level:
            told = self._reason(at_level[2])
            return told and self.files.layout.at_level.format(level=at_level[1], sentence=told)
        code = _by_sentence().get(body)
        if code is not None:
            return self.files.reasons[code][0]
        for place in (match.start() for match in re.finditer(r" \(", body)):
            code = _by_sentence().get(body[:place])
            if code is not None and _is_one_bracket(body[place + 1 :]):
                facts = self._facts(body[place + 2 : -1], strict=False) or body[place + 2 : -1]
                return self.files.reasons[code][0] + self.in_brackets(facts)
        return None

    def _facts(self, text: str, *, strict: bool) -> str | None:
        """One phrase, or several with semicolons or commas between; ``strict`` is None where a part is no phrase."""
        plain = _by_text().get(_small(text))
        if plain is not None:
            return _as_begun(text, plain.english, self.files.phrases[plain.key])
        several = self._parts(text, "; ", self.files.layout.fact_gap, strict=strict)
        if several is not None or _parts_of(text, "; ")[1:]:
            return several
        told = self._phrase(text) or self._parts(text, ", ", self.files.layout.list_gap, strict=strict)
        if told is not None:
            return told
        return self.number(text) if _PLAIN.fullmatch(text) else None if strict else text

    def _parts(self, text: str, sign: str, gap: str, *, strict: bool) -> str | None:
        """The parts between signs, each told; None where there is one part, or one that is no phrase."""
        parts = _parts_of(text, sign)
        each = [self._facts(part, strict=strict) for part in parts] if len(parts) > 1 else [None]
        return None if None in each else gap.join(part for part in each if part is not None)

    def _loosely(self, text: str) -> str:
        body = text.removesuffix(".")
        found = self._facts(body, strict=False)
        if found is None or found == body:
            return text
        return found if body == text else self.sentence(found)

    def _phrase(self, text: str) -> str | None:
        for pattern in _with_placeholders():
            match = pattern.found_by.fullmatch(text)
            if match is not None:
                values = {name: self._value(kind, match[name]) for name, kind in pattern.kinds.items()}
                return _as_begun(text, pattern.english, self.files.phrases[pattern.key].format(**values))
        return None

    def _value(self, kind: str, value: str) -> str:
        match kind:
            case "number":
                return self.number(value)
            case "text":
                return self._facts(value, strict=False) or value if self.language is not Language.ENGLISH else value
            case "remarks":
                return value and self.in_brackets(self._value("text", value[2:-1]))
            case "unit_behind":
                return value and f" {self.files.phrases['hounsfield']}"
            case "unit":
                return self._facts(value, strict=False) or value
        return value


@cache
def texts_of(language: Language) -> Texts:
    """Return the texts of a language. Raises ValueError where its files are not whole."""
    return Texts(language, files_of(language))


ENGLISH = texts_of(Language.ENGLISH)
"""What every text is told in unless a destination wants another language."""


@cache
def _by_key() -> dict[str, Pattern]:
    return {pattern.key: pattern for pattern in patterns()}


@cache
def _by_text() -> dict[str, Pattern]:
    return {_small(pattern.english): pattern for pattern in patterns() if not pattern.kinds}


@cache
def _with_placeholders() -> tuple[Pattern, ...]:
    return tuple(pattern for pattern in patterns() if pattern.kinds)


@cache
def _by_sentence() -> dict[str, ReasonCode]:
    return {code.sentence.rstrip("."): code for code in ReasonCode}


def _small(text: str) -> str:
    """A text with a small first letter, as it stands within a sentence."""
    return text[:1].lower() + text[1:]


def _as_begun(text: str, english: str, told: str) -> str:
    """The phrase with a small first letter where the English text begins small though the phrase does not."""
    small = text[:1].islower() and english[:1].isupper()
    return _small(told) if small else told


def _is_one_bracket(text: str) -> bool:
    """Whether the bracket that the text begins with closes at its end."""
    depth = [0]
    for letter in text:
        depth.append(depth[-1] + (letter == "(") - (letter == ")"))
    return text.endswith(")") and depth[-1] == 0 and 0 not in depth[1:-1]


def _parts_of(text: str, sign: str) -> list[str]:
    """The parts of a text between signs that stand in no brackets."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and text.startswith(sign, place):
            parts.append(text[start:place])
            start = place + len(sign)
    return [*parts, text[start:]]
