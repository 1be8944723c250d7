"""The operator's guide: every command in it is run, every setting in it is one, on a ledger with a study."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.databases import embedded_database_url
from tests.pipeline.world import STUDY, World, make_world
from trabecula.cli.main import app
from trabecula.domain.delivery import Destination
from trabecula.pipeline import register_instance
from trabecula.settings import load_settings

__all__ = ["embedded_database_url"]

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "operators-guide.md").read_text()
ELSEWHERE = {
    "analyse": "tests/cli/results",
    "doctor": "tests/cli/test_doctor.py: it measures a phantom and sends mail",
    "restore": "tests/system/test_backup.py: the service must not run",
    "studies fetch": "tests/system: an archive is asked",
    "studies adopt": "tests/system/test_corrected_patient.py",
    "models activate": "tests/cli/models",
    "database add-reader": "tests/cli/database",
}
"""Commands that are only parsed here, and where they are run."""


def blocks(kind: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return [text for named, text in found if named == kind]


def commands() -> Iterator[list[str]]:
    """The words of each command in the guide's blocks and in its running text."""
    lines = "".join(blocks("")).splitlines()
    shown = [part for line in lines for part in line.split("&&")]
    told = re.findall(r"`(trabecula [^`]+)`", re.sub(r"```.*?```", "", GUIDE, flags=re.DOTALL))
    for text in (*shown, *told):
        if text.strip().startswith("trabecula ") and "..." not in text:
            yield shlex.split(text.split(" > ")[0], comments=True)[1:]


def is_elsewhere(words: list[str]) -> bool:
    return " ".join(words[:2]) in ELSEWHERE or words[0] in ELSEWHERE or "--diff" in words


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    destinations = {"PACS": 104, "OLD": 105, "NEW": 106}
    made = make_world(
        embedded_database_url,
        tmp_path / "data",
        [Destination(name=name, ae_title=name, host="127.0.0.1", port=port) for name, port in destinations.items()],
    )
    listed = [
        {"name": name, "ae_title": name, "host": "127.0.0.1", "port": port} for name, port in destinations.items()
    ]
    monkeypatch.setenv("TRABECULA_DESTINATIONS", json.dumps(listed))
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    register_instance(made.services.open_ledger, made.instance(1), 0.0)
    made.be_quiet()
    made.run_all()
    yield made
    made.engine.dispose()


def test_every_command_and_option_exists() -> None:
    found = list(commands())
    unknown = [words for words in found if CliRunner().invoke(app, [*words, "--help"]).exit_code != 0]

    assert len(found) > 80
    assert unknown == []


def test_every_command_runs_and_ends_with_what_it_was_asked_or_with_a_sentence(world: World, tmp_path: Path) -> None:
    (tmp_path / "dxa.csv").write_text("patient_id,measured_on,method,site,t_score\nP1,2026-01-31,DXA,spine,-2.6\n")
    faults = {}
    ran = 0
    for words in commands():
        if is_elsewhere(words) or len(words) < 2:
            continue
        known = [word.replace("STUDY_UID", STUDY).replace("/mnt/", f"{tmp_path}/mnt-") for word in words]
        answer = CliRunner().invoke(app, known, input="y\n")
        ran += 1
        said = answer.output.strip()
        if answer.exit_code not in (0, 1, 2) or not said or "INTERNAL" in said or "Usage:" in said:
            faults[" ".join(words)] = f"{answer.exit_code}: {said[-300:]} {answer.exception!r}"

    assert faults == {}
    assert ran > 60


@pytest.mark.parametrize("number", range(len(blocks("toml"))))
def test_the_settings_of_each_example_are_settings(number: int) -> None:
    found = tomllib.loads(blocks("toml")[number])

    assert set(found) <= set(type(load_settings()).model_fields)


def test_every_setting_that_is_named_with_a_value_is_one() -> None:
    named = set(re.findall(r"`(\w+) = ", GUIDE))

    assert len(named) > 10
    destination = {"commitment", "language", "tls", "send_not_evaluable", "name"}
    assert named - destination <= set(type(load_settings()).model_fields)
