"""The kinds of placeholders in the English patterns: what each may hold, and how it is found in a sentence."""

from __future__ import annotations

import re
from dataclasses import dataclass

NUMBER = r"[+\-−]?\d+(?:\.\d+)?(?:e[+\-]?\d+)?"
LEVELS = r"[TLS]\d{1,2}(?:(?:-|, )[TLS]\d{1,2})*"
_ATTRIBUTE = (
    r"Contrast/Bolus [A-Z]\w+(?: [A-Z]\w+)*|Contrast Agent Administered|Series Description|Protocol Name|Birth Date"
    r"|Patient's Age|Image Type|Multi-energy CT Acquisition|Spacing Between Slices|Slice Thickness"
)
HELD: dict[str, str] = {
    "number": NUMBER,
    "count": r"\d+",
    "levels": LEVELS,
    "name": r".+?",
    "text": r".+?",
    "remarks": r"(?: \(.+?\))?",
    "unit_behind": r"(?: HU)?",
    "unit": r"mm3|cm3|mm|HU|%|kVp|kV|ms|T|s/mm2|degrees|years",
    "role": r"CT|T1w|T2w",
    "attribute": _ATTRIBUTE,
    "region": r"[a-z0-9]+_v\d+",
    "time": r"TR|TE|TI",
}
"""By kind, as a regular expression: ``text`` is told in the other language itself, ``name`` and attributes (their names
are those of the standard) stay as they are, ``remarks`` is nothing or something in brackets."""
_PLACEHOLDER = re.compile(r"\{(\w+)(?::(\w+))?\}")


@dataclass(frozen=True)
class Pattern:
    """An English phrase with placeholders: its kinds by name, its plain form and what finds it in a text."""

    key: str
    english: str
    kinds: dict[str, str]
    found_by: re.Pattern[str]

    @classmethod
    def of(cls, key: str, text: str) -> Pattern:
        """Return the pattern of e.g. ``above {low:number} HU``. Raises ValueError for a kind that is none."""
        kinds = {name: kind or "name" for name, kind in _PLACEHOLDER.findall(text)}
        unknown = set(kinds.values()) - HELD.keys()
        if unknown:
            raise ValueError(f"{key}: unknown kind {', '.join(sorted(unknown))}")
        pieces, end = [], 0
        for match in _PLACEHOLDER.finditer(text):
            pieces += [_literal(text[end : match.start()], first=end == 0), f"(?P<{match[1]}>{HELD[kinds[match[1]]]})"]
            end = match.end()
        pieces.append(_literal(text[end:], first=end == 0))
        return cls(key, _PLACEHOLDER.sub(r"{\1}", text), kinds, re.compile("".join(pieces)))

    @property
    def weight(self) -> int:
        """How much of it is said in words; of two patterns that fit, the one that says more is meant."""
        return len(re.sub(r"\{\w+\}", "", self.english))


def names_in(text: str) -> frozenset[str]:
    """Return the names of the placeholders of a text."""
    return frozenset(name for name, _ in _PLACEHOLDER.findall(text))


def _literal(text: str, *, first: bool) -> str:
    """The letters as they are; the first of a phrase may be small where the phrase follows another."""
    if first and text[:1].isupper():
        return f"[{re.escape(text[0])}{re.escape(text[0].lower())}]{re.escape(text[1:])}"
    return re.escape(text)
