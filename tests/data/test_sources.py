"""Tests that what a data file cites in this repository is there: the page, and its section."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DATA = [*(ROOT / "service/trabecula/data").rglob("*.toml"), *(ROOT / "models/trabecula_training/data").rglob("*.toml")]
_CITED = re.compile(r"(docs/[a-z-]+\.md)((?: \d+(?:\.\d+)?(?:,| and)?)*)")


def citations() -> list[tuple[str, str, str]]:
    found = []
    for path in DATA:
        for page, sections in _CITED.findall(path.read_text(encoding="utf-8")):
            named = re.findall(r"\d+(?:\.\d+)?", sections) if page.endswith("clinical-sources.md") else [""]
            found += [(path.name, page, section) for section in named or [""]]
    return sorted(set(found))


@pytest.mark.parametrize(("data", "page", "section"), citations())
def test_a_cited_page_has_the_cited_section(data: str, page: str, section: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")

    assert not section or re.search(rf"^##+ {re.escape(section)}[. ]", text, re.MULTILINE), f"{data}: {page} {section}"


def test_limits_cite_sources_of_this_repository_or_a_publication() -> None:
    assert {section for _, page, section in citations() if page.endswith("clinical-sources.md")} >= {"2.1", "3", "4.2"}
