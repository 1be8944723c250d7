"""Connections to PostgreSQL: the engine, and the translation of its failures into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from trabecula.domain.errors import ConfigurationInvalid, DatabaseUnavailable
from trabecula.ledger.connections import CONNECT_TIMEOUT_SECONDS


def create_engine_for(url: str, *, pool_size: int = 5) -> Engine:
    """Return an engine for a PostgreSQL URL (``postgresql://...``), through psycopg 3; nothing is connected yet.

    Raises ConfigurationInvalid for a URL of another kind.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationInvalid("TRABECULA_DATABASE_URL is not a URL") from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigurationInvalid(f"TRABECULA_DATABASE_URL must name PostgreSQL, not {parsed.get_backend_name()}")
    return create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_size=pool_size,
        max_overflow=4 * pool_size,
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS},
    )


def driver_connection(connection: Connection) -> psycopg.Connection[Any]:
    """Return the connection of psycopg below one of SQLAlchemy, in the same transaction."""
    found = connection.connection.driver_connection
    assert isinstance(found, psycopg.Connection), "engines of ours speak through psycopg 3"
    return found


@contextmanager
def database_errors() -> Iterator[None]:
    """Turn a lost or refused connection into DatabaseUnavailable; the URL and its password stay out of the text."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        cause = error.orig if error.orig is not None else error
        raise DatabaseUnavailable(str(cause).strip().splitlines()[0] if str(cause).strip() else "") from error
    except PoolExhausted as error:
        raise DatabaseUnavailable("every connection of this process is busy") from error
