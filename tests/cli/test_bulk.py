"""``trabecula bulk``: recorded by a command, done by a real worker of the queue sys, looked at afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.databases import embedded_database_url
from tests.pipeline.world import make_world
from tests.waiting import wait_until
from trabecula.cli.main import app
from trabecula.pipeline import register_instance

__all__ = ["embedded_database_url"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["bulk", *arguments])


def test_a_worker_does_what_a_command_recorded(
    embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))
    world = make_world(embedded_database_url, tmp_path)
    for number in range(3):
        register_instance(world.services.open_ledger, world.instance(1, study_uid=f"1.2.8.{number}"), 600.0)
    world.rows("UPDATE studies SET state = 'CANCELLED' WHERE study_uid = '1.2.8.1'")

    assert "BULK_REFUSED" in run("begin", "cancel").stderr
    (number,) = json.loads(run("begin", "cancel", "--since", "1h", "--json").stdout).values()

    def ended() -> bool:
        return bool(json.loads(run("show", str(number), "--json").stdout)["state"] == "ENDED")

    command = [sys.executable, "-m", "trabecula", "work", "--queues", "sys"]
    with subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        try:
            wait_until(ended, 90.0)
        finally:
            worker.terminate()
            worker.wait(60)
    shown = json.loads(run("show", str(number), "--json").stdout)
    assert (shown["done"], shown["refused"]) == (2, 1)
    assert [(item["study_uid"], item["code"]) for item in shown["refusals"]] == [("1.2.8.1", "TRANSITION_REFUSED")]
    assert "TRANSITION_REFUSED" in run("show", str(number)).stdout
    assert json.loads(run("list", "--json").stdout)[0]["number"] == number
    assert "CANCEL" in run("list").stdout
    assert "had ended" in run("stop", str(number)).stdout
    assert "BULK_UNKNOWN" in run("stop", "99").stderr
    world.engine.dispose()
