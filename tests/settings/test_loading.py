from __future__ import annotations

import json
from pathlib import Path

import pytest

from trabecula.bootstrap.destinations import destination_of
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.settings import PeerSettings, Settings, load_settings, unknown_variables


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TRABECULA_{name.upper()}", raising=False)
    monkeypatch.delenv("TRABECULA_CONFIG", raising=False)


def test_defaults_listen_on_loopback_only() -> None:
    settings = load_settings()

    assert settings.dicom_host == "127.0.0.1"
    assert (settings.ae_title, settings.dicom_port, settings.study_quiet_seconds) == ("TRABECULA", 11112, 60)


def test_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "trabecula.toml"
    file.write_text('ae_title = "FILE"\ndicom_port = 4000\n')
    monkeypatch.setenv("TRABECULA_CONFIG", str(file))
    monkeypatch.setenv("TRABECULA_AE_TITLE", "ENV")

    settings = load_settings()

    assert (settings.ae_title, settings.dicom_port) == ("ENV", 4000)


def test_destinations_come_as_one_string_or_as_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "trabecula.toml"
    file.write_text(
        '[[destinations]]\nname = "PACS"\nae_title = "ARCHIVE"\nhost = "pacs.example"\nport = 104\n'
        'objects = ["SR"]\ncommitment = false\n'
    )
    monkeypatch.setenv("TRABECULA_CONFIG", str(file))
    from_file = load_settings().destinations
    monkeypatch.setenv("TRABECULA_DESTINATIONS", "PACS=ARCHIVE@pacs.example:104, LAB@10.0.0.1:11112")
    from_environment = load_settings().destinations

    assert from_file[0].objects == ("SR",)
    assert not from_file[0].commitment
    assert from_environment[0] == PeerSettings(name="PACS", ae_title="ARCHIVE", host="pacs.example", port=104)
    assert from_environment[1].name == "LAB"


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("deu", "de"),
        ("german", "de"),
        ("de-DE", "de"),
        ("jp", "ja"),
        ("zh_CN", "zh"),
        ("francais", "fr"),
        ("klingon", ""),
    ],
)
def test_an_unknown_language_names_the_known_ones_and_the_one_that_was_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str, meant: str
) -> None:
    file = tmp_path / "trabecula.toml"
    file.write_text(f'[[destinations]]\nname = "A"\nae_title = "A"\nhost = "h"\nport = 104\nlanguage = "{word}"\n')
    monkeypatch.setenv("TRABECULA_CONFIG", str(file))

    with pytest.raises(ConfigurationInvalid) as caught:
        load_settings()

    assert "destinations.0.language" in caught.value.sentence
    assert "known are en, de, fr, es, zh, ja" in caught.value.sentence
    assert ("did you mean" in caught.value.sentence) == bool(meant)
    assert meant == "" or f"did you mean {meant}?" in caught.value.sentence


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("WORKERS", "0", "workers"),
        ("DESTINATIONS", "nonsense", "destinations"),
        ("DESTINATIONS", "A=X@h:1,A=Y@h:2", "same name"),
        ("DICOM_PORT", "seventy", "dicom_port"),
        ("CONFIG", "/nonexistent.toml", "not a file"),
    ],
)
def test_a_wrong_value_names_its_key_and_the_next_step(
    monkeypatch: pytest.MonkeyPatch, key: str, value: str, named: str
) -> None:
    monkeypatch.setenv(f"TRABECULA_{key}", value)

    with pytest.raises(ConfigurationInvalid) as caught:
        load_settings()

    assert caught.value.code == "CONFIGURATION_INVALID"
    assert named in caught.value.sentence
    assert "trabecula.example.toml" in caught.value.next_step


def test_a_broken_toml_file_is_a_configuration_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "trabecula.toml"
    file.write_text("ae_title = \n")
    monkeypatch.setenv("TRABECULA_CONFIG", str(file))

    with pytest.raises(ConfigurationInvalid):
        load_settings()


def test_an_unknown_key_in_the_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "trabecula.toml"
    file.write_text("ae_titel = 'X'\n")
    monkeypatch.setenv("TRABECULA_CONFIG", str(file))

    with pytest.raises(ConfigurationInvalid, match="ae_titel"):
        load_settings()


def test_an_unknown_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRABECULA_AE_TITEL", "X")

    assert unknown_variables() == ("TRABECULA_AE_TITEL",)


def test_every_setting_stands_in_the_example_file() -> None:
    example = (Path(__file__).parents[2] / "deploy" / "trabecula.example.toml").read_text()

    missing = [name for name in Settings.model_fields if name not in example]

    assert not missing, json.dumps(missing)


@pytest.mark.parametrize("host", ["::1", "2001:db8::104", "fe80::1%eth0", "::ffff:10.0.0.1"])
def test_an_ipv6_address_stands_in_brackets(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("TRABECULA_DESTINATIONS", f"PACS=ARCHIVE@[{host}]:104,OTHER@pacs.example:105")
    monkeypatch.setenv("TRABECULA_ARCHIVE", f"ARCHIVE@[{host}]:104")

    settings = load_settings()

    peer = settings.destinations[0]
    assert (peer.name, peer.ae_title, peer.host, peer.port) == ("PACS", "ARCHIVE", host, 104)
    assert destination_of(peer).address == f"ARCHIVE@[{host}]:104"
    assert destination_of(settings.destinations[1]).address == "OTHER@pacs.example:105"
    assert settings.archive is not None
    assert settings.archive.host == host
    assert PeerSettings(name="T", ae_title="T", host=f"[{host}]", port=104).host == host


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PACS=ARCHIVE@::1:104", "an IPv6 address stands in brackets, PACS=ARCHIVE@[::1]:104"),
        ("PACS=ARCHIVE@[::g]:104", "'::g' in brackets is not an IPv6 address"),
        ("PACS=ARCHIVE@[10.0.0.1]:104", "'10.0.0.1' in brackets is not an IPv6 address"),
        ("PACS=ARCHIVE@[]:104", "in brackets is not an IPv6 address"),
        ("PACS=ARCHIVE@[::1]", "is not NAME=AETITLE@host:port"),
        ("PACS=ARCHIVE@[::1:104", "is not NAME=AETITLE@host:port"),
        ("PACS=ARCHIVE@[::1]:99999", "less than or equal to 65535"),
    ],
)
def test_a_bad_ipv6_address_is_refused_with_what_is_wanted(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    monkeypatch.setenv("TRABECULA_DESTINATIONS", text)

    with pytest.raises(ConfigurationInvalid) as caught:
        load_settings()

    assert said in caught.value.sentence


def test_a_user_without_a_home_has_the_data_where_root_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 4711)
    monkeypatch.setattr("os.getuid", lambda: 471100)
    monkeypatch.delenv("HOME")

    assert load_settings().data_dir == Path("/var/lib/trabecula")

    monkeypatch.setenv("HOME", "/home/x")
    assert load_settings().data_dir == Path("/home/x/.local/share/trabecula")
