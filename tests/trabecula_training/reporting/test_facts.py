"""facts.toml: one key for each item that only people know; a slip of the pen is told, an answer is theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.trabecula_training.reporting.test_checklist import NOTHING, lists
from trabecula_training.cli import app
from trabecula_training.data import data_file
from trabecula_training.errors import FactsInvalid
from trabecula_training.reporting.checklist import Status, filled
from trabecula_training.reporting.facts import read_facts


def test_there_is_a_key_for_every_item_that_the_program_cannot_know() -> None:
    unknown = [item.number for item in lists()["TRIPOD+AI"].items if item.status is Status.UNKNOWN]
    keys = [entry["item"] for entry in data_file("facts.toml").values()]

    assert set(keys) <= set(unknown)
    open_ = {entry["no"] for entry in data_file("checklists.toml")["TRIPOD+AI"]["items"] if "fact" not in entry}
    assert sorted(keys) == sorted(open_ - {"12f", "24"})
    assert len(keys) == 20


def test_the_template_is_a_file_without_answers_and_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "facts.toml"

    made = CliRunner().invoke(app, ["template", str(path)])
    again = CliRunner().invoke(app, ["template", str(path)])

    assert made.exit_code == 0, made.output
    text = path.read_text("utf-8")
    assert '# 17: Which committee approved it, and how did patients consent?\nethics = ""' in text
    assert text.count(' = ""') == 20
    assert read_facts(path) == {}
    assert again.exit_code == 2
    assert "TEMPLATE_REFUSED" in again.output


def test_answers_are_printed_as_theirs_and_change_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "facts.toml").write_text('funding = """\nNobody\n  paid."""\nprotocol = " "\n', "utf-8")
    answers = read_facts(tmp_path / "facts.toml")
    before, after = filled({**NOTHING, "always": True}), filled({**NOTHING, "always": True}, answers)

    changed = [
        (new.number, new.status, new.evidence)
        for old_list, new_list in zip(before, after, strict=True)
        for old, new in zip(old_list.items, new_list.items, strict=True)
        if old != new
    ]

    assert answers == {"funding": "Nobody paid."}
    assert changed == [("18a", Status.STATED, "As stated by the authors: Nobody paid.")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'fundin = "x"', "fundin is not known, did you mean funding?"),
        (b'zzz = "x"', "zzz is not known"),
        (b"ethics = true", "ethics is no text"),
        (b"ethics = ", "is no TOML"),
        (b"\xff\xfe", "is no UTF-8 text"),
        (b'ethics = "' + b"a" * 4001 + b'"', "longer than 4000"),
        (b'[ethics]\nby = "x"', "ethics is no text"),
    ],
)
def test_what_is_wrong_is_told_before_any_work(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "facts.toml"
    path.write_bytes(content)

    with pytest.raises(FactsInvalid, match=words.replace("?", r"\?")) as caught:
        read_facts(path)
    files = ["--cohort", str(tmp_path / "none.csv"), "--out", str(tmp_path / "out"), "--facts", str(path)]
    told = CliRunner().invoke(app, ["run", "xue2022", *files])

    assert caught.value.code == "FACTS_INVALID"
    assert told.exit_code == 2
    assert "FACTS_INVALID" in told.output
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FactsInvalid, match="cannot be read"):
        read_facts(tmp_path / "none.toml")
