"""``trabecula studies import-references`` on a real ledger."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.studies.test_command import embedded_database_url, run, world
from tests.pipeline.world import World

__all__ = ["embedded_database_url", "world"]

HEADING = "patient_id,measured_on,method,site,t_score\n"


def test_a_file_is_imported_once_and_again(world: World, tmp_path: Path) -> None:
    file = tmp_path / "dxa.csv"
    file.write_text(HEADING + "4711,2026-02-01,DXA,spine,-2.6\n")

    tried = json.loads(run("studies", "import-references", str(file), "--dry-run", "--json").stdout)
    first = json.loads(run("studies", "import-references", str(file), "--json").stdout)
    again = run("studies", "import-references", str(file))

    assert (tried["written"], tried["added"]) == (False, 1)
    assert (first["written"], first["added"], first["problems"]) == (True, 1, [])
    assert "0 added, 0 replaced, 1 already there; 1 patients are covered" in again.stdout


def test_what_is_wrong_is_a_table_and_nothing_is_written(world: World, tmp_path: Path) -> None:
    file = tmp_path / "dxa.csv"
    file.write_text(
        HEADING + "4711,2026-02-01,DXA,spine,-2.6\n4711,2026-02-02,DXA,spine,-26\nP-9,2026-02-02,DXA,hip,-1\n"
    )

    shown = run("studies", "import-references", str(file))
    told = json.loads(run("studies", "import-references", str(file), "--json").stdout)
    first = json.loads(run("studies", "import-references", str(file), "--json").stdout)

    assert shown.exit_code == 2
    assert "REFERENCES_INVALID" in shown.stderr
    assert "-26 is not possible" in shown.stdout
    assert "P-9" not in shown.stdout + shown.stderr
    assert [(item["line"], item["column"]) for item in told["problems"]] == [(3, "t_score"), (4, "patient_id")]
    assert not told["written"]
    assert first == told


def test_a_file_that_is_not_there_is_an_error_with_a_next_step(world: World, tmp_path: Path) -> None:
    answer = run("studies", "import-references", str(tmp_path / "none.csv"))

    assert answer.exit_code == 2
    assert "INPUT_UNREADABLE" in answer.stderr
