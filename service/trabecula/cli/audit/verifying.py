"""``trabecula audit verify`` and ``head``: whether the log is what it was, and what to keep elsewhere for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trabecula.bootstrap.keeping.audit import head_files_of
from trabecula.cli.connection import opened_connection
from trabecula.cli.output import EXIT_FAILURE, console, print_error, print_json, print_table
from trabecula.cli.study_options import AsJson
from trabecula.domain.audit.chain import Head
from trabecula.domain.errors_of.ledger import AuditHeadInvalid
from trabecula.jobs.auditing import seal_and_export
from trabecula.ledger.audit.heads import read_heads
from trabecula.ledger.audit.sealing import head_of, seal_waiting
from trabecula.ledger.audit.verifying import Verified, verify
from trabecula.settings import load_settings


def verify_(
    head_file: Annotated[
        list[Path] | None,
        typer.Option(
            "--head", help="Exported heads to compare with, e.g. a copy from another host; else those of the settings."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell whether entries were altered, taken away, put in another order, or cut off; exit code 1 if so.

    What waits for its seal is sealed first.
    """
    with opened_connection() as connection:
        connection.autocommit = True
        own = head_files_of(load_settings())
        heads = _heads(head_file) if head_file else _heads([path for path in own if path.exists()])
        before = head_of(connection)
        if seal_waiting(connection) and not heads and not before.number:
            heads = [head_of(connection)]  # the first seals of all: no head can have been exported
        found = verify(connection, heads)
        unwritten = () if found.faults else seal_and_export(connection, own).unwritten
    if as_json:
        print_json(_document(found))
    else:
        _tell(found)
    for error in unwritten:
        print_error(error)
    if found.faults or unwritten:
        raise typer.Exit(EXIT_FAILURE)


def head(as_json: AsJson = False) -> None:
    """Seal what waits, add the head to its files, and print it: keep it where nobody who can change the ledger can."""
    with opened_connection() as connection:
        connection.autocommit = True
        sealed = seal_and_export(connection, head_files_of(load_settings()))
    newest = sealed.head
    if as_json:
        print_json({"number": newest.number, "seal": newest.seal, "at": newest.at})
    elif newest.number:
        console.print(f"{newest.number} {newest.seal} {newest.at}", highlight=False)
    else:
        console.print("the log is empty")
    for error in sealed.unwritten:
        print_error(error)
    if sealed.unwritten:
        raise typer.Exit(EXIT_FAILURE)


def _heads(paths: list[Path]) -> list[Head]:
    try:
        return [found for path in paths for found in read_heads(path)]
    except (OSError, UnicodeDecodeError) as error:
        raise AuditHeadInvalid(str(error)) from error


def _document(found: Verified) -> dict[str, object]:
    return {
        "ok": not found.faults,
        "entries": found.entries,
        "head": {"number": found.head.number, "seal": found.head.seal, "at": found.head.at},
        "unsealed": found.unsealed,
        "heads_compared": found.heads,
        "faults": [{"kind": str(item.kind), "number": item.number, "words": item.words} for item in found.faults],
    }


def _tell(found: Verified) -> None:
    if found.faults:
        print_table("The log is not what it was", ("what", "seal", "why"),
                    [(item.kind, item.number or "", item.words) for item in found.faults])  # fmt: skip
    else:
        console.print(f"the log is whole: {found.entries} sealed entries agree with their seals", highlight=False)
    console.print(
        f"head {found.head.number} {found.head.seal}; {found.unsealed} unsealed; {found.heads} exported heads compared",
        highlight=False,
    )
