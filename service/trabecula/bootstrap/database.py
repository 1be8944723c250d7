"""Builders of the database: an external one, or the embedded one started or joined; migrated before it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trabecula.ledger.joining import joined
from trabecula.ledger.schema import migrate
from trabecula.settings import Settings


@dataclass(frozen=True)
class KeptDatabase:
    """A database in use; ``mend`` starts an embedded one again where it was killed and says whether it had to."""

    url: str
    mend: Callable[[], bool]


@contextmanager
def kept_database(settings: Settings) -> Iterator[KeptDatabase]:
    """Give the migrated database; an embedded one is started or joined, and left at the end.

    Raises DatabaseUnavailable, EmbeddedDatabaseDead, DataFolderUnusable.
    """
    if settings.database_url:
        migrate(settings.database_url)
        yield KeptDatabase(settings.database_url, lambda: False)
        return
    from trabecula.ledger.embedded import EmbeddedPostgres

    embedded = EmbeddedPostgres(settings.data_dir)
    url = embedded.start()
    try:
        migrate(url)
        yield KeptDatabase(url, embedded.mend)
    finally:
        embedded.stop()


@contextmanager
def opened_database(settings: Settings) -> Iterator[str]:
    """Give the URL of the migrated database, as ``kept_database`` does; a server that runs is joined at once."""
    if settings.database_url:
        migrate(settings.database_url)
        yield settings.database_url
        return
    with joined(settings.data_dir) as url:
        if url is not None:
            migrate(url)
            yield url
            return
    with kept_database(settings) as database:
        yield database.url
