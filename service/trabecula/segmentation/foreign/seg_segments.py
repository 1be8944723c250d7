"""Which segment of a DICOM SEG is which vertebra: by its codes (CID 7603), else by its words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from trabecula.data import data_file
from trabecula.domain.spine import Level
from trabecula.domain.volume import Tissue

_NAME = re.compile(r"(?<![A-Z0-9])(?:([CTL])[ -]?0?(\d{1,2})|S[ -]?0?1|([HBL])WK[ -]?(\d{1,2}))(?![0-9])")
_GERMAN = {"H": "C", "B": "T", "L": "L"}
_VERTEBRA_WORDS = ("vertebra", "vertebral", "wirbel", "vertèbre", "vértebra", "lwk", "bwk", "hwk")

_CODES = data_file("vertebra_codes.toml")


@dataclass(frozen=True, kw_only=True)
class CodedSegment:
    """One segment that matters: a vertebra (``level`` None: unknown) or a tissue. ``is_body``: without arch."""

    number: int
    label: str
    level: Level | None
    is_body: bool
    tissue: Tissue | None = None


def vertebra_segments(dataset: Dataset) -> tuple[CodedSegment, ...]:
    """Return the segments that are vertebrae, canal or sacrum, in the order of their numbers."""
    whole_object = _words(dataset, "ContentLabel", "ContentDescription", "SeriesDescription")
    found = []
    for item in dataset.get("SegmentSequence") or ():
        segment = _segment(item, whole_object)
        if segment is not None:
            found.append(segment)
    return tuple(sorted(found, key=lambda segment: segment.number))


def _segment(item: Dataset, whole_object: str) -> CodedSegment | None:
    number = int(item.SegmentNumber)
    label = str(item.get("SegmentLabel") or "")
    values = {value for value, _ in _coded(item)}
    words = " ".join([_words(item, "SegmentLabel", "SegmentDescription"), *(meaning for _, meaning in _coded(item))])
    generic, tissues = _CODES["generic"], _CODES["tissues"]
    by_code = next((Level[name] for name, code in _levels() if code in values), None)
    coded_body = generic["vertebral_body"] in values
    is_body = coded_body or _mentions(words, "body") or _mentions(whole_object, "body")
    if by_code is not None:
        return CodedSegment(number=number, label=label, level=by_code, is_body=is_body)
    for name in ("canal", "sacrum"):
        if tissues[name] in values:
            return CodedSegment(number=number, label=label, level=None, is_body=False, tissue=Tissue(name))
    if _mentions(words, "not_bone"):
        return None
    by_name = _level_in(words)
    coded_vertebra = coded_body or generic["vertebra"] in values
    is_vertebra = coded_vertebra or is_body or any(word in words for word in _VERTEBRA_WORDS)
    if by_name is not None and (is_vertebra or _NAME.fullmatch(label.strip().upper())):
        return CodedSegment(number=number, label=label, level=by_name, is_body=is_body)
    return CodedSegment(number=number, label=label, level=None, is_body=is_body) if coded_vertebra else None


def _levels() -> Iterator[tuple[str, str]]:
    return ((name, code) for name, code in _CODES["levels"].items() if name != "source")


def _coded(item: Dataset) -> list[tuple[str, str]]:
    """Code values and lower-case meanings of the property type, the anatomic region and their modifiers."""
    found = []
    for keyword in ("SegmentedPropertyTypeCodeSequence", "AnatomicRegionSequence"):
        for code in item.get(keyword) or ():
            found.append((_value(code), str(code.get("CodeMeaning") or "").lower()))
            for modifier in ("SegmentedPropertyTypeModifierCodeSequence", "AnatomicRegionModifierSequence"):
                found.extend(
                    (_value(part), str(part.get("CodeMeaning") or "").lower()) for part in code.get(modifier) or ()
                )
    return found


def _value(code: Dataset) -> str:
    return str(code.get("CodeValue") or code.get("LongCodeValue") or "")


def _words(item: Dataset, *keywords: str) -> str:
    return " ".join(str(item.get(keyword) or "") for keyword in keywords).replace("_", " ").lower()


def _mentions(words: str, kind: str) -> bool:
    return any(re.search(rf"(?<![a-zäöü]){re.escape(word)}", words) for word in _CODES["words"][kind])


def _level_in(words: str) -> Level | None:
    """Return the one level a text names; a text with two levels (a disc) names none."""
    names = set()
    for match in _NAME.finditer(words.replace("_", " ").upper()):
        if match[1]:
            names.add(f"{match[1]}{int(match[2])}")
        elif match[3]:
            names.add(f"{_GERMAN[match[3]]}{int(match[4])}")
        else:
            names.add("S1")
    name = names.pop() if len(names) == 1 else ""
    return Level[name] if name in Level.__members__ else None
