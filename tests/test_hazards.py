"""The list of hazards: every code and every test that it names as a control exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trabecula.domain.errors_of.by_code import errors_by_code
from trabecula.domain.results.reasons import ReasonCode

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "hazards.md").read_text(encoding="utf-8")
HAZARDS = ("Wrong level", "Wrong patient", "Wrong scan", "Wrong unit or scale", "Stale", "Unread", "Over-read")


def test_every_hazard_has_controls_with_tests() -> None:
    for number, hazard in enumerate(HAZARDS, start=1):
        part = TEXT.split(f"## {number} {hazard}\n")[1].split("\n## ")[0]
        rows = [line for line in part.splitlines() if line.startswith("| ") and not line.startswith("| how ")]
        assert rows, hazard
        assert all("`tests/" in row for row in rows), hazard


@pytest.mark.parametrize("named", sorted(set(re.findall(r"`(tests/[\w/]+\.py::[\w*]+)`", TEXT))))
def test_every_named_test_exists(named: str) -> None:
    path, name = named.split("::")
    source = (ROOT / path).read_text(encoding="utf-8")
    assert ("\ndef test_" if name == "*" else f"\ndef {name}(") in source


def test_every_named_code_exists() -> None:
    named = set(re.findall(r"\b[A-Z]{2,}(?:_[A-Z]+)+\b", TEXT))
    assert named
    assert named <= {*ReasonCode.__members__, *errors_by_code()}
