from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trabecula.cli.main import app


def test_the_settings_in_force_are_shown_with_their_origin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "site.toml"
    config.write_text("ae_title = 'SITE'\ndatabase_url = 'postgresql://trabecula:s3cret@db/ledger'\n")
    config.chmod(0o644)
    monkeypatch.setenv("TRABECULA_CONFIG", str(config))
    monkeypatch.delenv("TRABECULA_DATABASE_URL", raising=False)
    monkeypatch.setenv("TRABECULA_DICOM_PROT", "104")

    table = CliRunner().invoke(app, ["config", "show"])
    changed = json.loads(CliRunner().invoke(app, ["config", "show", "--changed", "--json"]).stdout)

    assert table.exit_code == 0
    assert f"settings from {config}" in table.stdout
    assert "did you mean TRABECULA_DICOM_PORT?" in table.stdout
    assert "everybody on this machine may read it" in table.stdout
    assert "s3cret" not in table.output
    assert changed["ae_title"] == {"value": "SITE", "origin": str(config)}
    assert "max_attempts" not in changed
