"""Tests of tables read into types: what does not fit is an error at start, never a default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

import trabecula.data
from trabecula.data import table

CONTENT = {
    "limits": {
        "source": "nobody",
        "range_source": "somebody",
        "most_mm": 3,
        "count": 4,
        "range_hu": [-20, 40.5],
        "words": ["A", "B", "C"],
        "kinds": {"WATER": ["W"]},
    }
}


@dataclass(frozen=True, kw_only=True)
class Limits:
    most_mm: float
    count: int
    range_hu: tuple[float, float]
    words: tuple[str, ...]
    kinds: Mapping[str, tuple[str, ...]]


@pytest.fixture(autouse=True)
def file(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    section: dict[str, Any] = dict(CONTENT["limits"])
    monkeypatch.setattr(trabecula.data, "data_file", lambda name: {"limits": section})
    return section


def test_a_table_becomes_a_frozen_type_of_the_right_kinds() -> None:
    found = table("x.toml", "limits", Limits)

    assert found == Limits(most_mm=3.0, count=4, range_hu=(-20.0, 40.5), words=("A", "B", "C"), kinds={"WATER": ("W",)})
    assert isinstance(found.most_mm, float)
    assert isinstance(found.range_hu[0], float)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("most_mmm", 3, "most_mmm"),
        ("count", 4.5, "count is no int"),
        ("most_mm", "3", "most_mm is no float"),
        ("range_hu", [1, 2, 3], "range_hu holds 3 values"),
        ("words", [1], "words is no str"),
        ("count", True, "count is no int"),
    ],
)
def test_what_does_not_fit_is_refused(file: dict[str, Any], key: str, value: object, said: str) -> None:
    file[key] = value

    with pytest.raises(ValueError, match=said):
        table("x.toml", "limits", Limits)


def test_a_missing_key_is_refused(file: dict[str, Any]) -> None:
    del file["count"]

    with pytest.raises(ValueError, match="differ in count"):
        table("x.toml", "limits", Limits)
