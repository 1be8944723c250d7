"""The schema's version: migrating a database to it, and refusing to work on another."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from trabecula.domain.errors import SchemaOutdated
from trabecula.ledger.database import create_engine_for, database_errors

_ADVISORY_LOCK = 7_243_851_902
"""Held while migrating, so that two hosts that start together migrate once."""


def alembic_config() -> Config:
    """Return alembic's configuration: the migrations inside the package."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def migrate(url: str) -> None:
    """Bring the schema (ledger and queue) up to this program's version; nothing happens when it is.

    Raises DatabaseUnavailable.
    """
    engine = create_engine_for(url)
    try:
        with database_errors(), engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
            if schema_version(connection) != head_version():
                config = alembic_config()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
    finally:
        engine.dispose()


def check_schema(url: str) -> None:
    """Raise SchemaOutdated unless the schema is exactly this program's; DatabaseUnavailable without a database."""
    engine = create_engine_for(url)
    try:
        with database_errors(), engine.connect() as connection:
            found = schema_version(connection)
    finally:
        engine.dispose()
    if found != head_version():
        raise SchemaOutdated(f"found version {found or 'none'}, need {head_version()}")


def schema_version(connection: Connection) -> str | None:
    """Return the version the database is at, or None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


def head_version() -> str:
    """Return the version this program needs."""
    head = ScriptDirectory.from_config(alembic_config()).get_current_head()
    assert head is not None, "the package ships without migrations"
    return head


__all__ = ["check_schema", "head_version", "migrate", "schema_version"]
