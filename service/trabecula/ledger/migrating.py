"""Migrating a database to this program's schema, with alembic; loaded only where there is something to migrate."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from trabecula.ledger.connections import connect
from trabecula.ledger.database import create_engine_for, database_errors, driver_connection
from trabecula.ledger.desk.backfill import backfill_batch
from trabecula.ledger.reader_role import grant_again
from trabecula.ledger.schema import head_version

_ADVISORY_LOCK = 7_243_851_902
"""Held while migrating, so that two hosts that start together migrate once."""
_BATCHES_AT_ONCE = 10
"""So many batches of studies are made ready for the desk before anything starts; the rest follows beside the work."""


def alembic_config() -> Config:
    """Return alembic's configuration: the migrations inside the package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def upgrade(url: str) -> None:
    """Bring the schema to the head; nothing happens when another host was faster. Raises DatabaseUnavailable."""
    engine = create_engine_for(url)
    try:
        with database_errors(), engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            if MigrationContext.configure(connection).get_current_revision() != head_version():
                config = alembic_config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                grant_again(driver_connection(connection))
    finally:
        engine.dispose()
    with connect(url) as plain:
        for _ in range(_BATCHES_AT_ONCE):
            if not backfill_batch(plain):
                break
