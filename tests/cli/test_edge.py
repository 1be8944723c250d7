from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.exc import OperationalError, ProgrammingError

from tests.system.service import clean_environment
from trabecula.cli.edge import as_ours
from trabecula.domain.errors import DatabaseRefused, DatabaseUnavailable, StorageFull, SystemRefused


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (OSError(28, "No space left on device", "/data/x"), SystemRefused, "/data/x: No space left on device"),
        (OSError(98, "Address already in use"), SystemRefused, "Address already in use"),
        (MemoryError(), SystemRefused, "no memory is left"),
        (psycopg.OperationalError("refused\nmore"), DatabaseUnavailable, "refused"),
        (OperationalError("SELECT", {}, psycopg.OperationalError("gone")), DatabaseUnavailable, "gone"),
        (ProgrammingError("INSERT 'Doe'", {}, psycopg.ProgrammingError("no table")), DatabaseRefused, "no table"),
    ],
)
def test_what_the_world_raises_becomes_an_error_of_ours(error: Exception, kind: type[Exception], said: str) -> None:
    ours = as_ours(error)

    assert type(ours) is kind
    assert ours.detail == said


def test_an_error_of_ours_stays_what_it_is() -> None:
    error = StorageFull("1 GiB")

    assert as_ours(error) is error


def command(*arguments: str, shell: str = "", **settings: object) -> subprocess.CompletedProcess[str]:
    """Run ``trabecula`` as a shell runs it; ``shell`` follows the command (redirections)."""
    line = " ".join([sys.executable, "-m", "trabecula", *arguments, shell])
    environment = clean_environment(**settings) | {"PYTHONIOENCODING": "ascii"}
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], env=environment, capture_output=True, text=True, check=False
    )


def test_a_data_folder_that_cannot_be_used_is_an_error_with_a_code(tmp_path: Path) -> None:
    (tmp_path / "datei-mit-ä").write_text("")

    answer = command("studies", "list", data_dir=tmp_path / "datei-mit-ä")

    assert answer.returncode == 2
    assert answer.stderr.startswith("DATA_FOLDER_UNUSABLE: ")
    assert "Traceback" not in answer.stderr


def test_a_closed_output_and_a_closed_pipe_end_quietly() -> None:
    closed = command("--version", shell=">&-")
    piped = command("studies", "list", "--help", shell="| head -c 1 > /dev/null")

    assert closed.returncode == 0
    assert (closed.stderr, piped.stderr) == ("", "")


def test_a_config_file_that_cannot_be_looked_at_is_named() -> None:
    answer = command("studies", "list", config="x" * 300)

    assert answer.returncode == 2
    assert answer.stderr.startswith("CONFIGURATION_INVALID: ")
    assert "File name too long" in answer.stderr


_FAULT = """
from trabecula.cli.edge import prepare_process
prepare_process()
{"Doe^Jane": 1}["4711"]
"""


def test_a_fault_of_the_program_is_told_without_a_traceback_and_without_values() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "TRABECULA_LOG_LEVEL"}
    run = [sys.executable, "-c", _FAULT]

    answer = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    whole = subprocess.run(
        run, env=environment | {"TRABECULA_LOG_LEVEL": "DEBUG"}, capture_output=True, text=True, check=False
    )

    assert answer.returncode == 1
    assert answer.stderr.startswith("INTERNAL: Something failed: KeyError at <string>:4")
    assert "4711" not in answer.stderr
    assert "Traceback" in whole.stderr


def test_sigterm_ends_a_command_in_order() -> None:
    script = (
        "import signal; from trabecula.cli.edge import prepare_process; prepare_process()\n"
        "try:\n    print('up', flush=True); signal.pause()\nfinally:\n    print('left in order', flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        said = process.stdout.read()

    assert (process.returncode, said) == (128 + signal.SIGTERM, "left in order\n")
