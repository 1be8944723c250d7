"""The one look into the ledger that all checks share: opened at the first question, and asked plainly."""

from __future__ import annotations

import contextlib
from types import TracebackType
from typing import Any

import psycopg

from trabecula.bootstrap.database import opened_database
from trabecula.cli.edge import foreseen_errors
from trabecula.ledger.connections import connect
from trabecula.settings import Settings

_PATIENCE = "SET statement_timeout = '10s'"
"""A database that takes a connection and then hangs is a finding, and no reason to hang with it."""


class LedgerLook:
    """A context manager; what kept the database from being opened is told to each check that asks, and tried once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._held = contextlib.ExitStack()
        self._connection: psycopg.Connection[Any] | None = None
        self._failure: Exception | None = None

    def __enter__(self) -> LedgerLook:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def connection(self) -> psycopg.Connection[Any]:
        """Return the connection, in autocommit. Raises what opening the database raised."""
        if self._failure is not None:
            raise self._failure
        if self._connection is None:
            try:
                url = self._held.enter_context(opened_database(self._settings))
                found = self._held.enter_context(contextlib.closing(connect(url)))
                found.autocommit = True
                found.execute(_PATIENCE)
            except foreseen_errors() as error:
                self._failure = error
                raise
            self._connection = found
        return self._connection
