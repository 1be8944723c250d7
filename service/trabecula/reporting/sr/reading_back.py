"""A structured report as lines of text, in the order of its content tree: for a page that shows what was sent."""

from __future__ import annotations

from io import BytesIO

import pydicom
from pydicom.dataset import Dataset

from trabecula.reporting.report_line import ReportLine

_LONGEST_UID = 24


def report_lines(content: bytes) -> tuple[ReportLine, ...]:
    """Return the content items of a Part 10 structured report (PS3.3 C.17.3), depth first.

    References to images and coordinates are told as what they are; their numbers say nothing to a reader.
    """
    found: list[ReportLine] = []
    _walk(pydicom.dcmread(BytesIO(content)), 0, found)
    return tuple(found)


def _walk(item: Dataset, depth: int, found: list[ReportLine]) -> None:
    found.append(ReportLine(depth, _concept(item), _value(item)))
    for child in item.get("ContentSequence", ()):
        _walk(child, depth + 1, found)


def _concept(item: Dataset) -> str:
    names = item.get("ConceptNameCodeSequence")
    return str(names[0].get("CodeMeaning", "")) if names else ""


def _value(item: Dataset) -> str:
    kind = str(item.get("ValueType", ""))
    if kind == "NUM":
        measured = item.get("MeasuredValueSequence")
        if not measured:
            return "no value"
        units = measured[0].get("MeasurementUnitsCodeSequence")
        unit = str(units[0].get("CodeValue", "")) if units else ""
        return f"{measured[0].NumericValue} {'' if unit == '1' else unit}".strip()
    if kind == "CODE":
        codes = item.get("ConceptCodeSequence")
        return str(codes[0].get("CodeMeaning", "")) if codes else ""
    if kind in ("IMAGE", "COMPOSITE"):
        references = item.get("ReferencedSOPSequence")
        return f"reference to {_short(references[0].get('ReferencedSOPInstanceUID', ''))}" if references else ""
    if kind in ("SCOORD", "SCOORD3D"):
        return str(item.get("GraphicType", "")).lower()
    for name in ("TextValue", "UID", "PersonName", "DateTime", "Date", "Time"):
        if name in item:
            return str(item[name].value)
    return ""


def _short(uid: object) -> str:
    text = str(uid)
    return text if len(text) <= _LONGEST_UID else f"{text[:_LONGEST_UID]}…"
