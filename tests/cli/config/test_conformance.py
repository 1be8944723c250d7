from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trabecula.cli.config.conformance import statement
from trabecula.cli.main import app
from trabecula.intake.upper_layer.negotiation import TRANSFER_SYNTAXES, is_storage_class
from trabecula.settings import load_settings

CONFIG = """
ae_title = "SPINE"
dicom_host = "0.0.0.0"
dicom_port = 104
calling_ae_titles = ["ROUTER"]
reader_ae_titles = ["READER"]
archive = "ARCHIVE@pacs:104"

[[destinations]]
name = "PACS"
ae_title = "ARCHIVE"
host = "pacs"
port = 104
objects = ["SR", "SC"]
tls = true

[[destinations]]
name = "VNA"
ae_title = "VNA"
host = "vna"
port = 11112
commitment = false
"""


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    config = tmp_path / "site.toml"
    config.write_text(CONFIG)
    monkeypatch.setenv("TRABECULA_CONFIG", str(config))
    return statement(load_settings())


def test_the_statement_is_that_of_the_configuration(told: str) -> None:
    for said in (
        "| AE title | SPINE |",
        "| address | 0.0.0.0:104 |",
        "| calling AE titles | ROUTER |",
        "used as outlines of a reader from READER",
        "| PACS (ARCHIVE@pacs:104) | Storage Commitment Push Model SOP Class `1.2.840.10008.1.20.1` |",
        "| ARCHIVE (ARCHIVE@pacs:104) | Study Root",
        "Sent: TLS to PACS, plain DICOM to others",
    ):
        assert said in told, said
    sent = [line for line in told.splitlines() if line.startswith("| PACS ")]
    assert not any("66.4`" in line for line in sent)  # this destination gets no segmentation
    assert not any("1.20.1`" in line for line in told.splitlines() if line.startswith("| VNA "))


def test_every_class_and_syntax_it_names_is_accepted(told: str) -> None:
    accepted = told.split("## Accepted")[1].split("## Requested", maxsplit=1)[0]
    named = set(re.findall(r"^- .*`([\d.]+)`$", accepted, re.MULTILINE))
    classes = re.findall(r"^\| .*`([\d.]+)` \| (?:kept|used)", accepted, re.MULTILINE)

    assert named == TRANSFER_SYNTAXES
    assert not re.search(r"[-|] [\d.]+ `", told)  # each has a name
    assert len(classes) == 8
    assert all(is_storage_class(uid) for uid in classes)


def test_a_box_that_nobody_configured_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRABECULA_CONFIG", raising=False)
    out = tmp_path / "statement.md"

    answer = CliRunner().invoke(app, ["config", "conformance", "--out", str(out)])

    assert answer.exit_code == 0
    assert "None: no destination and no archive are configured." in out.read_text()
    assert "any, from this machine only" in out.read_text()


def test_where_audit_messages_go_is_told(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    assert "- Audit messages: none are sent." in told

    monkeypatch.setenv("TRABECULA_AUDIT_SYSLOG", "audit.example:6514")
    said = CliRunner().invoke(app, ["config", "conformance"]).stdout

    assert "syslog TLS (A.6; RFC 5424, RFC 5425, MSGID DICOM+RFC3881) to audit.example:6514" in said
