from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
import structlog

from trabecula.cli.serving.precautions import keep_private, tell_openings
from trabecula.settings import load_settings


def told(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    for name, value in variables.items():
        monkeypatch.setenv(f"TRABECULA_{name}", value)
    with structlog.testing.capture_logs() as lines:
        tell_openings(load_settings())
    return [line["event"] for line in lines]


def test_what_stands_open_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch) == []
    assert told(monkeypatch, DICOM_HOST="0.0.0.0") == ["listener.closed"]
    assert told(monkeypatch, DICOM_HOST="0.0.0.0", CALLING_AE_TITLES="ROUTER") == []
    config = tmp_path / "site.toml"
    config.write_text("database_url = 'postgresql://trabecula:s3cret@db/ledger'\n")
    config.chmod(0o644)
    assert told(monkeypatch, CONFIG=str(config), AE_TITEL="X") == [
        "setting.ignored", "settings.exposed",
    ]  # fmt: skip


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives folders away")
@pytest.mark.parametrize(("euid", "mode"), [(0, 0o711), (4711, 0o700), (4712, 0o755)])
def test_the_data_folder_is_kept_from_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, euid: int, mode: int
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o755)
    os.chown(folder, 4711 if euid else 0, -1)
    monkeypatch.setattr("os.geteuid", lambda: euid)

    keep_private(folder)

    assert stat.S_IMODE(folder.stat().st_mode) == mode
