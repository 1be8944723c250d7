from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from trabecula.cli.explain import codes_as_markdown
from trabecula.cli.main import app

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "codes.md"


def test_the_document_has_every_code_as_the_program_says_it() -> None:
    assert DOCUMENT.read_text(encoding="utf-8").rstrip("\n") == codes_as_markdown(), "trabecula explain --markdown"


def test_a_code_is_explained_in_any_case() -> None:
    for code, word in (("port_taken", "dicom_port"), ("SLICE_THICKNESS", "thinner slices")):
        answer = CliRunner().invoke(app, ["explain", code])
        assert answer.exit_code == 0
        assert word in answer.stdout
        assert len(answer.stdout.splitlines()) == 2


def test_a_code_that_nothing_has_is_told() -> None:
    answer = CliRunner().invoke(app, ["explain", "NOPE"])

    assert answer.exit_code == 2
    assert answer.stderr.startswith("CODE_UNKNOWN: ")
