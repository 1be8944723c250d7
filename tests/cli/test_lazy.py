from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.databases import embedded_database_url
from tests.jobs.helpers import ROOT
from trabecula.cli import main
from trabecula.cli.config import command as config
from trabecula.cli.database import command as database
from trabecula.cli.lazy import CommandPlace, LazyCommand
from trabecula.cli.models import command as models
from trabecula.cli.quarantine import command as quarantine
from trabecula.cli.queue import command as queue
from trabecula.cli.retention import command as retention
from trabecula.cli.studies import command as studies

__all__ = ["embedded_database_url"]

MEASURING = {"scipy", "onnxruntime", "highdicom", "radiomics", "SimpleITK", "nibabel"}
ARRAYS = {"numpy", "pydicom", "pynetdicom", "PIL"}
ROWS = {"sqlalchemy", "alembic", "procrastinate"}

_TELL = (
    "import atexit, sys\n"
    "told = sys.stderr\n"
    "atexit.register(lambda: told.write('\\nLOADED ' + ' '.join(name for name in sys.modules if '.' not in name)))\n"
    "from trabecula.cli.main import main\n"
    "main()\n"
)


def loaded(stderr: str) -> set[str]:
    return set(stderr.rpartition("LOADED ")[2].split())


def start(arguments: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    """Run a command so that it tells at its end what it has imported."""
    known = {name: value for name, value in os.environ.items() if not name.startswith("TRABECULA_")}
    return subprocess.Popen(
        [sys.executable, "-c", _TELL, *arguments],
        env=known | {"TRABECULA_LOG_LEVEL": "ERROR"} | environment,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def environment(embedded_database_url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "TRABECULA_DATABASE_URL": embedded_database_url,
        "TRABECULA_DATA_DIR": str(tmp_path),
        "TRABECULA_DICOM_PORT": "0",
    }


def test_a_list_of_studies_loads_neither_arrays_nor_the_layer_of_tables(environment: dict[str, str]) -> None:
    out, err = start(["studies", "list"], environment).communicate(timeout=60)

    assert "0 of 0" in out
    assert loaded(err) & (MEASURING | ARRAYS | ROWS) == set()
    assert "psycopg" in loaded(err)


def test_a_quick_look_of_a_monitor_loads_no_library_of_tables_arrays_or_dicom(environment: dict[str, str]) -> None:
    settings = environment | {"TRABECULA_DESTINATIONS": "PACS=PACS@127.0.0.1:9", "TRABECULA_MIN_FREE_GIB": "0"}

    out, err = start(["doctor", "--quick", "--json"], settings).communicate(timeout=60)

    found = {item["name"]: item["detail"] for item in json.loads(out)["checks"]}
    assert "schema up to date" in found["database"]
    assert "Connection refused" in found["destination PACS"]
    assert loaded(err) & (MEASURING | ARRAYS | ROWS) == set()


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (["listen"], MEASURING | ARRAYS | {"alembic"}),
        (["work", "--queues", "cpu,sys"], MEASURING | ARRAYS | {"alembic"}),
        (["work", "--queues", "io"], MEASURING | {"alembic"}),  # the libraries of DICOM bring numpy along
    ],
)
def test_no_long_running_process_loads_what_only_analysis_needs(
    arguments: list[str], never: set[str], environment: dict[str, str]
) -> None:
    process = start(arguments, environment)
    assert process.stdout is not None
    assert " ready: " in process.stdout.readline()

    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert loaded(err) & never == set()
    assert "structlog" in loaded(err)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        pytest.param(name, place, id=place.place)
        for commands in (
            main.COMMANDS,
            config.COMMANDS,
            database.COMMANDS,
            models.COMMANDS,
            quarantine.COMMANDS,
            queue.COMMANDS,
            retention.COMMANDS,
            studies.COMMANDS,
        )
        for name, place in commands.items()
    ],
)
def test_the_list_of_commands_says_what_each_command_says_of_itself(name: str, place: CommandPlace) -> None:
    command = LazyCommand(name, place).load()

    assert (command.help or "").splitlines()[0] == place.help


@pytest.mark.parametrize("name", sorted(studies.COMMANDS))
def test_no_two_options_of_a_command_have_one_name(name: str) -> None:
    command = LazyCommand(name, studies.COMMANDS[name]).load()
    options = [word for item in command.params for word in item.opts if word.startswith("-")]
    assert len(options) == len(set(options))
