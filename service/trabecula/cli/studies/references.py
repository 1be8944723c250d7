"""``trabecula studies import-references``: DXA and QCT results of a site into the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from trabecula.cli.opened import opened_ledger
from trabecula.cli.output import console, error_console, print_json, print_table
from trabecula.cli.study_options import AsJson, operator
from trabecula.domain.errors import InputUnreadable, ReferencesInvalid
from trabecula.ledger.references.imports import Import, Unknown, import_references
from trabecula.ledger.references.reference_csv import COLUMNS, LineProblem, read_references

SHOWN_PROBLEMS = 200


def import_references_command(
    file: Annotated[Path, typer.Argument(help=f"CSV with a heading; columns: {', '.join(COLUMNS)}.")],
    unknown: Annotated[
        Unknown, typer.Option("--unknown-patients", help="Measurements of patients without a study here.")
    ] = Unknown.REFUSE,
    replace: Annotated[
        bool, typer.Option("--replace", help="Overwrite measurements that are here with other values.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import reference measurements (DXA, QCT); every line is checked first, and all are written or none."""
    with opened_ledger() as (_, engine):
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputUnreadable(f"{file.name} ({error.strerror})") from error
        reading = read_references(content, datetime.now().astimezone().date())
        checked = import_references(
            engine, reading.references, operator(), unknown, replace, dry_run or bool(reading.problems)
        )
        problems = tuple(sorted((*reading.problems, *checked.problems), key=lambda problem: problem.line))
        if as_json:
            print_json(_document(checked, problems, dry_run))
        if problems:
            if not as_json:
                _print_problems(problems)
            raise ReferencesInvalid(f"{len(problems)} problem{'s' if len(problems) != 1 else ''}")
    if not as_json:
        _tell(checked, dry_run)


def _document(done: Import, problems: Sequence[LineProblem], dry_run: bool) -> dict[str, object]:
    counts = {name: value for name, value in asdict(done).items() if name != "problems"}
    written = not problems and not dry_run
    return {"written": written, **counts, "problems": [asdict(problem) for problem in problems]}


def _print_problems(problems: Sequence[LineProblem]) -> None:
    rows = [(item.line or "all", item.column, item.found, item.next_step) for item in problems[:SHOWN_PROBLEMS]]
    print_table("What is wrong with the file", ("line", "column", "found", "what to do"), rows)
    if len(problems) > SHOWN_PROBLEMS:
        error_console.print(f"... and {len(problems) - SHOWN_PROBLEMS} more; --json gives all", highlight=False)


def _tell(done: Import, dry_run: bool) -> None:
    told = [f"{done.added} added", f"{done.replaced} replaced", f"{done.present} already there"]
    if done.skipped:
        told.append(f"{done.skipped} of unknown patients left out")
    verb = "would be" if dry_run else "are"
    console.print(f"{', '.join(told)}; {done.patients} patients {verb} covered", highlight=False)
