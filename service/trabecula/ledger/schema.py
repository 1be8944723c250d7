"""The schema's version: migrating a database to it, and refusing to work on another.

Every command and process looks here first, so alembic is loaded only where the version is not this program's.
"""

from __future__ import annotations

import re
from pathlib import Path

import psycopg

from trabecula.domain.errors import DatabaseUnavailable, SchemaOutdated
from trabecula.ledger.connections import connect, first_line

_MIGRATIONS = Path(__file__).parent / "migrations" / "versions"
_LINK = re.compile(r'^(revision|down_revision) = "(\w+)"', re.MULTILINE)


def migrate(url: str) -> None:
    """Bring the schema (ledger and queue) up to this program's version; nothing happens when it is.

    Raises DatabaseUnavailable.
    """
    if schema_version(url) != head_version():
        from trabecula.ledger.migrating import upgrade

        upgrade(url)


def check_schema(url: str) -> None:
    """Raise SchemaOutdated unless the schema is exactly this program's; DatabaseUnavailable without a database."""
    found = schema_version(url)
    if found != head_version():
        raise SchemaOutdated(f"found version {found or 'none'}, need {head_version()}")


def schema_version(url: str) -> str | None:
    """Return the version the database is at, or None for an empty one. Raises DatabaseUnavailable."""
    with connect(url) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
        except psycopg.OperationalError as error:
            raise DatabaseUnavailable(first_line(error)) from error
    return None if row is None else str(row[0])


def known_versions() -> frozenset[str]:
    """Return every version of the schema that this program can bring up to its own."""
    found = (_LINK.findall(path.read_text()) for path in _MIGRATIONS.glob("r*.py"))
    return frozenset(version for links in found for kind, version in links if kind == "revision")


def head_version() -> str:
    """Return the version this program needs: the one migration that no other follows."""
    revisions: set[str] = set()
    followed: set[str] = set()
    for path in _MIGRATIONS.glob("r*.py"):
        for kind, version in _LINK.findall(path.read_text()):
            (revisions if kind == "revision" else followed).add(version)
    (head,) = revisions - followed
    return head
