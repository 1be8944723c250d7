"""Tables in a file, on a terminal, and in the width somebody asked for; no sentence is broken where nobody sees it."""

from __future__ import annotations

import io
import os

import pytest
from rich.console import Console

from tests import parallel
from trabecula.cli import output, tables
from trabecula.cli.tables import print_cells, print_table_to
from trabecula_training.commands import output as training_output
from trabecula_training.problems import Problem

SENTENCE = "too few of a class (21 positive, 4 negative) " * 9


def shown(console: Console) -> str:
    print_table_to(console, training_output.plain_table("What is wrong", ("found",), [(SENTENCE.strip(),)]))
    file = console.file
    assert isinstance(file, io.StringIO)
    return file.getvalue()


def longest_line(text: str) -> int:
    return max(len(line) for line in text.splitlines())


@pytest.fixture(autouse=True)
def _nobody_asked_for_a_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)


def test_a_file_gets_every_cell_in_one_line() -> None:
    assert SENTENCE.strip() in shown(Console(file=io.StringIO(), width=80))


def test_a_terminal_gets_what_fits_it() -> None:
    text = shown(Console(file=io.StringIO(), width=60, force_terminal=True, color_system=None))

    assert longest_line(text) <= 60 < len(SENTENCE)


def test_a_width_somebody_asked_for_is_kept_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "72")

    assert longest_line(shown(Console(file=io.StringIO()))) <= 72


def test_the_tables_of_both_programs_are_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table("Entries", ("why",), [(SENTENCE.strip(),)])
    training_output.print_problems([Problem(line=1, column="sex", found=SENTENCE.strip(), remedy="Name a sex.")])

    told = capsys.readouterr()
    assert SENTENCE.strip() in told.out
    assert SENTENCE.strip() in told.err


def test_a_parallel_process_has_the_width_of_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw1")

    parallel.like_one_alone()

    assert "COLUMNS" not in os.environ


@pytest.mark.parametrize(
    ("title", "columns", "cells"),
    [
        ("", ("study uid", "state"), [("1.2.3", "DONE"), ("1.2.3.4.5", "")]),
        ("Wide letters", ("name",), [("日本 [bold]",), ("a",)]),
        ("A title longer than its table", ("a", "b"), []),
        ("", ("why", "n"), [("two\nlines", "1")]),
    ],
)
def test_a_table_that_fits_looks_as_the_library_lays_it_out(
    title: str, columns: tuple[str, ...], cells: list[tuple[str, ...]]
) -> None:
    ours, theirs = io.StringIO(), io.StringIO()
    print_cells(Console(file=ours, soft_wrap=True), title, columns, cells)
    print_table_to(Console(file=theirs, soft_wrap=True), tables._folding(title, columns, cells))

    assert ours.getvalue() == theirs.getvalue()


def test_a_table_that_does_not_fit_a_terminal_is_folded() -> None:
    narrow = Console(file=io.StringIO(), width=30, force_terminal=True, color_system=None)
    print_cells(narrow, "", ("why",), [(SENTENCE,)])

    assert isinstance(narrow.file, io.StringIO)
    assert longest_line(narrow.file.getvalue()) <= 30
