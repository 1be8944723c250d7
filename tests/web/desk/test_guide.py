"""What the operator's guide and docs/desk.md say of the desk: every setting is one, every command runs."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.databases import embedded_database_url
from trabecula.cli.main import app
from trabecula.domain.access.actor import grants_of
from trabecula.domain.errors_of.by_code import errors_by_code
from trabecula.settings import Settings, load_settings

__all__ = ["embedded_database_url"]

DOCS = Path(__file__).parents[3] / "docs"
CHAPTER = re.split(
    r"^## ", (DOCS / "operators-guide.md").read_text().partition("## The desk\n")[2], maxsplit=1, flags=re.MULTILINE
)[0]
DESK = (DOCS / "desk.md").read_text()


def blocks(text: str, kind: str) -> list[str]:
    return [
        block for named, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) if named == kind
    ]


@pytest.mark.parametrize("text", [*blocks(CHAPTER, "toml"), *blocks(DESK, "toml")])
def test_every_example_of_settings_is_taken(text: str) -> None:
    settings = load_settings(**tomllib.loads(text))

    assert settings.web_public_url == "https://trabecula.hospital.example"
    for words in settings.oidc_roles.values():
        assert grants_of(words)


def test_every_setting_that_is_named_exists_and_every_key_of_the_provider_is_documented() -> None:
    named = set(re.findall(r"`((?:oidc|web)_\w+)", CHAPTER + DESK))
    provider = {key for key in Settings.model_fields if key.startswith("oidc_")}

    assert named <= set(Settings.model_fields)
    example = (DOCS.parent / "deploy" / "trabecula.example.toml").read_text()
    assert all(f"# {key} = " in example for key in provider | {"web_public_url", "web_local_accounts"})


def test_every_code_that_is_named_exists() -> None:
    named = {code for code in re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", CHAPTER + DESK) if not code.startswith("CT_")}

    assert len(named) > 5
    assert named <= set(errors_by_code())


def test_every_command_of_the_chapter_runs_in_its_order(
    embedded_database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRABECULA_DATABASE_URL", embedded_database_url)
    monkeypatch.setenv("TRABECULA_DATA_DIR", str(tmp_path))
    (commands,) = blocks(CHAPTER, "")
    CliRunner().invoke(app, ["users", "create", "admin", "--role", "admin"])  # the first start does

    for line in commands.splitlines():
        _, *arguments = shlex.split(line, comments=True)
        answer = CliRunner().invoke(app, arguments)
        assert answer.exit_code == 0, (line, answer.output)


@pytest.mark.parametrize(
    "settings",
    [
        {"oidc_issuer": "http://login.hospital.example"},
        {"oidc_issuer": "https://login.example"},
        {"oidc_issuer": "https://login.example", "oidc_client_id": "x"},
        {"oidc_issuer": "https://login.example", "oidc_client_id": "x", "oidc_roles": {"it": "boss"}},
        {
            "oidc_issuer": "https://login.example",
            "oidc_client_id": "x",
            "oidc_roles": {"it": "admin"},
            "web_host": "0.0.0.0",
        },
        {"oidc_scopes": "profile"},
        {"web_local_accounts": False},
        {"web_public_url": "https://hospital.example/trabecula"},
    ],
)
def test_settings_with_which_nobody_could_sign_in_or_secrets_would_leak_are_refused(
    settings: dict[str, object],
) -> None:
    from trabecula.domain.errors import ConfigurationInvalid

    with pytest.raises(ConfigurationInvalid):
        load_settings(**settings)
