"""The ledger as commands open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine

from trabecula.bootstrap.database import opened_database
from trabecula.bootstrap.ledger import opened_engine
from trabecula.cli.output import errors_as_exit_code, print_hint
from trabecula.settings import Settings, load_settings
from trabecula.settings.origins import ledger_in_words


@contextmanager
def opened_ledger() -> Iterator[tuple[Settings, Engine]]:
    """Give settings and an engine on the migrated ledger; a TrabeculaError becomes its message and exit code 2."""
    with errors_as_exit_code():
        settings = load_settings()
        print_hint(f"ledger {ledger_in_words(settings)}")
        with opened_database(settings) as url, opened_engine(url) as engine:
            yield settings, engine
