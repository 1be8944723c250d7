"""The check ``audit`` of ``trabecula doctor``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Engine

from tests.databases import embedded_database_url
from tests.ledger.audit.writing import entry, write
from trabecula.cli.audit.checking import audit
from trabecula.domain.errors_of.ledger import AuditNotSealed, AuditNotSent
from trabecula.ledger.audit.sealing import seal_waiting
from trabecula.ledger.audit.wires import due_after, mark_not_sent
from trabecula.ledger.database import create_engine_for
from trabecula.settings import Settings, load_settings

__all__ = ["embedded_database_url"]
WIRE = "syslog at 127.0.0.1:6514"


@pytest.fixture
def engine(embedded_database_url: str) -> Iterator[Engine]:
    made = create_engine_for(embedded_database_url)
    yield made
    made.dispose()


@pytest.fixture
def settings(embedded_database_url: str, tmp_path: Path) -> Settings:
    return load_settings(database_url=embedded_database_url, data_dir=tmp_path, audit_syslog="127.0.0.1:6514")


def test_entries_that_nobody_seals_and_a_server_that_is_behind_are_told(engine: Engine, settings: Settings) -> None:
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        assert audit(settings, connection) == f"0 entries sealed; {WIRE}: 0 to send"
        write(engine, entry())
        assert audit(settings, connection) == f"0 entries sealed; {WIRE}: 0 to send"

        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE audit_entries SET at = now() - interval '11 minutes'")
        with pytest.raises(AuditNotSealed, match="the oldest for 11 min"):
            audit(settings, connection)

        seal_waiting(connection)
        due_after(connection, WIRE)
        mark_not_sent(connection, WIRE, "it is away")
        assert audit(settings, connection) == f"1 entries sealed; {WIRE}: 1 to send"
        connection.execute("UPDATE audit_seals SET sealed_at = now() - interval '2 hours'")
        with pytest.raises(AuditNotSent, match="1 wait, for 2 h; it is away"):
            audit(settings, connection)
