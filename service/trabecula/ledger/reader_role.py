"""A PostgreSQL role that reads the published views and nothing else, for SQL clients and reporting tools."""

from __future__ import annotations

import re
from typing import Any

import psycopg
from psycopg import sql

from trabecula.domain.errors_of.ledger import ReaderRefused

READABLE = (
    "screening_log", "screening_levels", "screening_scores", "series_uses", "possible_fractures", "deliveries",
    "reference_results", "quarantine", "instances", "listeners", "refused_instances", "removals", "removed_images",
    "retention_holds", "deleted_studies",
)  # fmt: skip
"""The views and tables that docs/ledger.md publishes and its examples use."""

_MARK = "reader of Trabecula's views"
"""The comment on a role made here; a role without it is not ours to change."""
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_CONNECTIONS = 8
"""At most so many connections of one reader; PostgreSQL's default for all is 100, and the service needs its own."""


def make_reader(
    connection: psycopg.Connection[Any], name: str, *, password: str = "", statement_seconds: int = 30
) -> None:
    """Create a role that may only read, or set an existing reader's password and limits anew.

    A statement of it ends after ``statement_seconds``, so that a long query holds back neither vacuum nor the queue;
    transactions are read-only. The server is sent a SCRAM verifier, never the password. Without one the role logs in
    only where the server trusts the connection (the embedded database does). Raises ReaderRefused.
    """
    if not _NAME.fullmatch(name):
        raise ReaderRefused(f"{name!r} is no name for a role: small letters, digits and _, not a digit first")
    role = sql.Identifier(name)
    try:
        with connection.transaction():
            if not _is_reader(connection, name):
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
                connection.execute(sql.SQL("COMMENT ON ROLE {} IS {}").format(role, sql.Literal(_MARK)))
            if password:
                verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256")
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(verifier.decode())))
            connection.execute(sql.SQL("ALTER ROLE {} CONNECTION LIMIT {}").format(role, sql.Literal(_CONNECTIONS)))
            for parameter, value in (
                ("default_transaction_read_only", "on"),
                ("statement_timeout", f"{statement_seconds}s"),
                ("idle_in_transaction_session_timeout", f"{statement_seconds}s"),
                ("search_path", "public"),
            ):
                connection.execute(
                    sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(parameter), sql.Literal(value))
                )
            database = sql.Identifier(connection.info.dbname)
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, role))
            connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
            _grant(connection, name)
    except psycopg.errors.InsufficientPrivilege as error:
        raise ReaderRefused(str(error).splitlines()[0]) from error


def drop_reader(connection: psycopg.Connection[Any], name: str) -> None:
    """Take a reader's rights and the role away. Raises ReaderRefused for a role that was not made here."""
    role = sql.Identifier(name)
    with connection.transaction():
        if not _is_reader(connection, name):
            raise ReaderRefused(f"there is no reader {name}")
        connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
        connection.execute(sql.SQL("DROP ROLE {}").format(role))


def readers(connection: psycopg.Connection[Any]) -> tuple[str, ...]:
    """Return the names of the readers that were made here."""
    rows = connection.execute(
        "SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = %s ORDER BY rolname", (_MARK,)
    )
    return tuple(str(name) for (name,) in rows)


def grant_again(connection: psycopg.Connection[Any]) -> None:
    """Let every reader read the views that a migration has made anew (a dropped view takes its grants along)."""
    for name in readers(connection):
        _grant(connection, name)


def _grant(connection: psycopg.Connection[Any], name: str) -> None:
    tables = sql.SQL(", ").join(sql.Identifier("public", table) for table in READABLE)
    connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(tables, sql.Identifier(name)))


def _is_reader(connection: psycopg.Connection[Any], name: str) -> bool:
    """Whether the role is there and ours. Raises ReaderRefused where it is somebody else's."""
    row = connection.execute(
        "SELECT shobj_description(oid, 'pg_authid') FROM pg_roles WHERE rolname = %s", (name,)
    ).fetchone()
    if row is not None and row[0] != _MARK:
        raise ReaderRefused(f"the role {name} was not made here, so its rights are left alone; take another name")
    return row is not None
