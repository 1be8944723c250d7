"""A plain connection as commands open it that only look."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from trabecula.bootstrap.database import opened_database
from trabecula.cli.output import errors_as_exit_code, print_hint
from trabecula.ledger.connections import connect
from trabecula.settings import load_settings
from trabecula.settings.origins import ledger_in_words


@contextmanager
def opened_connection() -> Iterator[psycopg.Connection[Any]]:
    """Give a connection to the migrated ledger; a TrabeculaError becomes its message and exit code 2."""
    with errors_as_exit_code():
        settings = load_settings()
        print_hint(f"ledger {ledger_in_words(settings)}")
        with opened_database(settings) as url, connect(url) as connection:
            yield connection
