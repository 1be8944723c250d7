"""The border of results to JSON: ``to_json`` and ``from_json`` are inverse; the keys are the published contract."""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Measurement, SeriesUse, StudyResult
from trabecula.domain.spine import Level

_BY_NAME: tuple[type[Enum], ...] = (Level, ReasonCode)
"""Enums written by member name; the others (StrEnum) by value."""


def to_json(result: StudyResult) -> dict[str, Any]:
    """Return the result as plain JSON values. Reasons also carry their sentence and next step, for readers.

    JSON has no NaN and no infinity: what may be absent becomes null. Raises ValueError for a measurement that is no
    finite number; none gets into a result.
    """
    return typing.cast("dict[str, Any]", _encode(result))


def from_json(document: Mapping[str, Any]) -> StudyResult:
    """Return the result that ``to_json`` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    return typing.cast("StudyResult", _decode(StudyResult, dict(document)))


def series_uses(documents: Iterable[Mapping[str, Any]]) -> tuple[SeriesUse, ...]:
    """Return the series of ``series_used`` or ``series_not_used`` of a result's document."""
    return tuple(typing.cast("SeriesUse", _decode(SeriesUse, dict(item))) for item in documents)


def _encode(value: object) -> Any:
    if isinstance(value, Enum):
        return value.name if isinstance(value, _BY_NAME) else value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        if isinstance(value, Measurement) and not math.isfinite(value.value):
            raise ValueError(f"the measurement {value.concept.meaning} is not finite")
        document = {item.name: _encode(getattr(value, item.name)) for item in dataclasses.fields(value)}
        if isinstance(value, Reason):
            document |= {"sentence": value.sentence, "next_step": value.code.next_step}
        return document
    if isinstance(value, Mapping):
        return {str(key): _encode(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [_encode(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _decode(kind: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        wanted = [argument for argument in arguments if argument is not type(None)]
        return _decode(wanted[0], value) if len(wanted) == 1 else value
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_decode(arguments[0], item) for item in value)
        return tuple(_decode(part, item) for part, item in zip(arguments, value, strict=True))
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _decode(arguments[1], item) for key, item in value.items()}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind[value] if issubclass(kind, _BY_NAME) else kind(value)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        names = {item.name for item in dataclasses.fields(kind)}
        return kind(**{name: _decode(hints[name], item) for name, item in value.items() if name in names})
    if kind is float and isinstance(value, int):
        return float(value)
    return value


__all__ = ["from_json", "series_uses", "to_json"]
