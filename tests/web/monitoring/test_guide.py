"""What the operator's guide says of monitoring, being told and logs is what the program knows."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from typer.core import TyperGroup
from typer.main import get_command

from tests.test_log_events import logged
from trabecula.cli.main import app
from trabecula.settings import load_settings
from trabecula.web.monitoring.endpoints import MetricsAccess, monitoring_routes

GUIDE = (Path(__file__).parents[3] / "docs" / "operators-guide.md").read_text()
CHAPTERS = {
    name: re.split(r"^## ", GUIDE.partition(f"## {name}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]
    for name in ("Monitoring", "Logs and rotation")
}


def blocks(kind: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", "".join(CHAPTERS.values()), re.MULTILINE | re.DOTALL)
    return [text for named, text in found if named == kind]


def test_the_settings_of_the_chapter_are_settings() -> None:
    (text,) = blocks("toml")

    settings = load_settings(**tomllib.loads(text))

    assert settings.tells_somebody
    assert settings.smtp_password_file == Path("/etc/trabecula/smtp-password")


def test_every_setting_of_monitoring_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:tell|smtp|web|metrics|working|digest|webhook)_\w+)", CHAPTERS["Monitoring"]))

    assert len(named) > 6
    assert named <= set(type(load_settings()).model_fields)


def test_every_command_parses() -> None:
    lines = "".join(blocks("")).splitlines()
    commands = [line.partition("#")[0] for line in lines if line.startswith("trabecula ")]
    group = get_command(app)
    assert isinstance(group, TyperGroup)

    assert commands
    for line in commands:
        _, name, *arguments = shlex.split(line)
        group.commands[name].make_context(name, arguments)


def test_every_address_is_answered() -> None:
    asked = set(re.findall(r"curl http://127\.0\.0\.1:8080(/\w+)", CHAPTERS["Monitoring"]))

    assert asked == set(monitoring_routes(CollectorRegistry(), lambda: (), MetricsAccess(loopback=True)))


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_event_that_is_named_is_logged(chapter: str) -> None:
    named = set(re.findall(r"[`\"]([a-z]+\.[a-z_]+)[`\"]", CHAPTERS[chapter])) - {"prometheus.yml"}

    assert named <= set(logged())
