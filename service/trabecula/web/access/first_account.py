"""The first account: where nobody may sign in yet, an administrator with a password in a file that only we can read."""

from __future__ import annotations

import os
from pathlib import Path

from sqlalchemy import Connection, text

from trabecula.domain.access.account import AccountSource
from trabecula.domain.access.actor import Grant
from trabecula.domain.access.roles import Role
from trabecula.ledger.access.accounts import NewAccount, create_account, has_accounts
from trabecula.web.access.secrets_kept import hash_password, new_password

FIRST = "admin"
_LOCK = 7_203_412


def make_first_account(connection: Connection, folder: Path) -> Path | None:
    """Make ``admin`` where there is no account, and return the file with its password; None where there are some.

    The password is written before the row is committed: a crash leaves a file too many, never an account that nobody
    can open. It has to be changed at the first sign-in. Raises OSError.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    if has_accounts(connection):
        return None
    password = new_password()
    file = write_password(folder, FIRST, password)
    account = NewAccount(
        name=FIRST,
        full_name="Administrator",
        source=AccountSource.LOCAL,
        password_hash=hash_password(password),
        must_change_password=True,
        created_by="first start",
    )
    create_account(connection, account, [Grant(Role.ADMIN)])
    return file


def write_password(folder: Path, name: str, password: str) -> Path:
    """Write a password into ``folder/password-of-NAME``, readable by us alone; return the file. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"password-of-{name}"
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(f"{password}\n")
        stream.flush()
        os.fsync(stream.fileno())
    return file
