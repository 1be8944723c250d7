"""Builders of the database: an external one, or the embedded one started or joined; migrated before it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from trabecula.domain.errors_of.ledger import LedgerMissing
from trabecula.ledger.joining import holds_database, joined
from trabecula.ledger.schema import migrate, schema_version
from trabecula.settings import Settings
from trabecula.settings.origins import without_password
from trabecula.settings_file import settings_source


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
def opened_database(settings: Settings, *, new: bool = False) -> Iterator[str]:
    """Give the URL of the migrated database; a server that runs is joined at once.

    Where there is no ledger none is made, unless ``new`` ones may be: who forgot to name the settings is told so
    instead of looking into an empty one. Raises LedgerMissing, and what ``kept_database`` raises.
    """
    if settings.database_url:
        if not new and schema_version(settings.database_url) is None:
            raise LedgerMissing(f"the database {without_password(settings.database_url)} is empty; {settings_source()}")
        migrate(settings.database_url)
        yield settings.database_url
        return
    with joined(settings.data_dir) as url:
        if url is not None:
            migrate(url)
            yield url
            return
    if not new and not holds_database(settings.data_dir):
        raise LedgerMissing(f"the data folder {settings.data_dir} holds no database; {settings_source()}")
    with kept_database(settings) as database:
        yield database.url


@contextmanager
def embedded_or_given(settings: Settings) -> Iterator[str]:
    """Give the URL of the database as it is, not migrated and maybe empty: for who fills it from a backup."""
    if settings.database_url:
        yield settings.database_url
        return
    from trabecula.ledger.embedded import EmbeddedPostgres

    embedded = EmbeddedPostgres(settings.data_dir)
    try:
        yield embedded.start()
    finally:
        embedded.stop()
