"""Which numbers the report holds, and the names they carry: the place first, then what the number is.

A viewer prints of each number its name's Code Meaning, the value and the unit's Code Value, beside the contour of the
group, and nothing else of it (OHIF 3.12 and 3.13: five lines a group). So the meaning says the level, and what
derivation and method say in codes; code value and scheme are those of the concept, by which programs go (PS3.3 8.3:
several meanings of one code may be defined, and a meaning is never a key).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from trabecula.domain import codes
from trabecula.domain.codes import Code
from trabecula.domain.models.validation import ModelVerdict
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import LevelResult, Measurement, Score, SeriesRole, StudyResult
from trabecula.reporting.sr.concepts import concept, endpoint_code, fitted_meaning
from trabecula.reporting.wording import leading_measurement

MEASURED_SPINE = "L1-L4"
NOT_USED = " (not used)"
"""After the name of the value of a level that was kept out of the averages."""

_PLACE = re.compile(r"(?:^|\s)((?:T12|L[1-6])(?:-L[1-6])?)$")
_WORDS = {
    codes.ATTENUATION: "HU",
    codes.MR_SIGNAL: "MR signal",
    codes.HEIGHT_LOSS: "height loss",
    codes.EXPECTED_ATTENUATION: "expected HU at this age",
    codes.AGE_Z_SCORE: "z-score for age",
}
_UNITS = {codes.VBQ: "ratio", codes.MR_SIGNAL: "arbitrary_unit", codes.AGE_Z_SCORE: "standard_deviations"}
"""For a number without unit: what a viewer prints behind it."""


@dataclass(frozen=True)
class NamedNumber:
    """A measurement with the concept and the unit it is written with; the concept's meaning is what a viewer prints."""

    name: Code
    unit: Code
    measurement: Measurement


def level_numbers(level: LevelResult, primary: str) -> tuple[NamedNumber, ...]:
    """Return the one or two numbers of a level that a reader looks for: mean attenuation or VBQ of the primary series,
    and the loss of height where the body is reported as deformed.

    Whatever else was measured stands in the database and in result.json: beside a contour it would hide the image.
    """
    own = tuple(item for item in level.measurements if item.series_uid in ("", primary)) or level.measurements
    shown = [leading_measurement(own) or own[0]]
    if any(flag.code is ReasonCode.FRACTURE_LEVEL for flag in level.flags):
        shown += [item for item in own if item.concept == codes.HEIGHT_LOSS and item is not shown[0]][:1]
    marks = ("" if level.evaluable else NOT_USED, "")
    return tuple(_named(item, str(level.level), mark) for item, mark in zip(shown, marks, strict=False))


def spine_numbers(result: StudyResult) -> tuple[tuple[NamedNumber, ...], tuple[NamedNumber, ...]]:
    """Return the study's values, and those that come after the models' probabilities (the VBQ over all voxels).

    The signal of the CSF, of which a VBQ is made, stands in the database and in result.json.
    """
    values: list[NamedNumber] = []
    details: list[NamedNumber] = []
    for item in result.summary:
        if item.concept != codes.CSF_SIGNAL:
            place = _PLACE.search(item.method)
            role = role_of(item, result) if item.concept == codes.MR_SIGNAL else None
            named = _named(item, place[1] if place else MEASURED_SPINE, f" {role.value}" if role else "")
            (details if _over_voxels(item) else values).append(named)
    return tuple(values), tuple(details)


def score_name(score: Score) -> Code:
    """Return the concept of a model's probability. Its meaning names the model, and says first where the number has no
    clinical meaning or its own validation does not support it."""
    label = "DEMONSTRATION, " if score.demonstration else ""
    if score.verdict is ModelVerdict.NO:
        label += "NOT SUPPORTED, "
    return replace(
        endpoint_code(score.endpoint), meaning=fitted_meaning(f"{label}{score.name}: probability of {score.question}")
    )


def _named(item: Measurement, place: str, mark: str) -> NamedNumber:
    code, words = _concept(item)
    told = item.unit == codes.RATIO and item.concept in _UNITS
    unit = concept(_UNITS[item.concept]) if told else item.unit
    return NamedNumber(replace(code, meaning=fitted_meaning(f"{place} {words}{mark}")), unit, item)


def _concept(item: Measurement) -> tuple[Code, str]:
    """Return the code of a measurement and what it is in words; each of the three VBQ has a code of its own."""
    if item.concept == codes.VBQ:
        if _of_t2(item):
            return concept("vbq_t2"), "T2 VBQ"
        return (concept("vbq_voxels"), "VBQ over all voxels") if _over_voxels(item) else (item.concept, "VBQ")
    words = _WORDS.get(item.concept, item.concept.meaning)
    if item.derivation is None:
        return item.concept, words
    return item.concept, f"{_DERIVATIONS.get(item.derivation, item.derivation.meaning.lower())} {words}"


_DERIVATIONS = {codes.STANDARD_DEVIATION: "SD"}


def _over_voxels(item: Measurement) -> bool:
    return item.method.startswith("vbq_voxels")


def _of_t2(item: Measurement) -> bool:
    return item.method.startswith("t2_")


def role_of(item: Measurement, result: StudyResult) -> SeriesRole | None:
    """Return what the series of a measurement is used for, where the study has several; else None."""
    if len(result.sources) < 2:
        return None
    return next((source.role for source in result.sources if source.series_uid == item.series_uid), None)
