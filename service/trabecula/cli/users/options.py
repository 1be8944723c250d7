"""Arguments of commands on accounts, and the transaction with its entry in the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated

import typer
from sqlalchemy import Connection

from trabecula.cli.opened import opened_ledger
from trabecula.cli.study_options import operator
from trabecula.domain.access.account import account_name
from trabecula.domain.access.actor import Grant, grants_of
from trabecula.domain.access.roles import Role
from trabecula.domain.audit.entry import ActorKind, AuditAction, AuditEntry
from trabecula.domain.errors_of.access import ScopeUnknown
from trabecula.ledger.audit.appending import append
from trabecula.ledger.database import database_errors
from trabecula.settings import Settings

Name = Annotated[str, typer.Argument(help="Name of the account.")]
RoleWord = Annotated[
    str, typer.Argument(help="viewer, coordinator or admin; ROLE@SITE at the site of one calling AE title.")
]


@dataclass(frozen=True)
class Changing:
    """A transaction of the ledger in which accounts are changed."""

    settings: Settings
    connection: Connection

    def audit(self, action: AuditAction, subject: str, detail: str = "") -> None:
        """Append to the audit log what was done."""
        append(
            self.connection,
            AuditEntry(action=action, who=operator(), who_kind=ActorKind.COMMAND_LINE, subject=subject, detail=detail),
        )


@contextmanager
def changing() -> Iterator[Changing]:
    """Give a transaction that is committed at the end; an error becomes its message and exit code 2."""
    with opened_ledger() as (settings, engine), database_errors(), engine.begin() as connection:
        yield Changing(settings, connection)


def name_of(text: str) -> str:
    """Return the name of an account in its one form. Raises AccountNameInvalid."""
    return account_name(text)


def grants_from(words: list[str]) -> frozenset[Grant]:
    """Return grants as they were typed. Raises ScopeUnknown."""
    try:
        return grants_of(words)
    except ValueError as error:
        raise ScopeUnknown(f"{', '.join(words)}; there are {', '.join(Role)}") from error
