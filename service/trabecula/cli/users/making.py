"""``trabecula users create`` and ``reset-password``: passwords go into a file of mode 0600, never onto a screen."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from trabecula.bootstrap.desk.parts import passwords_folder
from trabecula.cli.output import console
from trabecula.cli.users.options import Changing, Name, changing, grants_from, name_of
from trabecula.domain.access.account import AccountSource
from trabecula.domain.access.password_rules import check_password
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors import ConfigurationInvalid
from trabecula.ledger.access.accounts import NewAccount, create_account, set_password
from trabecula.ledger.access.failures import forget_failures
from trabecula.ledger.access.sessions import end_sessions_of
from trabecula.web.access.first_account import write_password
from trabecula.web.access.secrets_kept import hash_password, new_password

PasswordFile = Annotated[
    Path | None,
    typer.Option(help="File whose first line is the password (- for standard input); without one a password is made."),
]


def create(
    name: Name,
    role: Annotated[
        list[str], typer.Option(help="viewer, coordinator or admin; ROLE@SITE at one site. May be repeated.")
    ],
    full_name: Annotated[str, typer.Option(help="Name as pages show it.")] = "",
    password_file: PasswordFile = None,
) -> None:
    """Make an account with a password of its own."""
    with changing() as change:
        account = name_of(name)
        grants = grants_from(role)
        password, file = _password(change, account, password_file)
        new = NewAccount(
            name=account,
            full_name=full_name.strip(),
            source=AccountSource.LOCAL,
            password_hash=hash_password(password),
            must_change_password=file is not None,
            created_by="command line",
        )
        create_account(change.connection, new, grants)
        change.audit(AuditAction.USER_CREATED, account, ", ".join(map(str, sorted(grants))))
    _tell(account, "made", file)


def reset_password(name: Name, password_file: PasswordFile = None) -> None:
    """Set a new password, end the sessions of the account and forget its failed attempts."""
    with changing() as change:
        account = name_of(name)
        password, file = _password(change, account, password_file)
        set_password(change.connection, account, hash_password(password), must_change=file is not None)
        ended = end_sessions_of(change.connection, account)
        forget_failures(change.connection, account)
        change.audit(AuditAction.PASSWORD_CHANGED, account, f"{ended} sessions ended")
    _tell(account, "has a new password", file)


def _password(change: Changing, account: str, file: Path | None) -> tuple[str, Path | None]:
    """Return the password that was given, or a new one and the file it was written to. Raises PasswordTooWeak."""
    if file is None:
        made = new_password()
        return made, write_password(passwords_folder(change.settings), account, made)
    lines = (sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")).splitlines()
    if not lines or not lines[0]:
        raise ConfigurationInvalid(f"--password-file: the first line of {file} is empty")
    check_password(lines[0], account)
    return lines[0], None


def _tell(account: str, what: str, file: Path | None) -> None:
    where = f"; its password lies in {file} and has to be changed at the first sign-in" if file else ""
    console.print(f"{account} {what}{where}", markup=False, highlight=False)
