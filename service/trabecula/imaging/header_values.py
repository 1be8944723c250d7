"""Single values out of a data set: a look through functional groups, and conversions that never raise."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException
from pydicom.multival import MultiValue

_ODD_VALUE = (
    BytesLengthException,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    NotImplementedError,
)


class Lookup:
    """Finds an attribute by keyword: in the functional groups of one frame, in the shared ones, in the data set."""

    def __init__(self, dataset: Dataset, groups: tuple[Dataset, ...] = ()) -> None:
        self._dataset = dataset
        self._groups = groups
        self._known: tuple[Dataset, ...] = ()

    def get(self, keyword: str) -> Any:
        """Return the value of the first place that has one, or None."""
        for item in self._places():
            if keyword in item:
                value = item.get(keyword)
                if value is not None and value != "":
                    return value
        return None

    def has(self, keyword: str) -> bool:
        """Return whether a sequence of this name holds an item."""
        return any(bool(item.get(keyword)) for item in self._places() if keyword in item)

    def meanings(self, keyword: str) -> tuple[str, ...]:
        """Return the Code Meanings in all sequences of this name."""
        found = []
        for item in self._places():
            sequence = item.get(keyword) if keyword in item else None
            for coded in sequence or ():
                found.append(text(coded, "CodeMeaning"))
        return tuple(dict.fromkeys(meaning for meaning in found if meaning))

    def _places(self) -> tuple[Dataset, ...]:
        """Where to look, found once: a header is asked for some fifty attributes."""
        self._known = self._known or tuple(self._searched())
        return self._known

    def _searched(self) -> Iterator[Dataset]:
        for group in self._groups:
            for macro in group:
                if macro.VR == "SQ":
                    for item in macro.value:
                        yield item
                        yield from _nested(item)
        yield self._dataset
        yield from self._nested_top()

    def _nested_top(self) -> Iterator[Dataset]:
        for keyword in ("RequestAttributesSequence", "ContrastBolusAgentSequence"):
            sequence = self._dataset.get(keyword)
            if sequence:
                yield sequence[0]


def _nested(item: Dataset) -> Iterator[Dataset]:
    for element in item:
        if element.VR == "SQ":
            yield from element.value


def _raw(source: Lookup | Dataset, keyword: str) -> Any:
    try:
        return source.get(keyword)
    except _ODD_VALUE:
        return None


def text(source: Lookup | Dataset, keyword: str) -> str:
    """Return a value as one stripped string, empty where there is none."""
    value = _raw(source, keyword)
    if value is None:
        return ""
    parts = value if isinstance(value, (MultiValue, list, tuple)) else [value]
    return "\\".join(str(part) for part in parts).strip().strip("\x00").strip()


def words(source: Lookup | Dataset, keyword: str) -> tuple[str, ...]:
    """Return the parts of a multi-valued string."""
    return tuple(part.strip() for part in text(source, keyword).split("\\") if part.strip())


def numbers(source: Lookup | Dataset, keyword: str, count: int) -> tuple[float, ...] | None:
    """Return exactly ``count`` finite numbers, or None."""
    try:
        values = tuple(float(part) for part in words(source, keyword))
    except ValueError:
        return None
    return values if len(values) == count and all(math.isfinite(value) for value in values) else None


def number(source: Lookup | Dataset, keyword: str) -> float | None:
    """Return the first value as a finite number, or None."""
    parts = words(source, keyword)
    try:
        value = float(parts[0]) if parts else None
    except ValueError:
        return None
    return value if value is not None and math.isfinite(value) else None


def integer(source: Lookup | Dataset, keyword: str) -> int | None:
    """Return the first value as an integer, or None."""
    value = number(source, keyword)
    return None if value is None or abs(value) > _LARGEST else int(value)


_LARGEST = 2**31
"""No integer of a header is larger (IS, PS3.5 6.2); a larger one is a damaged value."""
