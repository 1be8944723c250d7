"""A plain connection as commands open it that only look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from trabecula.bootstrap.database import opened_database
from trabecula.cli.output import errors_as_exit_code
from trabecula.ledger.connections import connect
from trabecula.settings import load_settings


@contextmanager
def opened_connection() -> Iterator[psycopg.Connection[Any]]:
    """Give a connection to the migrated ledger; a TrabeculaError becomes its message and exit code 2."""
    with errors_as_exit_code(), opened_database(load_settings()) as url, connect(url) as connection:
        yield connection
