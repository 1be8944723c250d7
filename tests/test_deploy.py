"""The files in deploy/ name real commands and real settings, in the form their readers want."""

from __future__ import annotations

import configparser
import json
import shlex
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.core import TyperGroup
from typer.main import get_command

from trabecula.cli.main import app
from trabecula.settings import Settings

ROOT = Path(__file__).parents[1]


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def ours() -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose()["services"].items() if "build" in service}


def assert_command_parses(arguments: list[str]) -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    name, *rest = arguments
    group.commands[name].make_context(name, rest)


@pytest.mark.parametrize("name", sorted(ours()))
def test_compose_runs_commands_that_exist(name: str) -> None:
    assert_command_parses(ours()[name]["command"])


@pytest.mark.parametrize("name", sorted(ours()))
def test_compose_sets_settings_that_exist_and_parse(name: str) -> None:
    environment = ours()[name]["environment"]

    keys = {key.removeprefix("TRABECULA_").lower(): value for key, value in environment.items()}

    assert set(keys) <= set(Settings.model_fields)
    assert Settings(**keys).calling_ae_titles == ("ORTHANC",)


def test_compose_has_an_init_process_and_every_named_volume() -> None:
    document = compose()
    mounted = {
        volume.split(":")[0]
        for service in document["services"].values()
        for volume in service.get("volumes", ())
        if not volume.startswith(".")
    }

    assert all(service["init"] for service in ours().values())
    assert mounted == set(document["volumes"])


def test_every_queue_has_a_worker_in_compose() -> None:
    commands = [service["command"] for service in ours().values()]

    assert {command[2] for command in commands if command[0] == "work"} == {"cpu", "io", "sys"}


def test_the_image_runs_without_root_and_copies_files_that_exist() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    last_stage = lines[max(n for n, line in enumerate(lines) if line.startswith("FROM")) :]
    copied = [part for line in lines if line.startswith("COPY") and "--from" not in line for part in line.split()[1:-1]]

    assert "USER trabecula" in last_stage
    assert all((ROOT / name).exists() for name in copied)
    entry = next(json.loads(line.removeprefix("ENTRYPOINT ")) for line in last_stage if line.startswith("ENTRYPOINT"))
    assert entry == ["trabecula"]


@pytest.mark.parametrize("path", sorted((ROOT / "deploy" / "systemd").glob("*.service")), ids=lambda path: path.name)
def test_units_run_commands_that_exist(path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    command = shlex.split(unit["Service"]["ExecStart"].replace("%i", "cpu"))

    assert command[0] == "/opt/trabecula/bin/trabecula"
    assert_command_parses(command[1:])


def test_the_example_settings_are_valid_when_uncommented() -> None:
    text = (ROOT / "deploy" / "trabecula.example.toml").read_text()
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    # Arrange: everything that looks like a setting, once; tables last, as they stand
    settings = [line for line in lines if " = " in line or line.startswith("[")]
    head = [line for line in settings[: settings.index("[[destinations]]")] if not line.startswith("destinations")]

    document = tomllib.loads("\n".join(head))

    assert Settings(**document).ae_title == "TRABECULA"


def test_the_test_pacs_routes_by_a_modality_it_knows() -> None:
    configuration = json.loads((ROOT / "deploy" / "test-pacs" / "orthanc.json").read_text())
    script = (ROOT / "deploy" / "test-pacs" / "route.lua").read_text()

    assert "/modalities/trabecula/store" in script
    assert configuration["DicomModalities"]["trabecula"]["AET"] == "TRABECULA"


@pytest.mark.parametrize("unit", sorted(path.name for path in (ROOT / "deploy" / "systemd").glob("*.service")))
def test_a_unit_leaves_the_service_little_of_the_system(unit: str, require_tool: Callable[[str], str]) -> None:
    program = require_tool("systemd-analyze")

    told = subprocess.run(
        [program, "security", "--offline=true", "--threshold=25", ROOT / "deploy" / "systemd" / unit],
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stdout.splitlines()[-1:]
