"""``trabecula database add-reader`` and ``remove-reader``: a role for SQL clients that can change nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trabecula.cli.connection import opened_connection
from trabecula.cli.output import console
from trabecula.cli.study_options import operator
from trabecula.domain.audit.acting import entry_of
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.ledger.audit.writing import write_entry
from trabecula.ledger.reader_role import READABLE, drop_reader, make_reader

Name = Annotated[str, typer.Argument(help="Name of the PostgreSQL role, e.g. bi_reader.")]


def add_reader(
    name: Name,
    password_file: Annotated[
        Path | None, typer.Option(help="File whose first line is the password; none for the embedded database.")
    ] = None,
    statement_seconds: Annotated[int, typer.Option(min=1, help="A statement is ended after this long.")] = 30,
) -> None:
    """Make a role that reads the published views and nothing else, or set its limits anew."""
    with opened_connection() as connection:
        password = _password(password_file) if password_file else ""
        make_reader(connection, name, password=password, statement_seconds=statement_seconds)
        write_entry(connection, entry_of(AuditAction.READER_ROLE_ADDED, operator(), subject=name))
    console.print(f"{name} may read {', '.join(READABLE)}; statements end after {statement_seconds} s", highlight=False)


def remove_reader(name: Name) -> None:
    """Take a reading role away."""
    with opened_connection() as connection:
        drop_reader(connection, name)
        write_entry(connection, entry_of(AuditAction.READER_ROLE_REMOVED, operator(), subject=name))
    console.print(f"{name} is gone", highlight=False)


def _password(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0]:
        raise ConfigurationInvalid(f"--password-file: the first line of {path} is empty")
    return lines[0]
