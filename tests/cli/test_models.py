"""``trabecula models``: what is installed, whether it is sound, and who speaks, through the real command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.scoring.made_bundle import manifest, write_bundle
from trabecula.cli.models import app
from trabecula.domain.results.result import SeriesRole
from trabecula.scoring.activation import LOG_NAME, STATE_NAME


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TRABECULA_BUNDLES_DIR", str(tmp_path / "bundles"))
    for made in (manifest("one"), manifest("two"), manifest("mr", SeriesRole.T1W)):
        write_bundle(tmp_path / "bundles", made)
    return tmp_path / "bundles"


def models(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def as_json(*arguments: str) -> Any:
    result = models(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def roles() -> dict[str, str]:
    return {row["model"]: row["role"] for row in as_json("list")}


def test_activating_takes_the_place_of_the_other_and_can_be_undone(bundles: Path) -> None:
    assert roles() == {"mr": "off", "one": "off", "two": "off"}

    as_json("activate", "one", "--reason", "validated at our site")
    as_json("activate", "mr", "--role", "challenger")
    assert roles() == {"mr": "challenger", "one": "active", "two": "off"}
    as_json("activate", "two")
    assert roles() == {"mr": "challenger", "one": "off", "two": "active"}

    used = as_json("activate", "--roll-back")["in_use"]

    assert {row["model"]: row["role"] for row in used} == {"mr": "challenger", "one": "active"}
    assert roles()["two"] == "off"
    as_json("activate", "one", "--role", "off")
    assert roles() == {"mr": "challenger", "one": "off", "two": "off"}
    lines = [json.loads(line) for line in (bundles.parent / "data" / LOG_NAME).read_text().splitlines()]
    assert [line["reason"] for line in lines] == ["validated at our site", "", "", "roll-back", ""]
    assert all(line["who"] and line["when"] for line in lines)


def test_verify_names_what_is_wrong_and_fails(bundles: Path) -> None:
    assert as_json("verify") == {"ok": True, "bundles": as_json("verify")["bundles"]}
    (bundles / "two" / "model.onnx").write_bytes(b"x")

    result = models("verify", "--json")

    assert result.exit_code == 1
    checks = {row["model"]: row for row in json.loads(result.stdout)["bundles"]}
    assert checks["one"]["ok"]
    assert checks["two"] == {"model": "two", "ok": False, "detail": "model.onnx of two was changed"}
    assert models("verify", "one").exit_code == 0


def test_people_see_demonstration_and_refusals(bundles: Path) -> None:
    as_json("activate", "two")
    (bundles / "one" / "CARD.md").unlink()
    (bundles / "two").rename(bundles.parent / "gone")

    rows = {row["model"]: row for row in as_json("list")}

    assert rows["mr"]["note"] == "demonstration: trained on phantoms"
    assert rows["one"]["note"] == "REFUSED: CARD.md of one is missing or unreadable"
    assert (rows["two"]["role"], rows["two"]["note"]) == ("active", "MISSING")
    assert "MISSING" in models("list").stdout


def test_a_bundle_that_is_not_sound_is_never_activated(bundles: Path) -> None:
    (bundles / "one" / "model.onnx").write_bytes(b"x")

    refused, unknown, idle = (
        models("activate", "one"),
        models("activate", "three"),
        models("activate", "two", "--role", "off"),
    )

    assert (refused.exit_code, unknown.exit_code, idle.exit_code) == (2, 2, 2)
    assert "BUNDLE_INVALID" in refused.stderr
    assert "BUNDLE_UNKNOWN" in unknown.stderr
    assert not (bundles.parent / "data" / STATE_NAME).exists()
    assert models("activate").exit_code == 2
    assert models("activate", "two", "--roll-back").exit_code == 2
    assert "BUNDLE_UNKNOWN" in models("activate", "--roll-back").stderr


def test_a_roll_back_to_a_bundle_that_changed_is_refused(bundles: Path) -> None:
    as_json("activate", "one")
    as_json("activate", "two")
    (bundles / "one" / "CARD.md").write_text("other")

    assert "BUNDLE_INVALID" in models("activate", "--roll-back").stderr
    assert roles()["two"] == "active"


def test_without_a_bundle_people_are_told_what_to_do(bundles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = bundles.parent / "none"
    empty.mkdir()
    monkeypatch.setenv("TRABECULA_BUNDLES_DIR", str(empty))

    for command in ("list", "verify"):
        shown = models(command)
        assert shown.exit_code == 0
        assert "No model bundle is installed" in shown.stdout
        assert "trabecula-train export" in shown.stdout
    assert as_json("list") == []


def test_switching_the_last_model_off_says_that_none_speaks(bundles: Path) -> None:
    as_json("activate", "one")

    assert "No model is in use" in models("activate", "one", "--role", "off").stdout
