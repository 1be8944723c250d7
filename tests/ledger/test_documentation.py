from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from trabecula.domain.study.study import TRANSITIONS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "ledger.md"


@pytest.mark.parametrize(
    "view",
    ["screening_log", "screening_levels", "screening_scores", "series_uses", "possible_fractures", "deliveries"],
)
def test_every_column_of_every_view_is_documented(embedded_database_url: str, view: str) -> None:
    section = DOCUMENT.read_text().split(f"## `{view}`")[1].split("\n## ")[0]

    with psycopg.connect(embedded_database_url) as connection:
        columns = connection.execute(f"SELECT * FROM {view}").description  # type: ignore[arg-type]

    assert columns
    assert [column.name for column in columns if f"`{column.name}`" not in section] == []


def test_the_documented_transitions_are_the_real_ones() -> None:
    rows = dict(
        tuple(part.strip() for part in line.strip("|").split("|"))
        for line in DOCUMENT.read_text().splitlines()
        if line.startswith("| ") and line.strip("| ").split(" ")[0] in set(TRANSITIONS)
    )

    assert {source: set(targets.split(", ")) for source, targets in rows.items()} == {
        str(source): {str(target) for target in targets} for source, targets in TRANSITIONS.items()
    }
