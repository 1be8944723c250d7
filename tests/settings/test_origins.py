from __future__ import annotations

from pathlib import Path

import pytest

from trabecula import settings_file
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.settings import Settings, load_settings
from trabecula.settings.loading import variable_in_words
from trabecula.settings.origins import ledger_in_words, open_secrets, settings_in_force, without_password


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "site.toml"
    monkeypatch.setenv("TRABECULA_CONFIG", str(path))
    return path


def test_each_setting_tells_its_value_and_where_it_comes_from(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("dicom_port = 104\nae_title = 'FILE'\n")
    monkeypatch.setenv("TRABECULA_AE_TITLE", "ENV")
    monkeypatch.setenv("TRABECULA_DESTINATIONS", "PACS=ARCHIVE@pacs:104")

    found = {row.name: row for row in settings_in_force(load_settings())}

    assert list(found) == list(Settings.model_fields)
    assert (found["dicom_port"].value, found["dicom_port"].origin) == (104, str(file))
    assert (found["ae_title"].value, found["ae_title"].origin) == ("ENV", "TRABECULA_AE_TITLE")
    assert (found["max_attempts"].value, found["max_attempts"].origin) == (4, "default")
    assert found["destinations"].value[0]["host"] == "pacs"


def test_no_password_is_shown(file: Path) -> None:
    file.write_text("database_url = 'postgresql://trabecula:s3cret@db.example:5432/ledger'\n")

    settings = load_settings()

    assert "s3cret" not in repr(settings_in_force(settings))
    assert ledger_in_words(settings) == "postgresql://trabecula:***@db.example:5432/ledger"
    assert without_password("postgresql://db.example/ledger") == "postgresql://db.example/ledger"


def test_a_password_in_a_file_that_all_may_read_is_told(file: Path) -> None:
    file.write_text("database_url = 'postgresql://trabecula:s3cret@db.example/ledger'\n")
    file.chmod(0o644)
    assert str(file) in open_secrets()
    assert "s3cret" not in open_secrets()

    file.chmod(0o640)
    assert open_secrets() == ""


def test_the_password_comes_from_a_file_of_its_own(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("p@ss/word\nmore\n")
    file.write_text(f"database_url = 'postgresql://trabecula@db/ledger'\ndatabase_password_file = '{secret}'\n")

    assert load_settings().database_url == "postgresql://trabecula:p%40ss%2Fword@db/ledger"

    for content, said in (("", "is empty"), (None, "cannot be read")):
        secret.unlink() if content is None else secret.write_text(content)
        with pytest.raises(ConfigurationInvalid, match=said):
            load_settings()
    secret.write_text("x")
    file.write_text(f"database_password_file = '{secret}'\n")
    with pytest.raises(ConfigurationInvalid, match="must name a user"):
        load_settings()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("study_quiet_second = 5", "study_quiet_second: unknown key, did you mean study_quiet_seconds?"),
        ("xyzzy = 5", "xyzzy: unknown key"),
        (
            "[[destinations]]\nname='P'\nae_title='P'\nhost='h'\nport=104\ncommitmnt=true",
            "destinations.0.commitmnt: unknown key, did you mean commitment?",
        ),
        ("ae_title = ", "site.toml: "),
    ],
)
def test_an_error_names_the_file_and_the_key_that_was_meant(file: Path, content: str, said: str) -> None:
    file.write_text(content + "\n")

    with pytest.raises(ConfigurationInvalid) as caught:
        load_settings()

    assert said in caught.value.sentence
    assert str(file) in caught.value.sentence


def test_a_variable_that_nothing_reads_is_told_with_the_one_that_was_meant() -> None:
    assert variable_in_words("TRABECULA_DICM_PORT").endswith("did you mean TRABECULA_DICOM_PORT?")
    assert variable_in_words("TRABECULA_XYZZY") == "TRABECULA_XYZZY is read by no setting"


def test_the_file_of_the_system_is_read_where_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRABECULA_CONFIG", raising=False)
    system = tmp_path / "etc.toml"
    monkeypatch.setattr(settings_file, "SYSTEM_FILE", system)
    assert load_settings().ae_title == "TRABECULA"
    assert settings_file.settings_source().startswith("no settings file")

    system.write_text("ae_title = 'SYSTEM'\n")
    assert load_settings().ae_title == "SYSTEM"
    assert settings_file.settings_source() == f"settings from {system}"
