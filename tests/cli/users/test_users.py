from __future__ import annotations

import json
import stat
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from tests.databases import embedded_database_url
from trabecula.cli.main import app

__all__ = ["embedded_database_url"]


@pytest.fixture(autouse=True)
def _ledger(embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))


def _run(*arguments: str, given: str | None = None) -> Result:
    return CliRunner().invoke(app, list(arguments), input=given)


def test_an_account_gets_a_password_in_a_file_that_only_we_can_read(tmp_path: Path) -> None:
    made = _run("users", "create", "Ann", "--role", "viewer@CT_WEST", "--role", "coordinator@CT_EAST")

    file = tmp_path / "passwords" / "password-of-ann"
    password = file.read_text().strip()
    assert made.exit_code == 0, made.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(password) > 20
    assert password not in made.output
    listed = json.loads(_run("users", "list", "--json").stdout)
    assert listed[0]["name"] == "ann"
    assert listed[0]["must_change_password"] is True
    assert listed[0]["roles"] == [
        {"role": "coordinator", "site": "CT_EAST"}, {"role": "viewer", "site": "CT_WEST"}
    ]  # fmt: skip


def test_a_given_password_is_taken_and_checked() -> None:
    weak = _run("users", "create", "ann", "--role", "admin", "--password-file", "-", given="short\n")
    good = _run("users", "create", "ann", "--role", "admin", "--password-file", "-", given="four quite other words\n")

    assert (weak.exit_code, good.exit_code) == (2, 0)
    assert "PASSWORD_TOO_WEAK" in weak.output
    assert json.loads(_run("users", "list", "--json").stdout)[0]["must_change_password"] is False


def test_the_last_administrator_stays_one() -> None:
    _run("users", "create", "ann", "--role", "admin")

    withdrawn = _run("users", "withdraw", "ann", "admin")
    disabled = _run("users", "disable", "ann")
    _run("users", "create", "ben", "--role", "admin")
    then = _run("users", "withdraw", "ann", "admin")

    assert (withdrawn.exit_code, disabled.exit_code, then.exit_code) == (2, 2, 0)
    assert "LAST_ADMINISTRATOR" in withdrawn.output
    assert "LAST_ADMINISTRATOR" in disabled.output


def test_where_there_never_was_an_administrator_roles_can_be_given_all_the_same() -> None:
    _run("users", "create", "vic", "--role", "viewer")

    assert _run("users", "grant", "vic", "coordinator").exit_code == 0


def test_roles_are_given_and_taken_and_a_wrong_one_is_told_with_those_there_are() -> None:
    _run("users", "create", "ann", "--role", "admin")

    given = _run("users", "grant", "ann", "viewer@CT_WEST")
    wrong = _run("users", "grant", "ann", "boss")
    nobody = _run("users", "grant", "nobody", "viewer")

    assert "admin, viewer at CT_WEST" in given.output
    assert "viewer, coordinator, admin" in wrong.output
    assert "ACCOUNT_UNKNOWN" in nobody.output


def test_a_token_is_printed_once_and_listed_without_what_opens() -> None:
    _run("users", "create", "ann", "--role", "admin")

    made = _run("tokens", "create", "ann", "--name", "nightly", "--scope", "studies:view", "--days", "7")
    token = made.stdout.strip()
    listed = _run("tokens", "list", "--json")
    revoked = _run("tokens", "revoke", str(json.loads(listed.stdout)[0]["number"]))

    assert token.startswith("trb_")
    assert token not in listed.stdout
    assert json.loads(listed.stdout)[0]["scopes"] == ["studies:view"]
    assert revoked.exit_code == 0
    assert _run("tokens", "create", "ann", "--name", "x", "--scope", "all").exit_code == 2


def test_every_change_stands_in_the_audit_log(embedded_database_url: str) -> None:
    _run("users", "create", "ann", "--role", "admin")
    _run("users", "grant", "ann", "viewer")
    _run("users", "reset-password", "ann")
    _run("tokens", "create", "ann", "--name", "x", "--scope", "studies:view")

    with psycopg.connect(embedded_database_url) as connection:
        rows = connection.execute("SELECT action, subject, who_kind FROM audit_entries ORDER BY id").fetchall()

    assert rows[:3] == [
        ("USER_CREATED", "ann", "command line"),
        ("USER_CHANGED", "ann", "command line"),
        ("PASSWORD_CHANGED", "ann", "command line"),
    ]
    assert rows[3][0] == "TOKEN_CREATED"
