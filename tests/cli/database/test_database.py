from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from tests.databases import embedded_database_url
from trabecula.cli.main import app
from trabecula.ledger.schema import head_version

__all__ = ["embedded_database_url"]


def test_the_ledger_in_use_is_told_with_a_line_for_psql(
    embedded_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)

    told = json.loads(CliRunner().invoke(app, ["database", "show", "--json"]).stdout)
    words = CliRunner().invoke(app, ["database", "show"]).stdout

    assert (told["schema"], told["studies"], told["readers"]) == (head_version(), 0, [])
    assert told["psql"].startswith("psql ")
    assert "schema" in words


def test_a_reader_is_made_listed_and_taken_away(
    embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    password = tmp_path / "password"
    password.write_text("4711\n")

    made = CliRunner().invoke(app, ["database", "add-reader", "bi", "--password-file", str(password)])
    told = json.loads(CliRunner().invoke(app, ["database", "show", "--json"]).stdout)
    gone = CliRunner().invoke(app, ["database", "remove-reader", "bi"])
    again = CliRunner().invoke(app, ["database", "remove-reader", "bi"])

    assert (made.exit_code, told["readers"], gone.exit_code, again.exit_code) == (0, ["bi"], 0, 2)
    assert "4711" not in made.output
    assert "READER_REFUSED" in again.stderr


def test_a_command_that_only_looks_makes_no_ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "site.toml"
    config.write_text(f"data_dir = '{tmp_path / 'nothing'}'\n")
    monkeypatch.delenv("TRABECULA_DATABASE_URL", raising=False)
    monkeypatch.setenv("TRABECULA_CONFIG", "/of/another.toml")

    answer = CliRunner().invoke(app, ["--config", str(config), "studies", "list"])

    assert answer.exit_code == 2
    assert "LEDGER_MISSING" in answer.stderr
    assert f"settings from {config}" in answer.stderr
    assert not (tmp_path / "nothing").exists()


def test_an_empty_database_is_no_ledger(embedded_database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(embedded_database_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE empty_one")
    try:
        monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url.replace("/trabecula?", "/empty_one?"))
        answer = CliRunner().invoke(app, ["studies", "list"])
    finally:
        with psycopg.connect(embedded_database_url, autocommit=True) as connection:
            connection.execute("DROP DATABASE empty_one WITH (FORCE)")

    assert "LEDGER_MISSING" in answer.stderr
