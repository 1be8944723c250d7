"""What CONTRIBUTING.md tells a newcomer to touch is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
NAMED = sorted(
    set(re.findall(r"`((?:service|models|tests|docs|deploy|requirements|\.ci)/[\w./-]*)`", PAGE))
    | set(re.findall(r"(tests/[\w/]+(?:\.py)?)", PAGE))
)


def test_the_page_names_files_of_every_kind() -> None:
    assert len(NAMED) >= 25
    assert {name.split("/")[0] for name in NAMED} >= {"service", "models", "tests", "docs", "deploy"}


@pytest.mark.parametrize("name", NAMED)
def test_a_file_that_is_named_exists(name: str) -> None:
    path = ROOT / name
    assert path.is_dir() if name.endswith("/") else path.exists()
