"""What CONTRIBUTING.md tells a newcomer to touch is there, and what is written can be read in an editor."""

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


@pytest.mark.parametrize(
    "path", [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(ROOT.glob("docs/*.md"))
)
def test_lines_of_text_have_at_most_120_characters(path: Path) -> None:
    """Tables, code and pictures are as long as they are."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)

    long = [line for line in text.splitlines() if len(line) > 120 and not line.lstrip().startswith(("|", "![", "#"))]

    assert long == []
