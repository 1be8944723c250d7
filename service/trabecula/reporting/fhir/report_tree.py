"""What a structured report of ours says (PS3.16 TID 1500 and 2000), as plain records: the side that reads DICOM."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import pydicom
from pydicom.dataset import Dataset

from trabecula.domain import codes
from trabecula.domain.codes import Code
from trabecula.domain.errors import ReportInvalid

CATEGORY = Code("CAT", codes.PRIVATE_SCHEME, "Opportunistic bone density category")
_MEASUREMENTS, _QUALITATIVE, _GROUP = ("126010", "DCM"), ("C0034375", "UMLS"), ("125007", "DCM")
_TRACKING, _TRACKING_UID = ("112039", "DCM"), ("112040", "DCM")
_FINDING, _SITE = ("121071", "DCM"), ("363698007", "SCT")
_DERIVATION, _METHOD = ("121401", "DCM"), ("370129005", "SCT")
_NAME, _VERSION, _PARAMETERS, _MAKER = ("111001", "DCM"), ("111003", "DCM"), ("111002", "DCM"), ("122405", "DCM")
_IMPRESSION, _COMMENT = ("121073", "DCM"), ("121106", "DCM")
_STRUCTURE = {_FINDING, _SITE}


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """What made numbers (TID 4019)."""

    name: str
    version: str = ""
    maker: str = ""
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Number:
    """A measurement (TID 1419): concept, value, unit (UCUM), and a model's own algorithm where one said it."""

    concept: Code
    value: str
    unit: Code
    derivation: Code | None = None
    method: Code | None = None
    algorithm: Algorithm | None = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """A measurement group (TID 1411): a vertebra, or the lumbar spine as a whole; ``remarks`` are codes by concept."""

    name: str
    tracking_uid: str
    finding: Code
    site: Code
    numbers: tuple[Number, ...]
    remarks: tuple[tuple[Code, Code], ...]


@dataclass(frozen=True, kw_only=True)
class ReportTree:
    """A report: its header, the answer in words and codes, and its groups."""

    header: Dataset
    title: Code
    remarks: tuple[tuple[Code, Code], ...]
    impression: str
    comments: tuple[str, ...]
    algorithm: Algorithm
    groups: tuple[Group, ...]


def read_report(content: bytes) -> ReportTree:
    """Read a Part 10 file of a report of ours. Raises ReportInvalid for any other document."""
    try:
        document = pydicom.dcmread(BytesIO(content))
        answer = _child(document, _QUALITATIVE)
        measured = _child(document, _MEASUREMENTS)
        algorithm = _algorithm(measured if measured is not None else answer)
        if answer is None or algorithm is None:
            raise ReportInvalid("the document is no report of this software")
        return ReportTree(
            header=document,
            title=_concept(document),
            remarks=tuple(_remarks(answer)),
            impression=_text(answer, _IMPRESSION),
            comments=tuple(str(item.TextValue) for item in _children(answer) if _key(item) == _COMMENT),
            algorithm=algorithm,
            groups=tuple(_group(item) for item in _children(measured) if _key(item) == _GROUP),
        )
    except (pydicom.errors.InvalidDicomError, AttributeError, IndexError, ValueError) as error:
        raise ReportInvalid(f"the report cannot be read back ({type(error).__name__})") from error


def _group(item: Dataset) -> Group:
    found = {_key(child): child for child in _children(item)}
    return Group(
        name=str(found[_TRACKING].TextValue),
        tracking_uid=str(found[_TRACKING_UID].UID),
        finding=_value(found[_FINDING]),
        site=_value(found[_SITE]),
        numbers=tuple(_number(child) for child in _children(item) if child.ValueType == "NUM"),
        remarks=tuple(_remarks(item)),
    )


def _number(item: Dataset) -> Number:
    measured = item.MeasuredValueSequence[0]
    found = {_key(child): child for child in _children(item)}
    return Number(
        concept=_concept(item),
        value=str(measured.NumericValue),
        unit=_code(measured.MeasurementUnitsCodeSequence[0]),
        derivation=_value(found[_DERIVATION]) if _DERIVATION in found else None,
        method=_value(found[_METHOD]) if _METHOD in found else None,
        algorithm=_algorithm(item),
    )


def _algorithm(item: Dataset | None) -> Algorithm | None:
    name = _text(item, _NAME)
    if item is None or not name:
        return None
    return Algorithm(
        name=name,
        version=_text(item, _VERSION),
        maker=_text(item, _MAKER),
        parameters=tuple(str(child.TextValue) for child in _children(item) if _key(child) == _PARAMETERS),
    )


def _remarks(item: Dataset) -> Iterator[tuple[Code, Code]]:
    """Yield what is said in codes about a group or the study: quality, deformity, reasons, category."""
    for child in _children(item):
        if child.ValueType == "CODE" and child.RelationshipType == "CONTAINS" and _key(child) not in _STRUCTURE:
            yield _concept(child), _value(child)


def _children(item: Dataset | None) -> list[Dataset]:
    return [] if item is None else list(item.get("ContentSequence", ()))


def _child(item: Dataset, key: tuple[str, str]) -> Dataset | None:
    return next((child for child in _children(item) if _key(child) == key), None)


def _text(item: Dataset | None, key: tuple[str, str]) -> str:
    return next((str(child.TextValue) for child in _children(item) if _key(child) == key), "")


def _key(item: Dataset) -> tuple[str, str]:
    names = item.get("ConceptNameCodeSequence")
    return (str(names[0].CodeValue), str(names[0].CodingSchemeDesignator)) if names else ("", "")


def _concept(item: Dataset) -> Code:
    return _code(item.ConceptNameCodeSequence[0])


def _value(item: Dataset) -> Code:
    return _code(item.ConceptCodeSequence[0])


def _code(item: Dataset) -> Code:
    return Code(str(item.CodeValue), str(item.CodingSchemeDesignator), str(item.CodeMeaning))
