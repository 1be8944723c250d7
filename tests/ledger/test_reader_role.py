from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from trabecula.domain.errors_of.ledger import ReaderRefused
from trabecula.ledger.reader_role import READABLE, drop_reader, grant_again, make_reader, readers

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "ledger.md"
NAME = "test_reader"


@pytest.fixture
def reader_url(embedded_database_url: str) -> Iterator[str]:
    with psycopg.connect(embedded_database_url) as connection:
        make_reader(connection, NAME, password="it's 4711", statement_seconds=1)
    yield as_role(embedded_database_url)
    with psycopg.connect(embedded_database_url) as connection:
        drop_reader(connection, NAME)
        assert NAME not in readers(connection)


def as_role(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{NAME}@{parts.netloc.rpartition('@')[2]}"))


def test_a_reader_runs_every_documented_query_and_reads_nothing_else(reader_url: str) -> None:
    queries = [query for query in DOCUMENT.read_text().split("```sql")[1].split("```")[0].split(";") if query.strip()]

    with psycopg.connect(reader_url, autocommit=True) as connection:
        for query in queries:
            assert connection.execute(query).description  # type: ignore[arg-type]
        for name in READABLE:
            assert connection.execute(f"SELECT * FROM {name} LIMIT 1").description  # type: ignore[call-overload]
        for statement in ("SELECT patient_name FROM studies", "SELECT args FROM procrastinate_jobs"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM quarantine")
        connection.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM quarantine")


def test_a_long_statement_of_a_reader_is_ended(reader_url: str) -> None:
    with psycopg.connect(reader_url) as connection, pytest.raises(psycopg.errors.QueryCanceled):
        connection.execute("SELECT pg_sleep(20)")


def test_a_view_made_anew_is_granted_again(reader_url: str, embedded_database_url: str) -> None:
    with psycopg.connect(embedded_database_url) as connection:
        connection.execute(f"REVOKE ALL ON screening_log FROM {NAME}")
        grant_again(connection)

    with psycopg.connect(reader_url) as connection:
        assert connection.execute("SELECT count(*) FROM screening_log").fetchone() == (0,)


def test_the_password_is_kept_as_a_verifier_and_can_be_set_anew(reader_url: str, embedded_database_url: str) -> None:
    query = "SELECT rolpassword FROM pg_authid WHERE rolname = %s"
    with psycopg.connect(embedded_database_url) as connection:
        first = connection.execute(query, (NAME,)).fetchone()
        make_reader(connection, NAME, password="another")
        second = connection.execute(query, (NAME,)).fetchone()

    assert first is not None
    assert second is not None
    assert first[0].startswith("SCRAM-SHA-256$")
    assert first != second


@pytest.mark.parametrize("name", ["Reader", "1st", "", 'x"; DROP ROLE postgres; --'])
def test_a_name_that_is_none_is_refused(embedded_database_url: str, name: str) -> None:
    with psycopg.connect(embedded_database_url) as connection, pytest.raises(ReaderRefused, match="no name"):
        make_reader(connection, name)


def test_a_role_of_somebody_else_is_left_alone(embedded_database_url: str) -> None:
    with psycopg.connect(embedded_database_url) as connection:
        for act in (make_reader, drop_reader):
            with pytest.raises(ReaderRefused, match="postgres was not made here"):
                act(connection, "postgres")
        with pytest.raises(ReaderRefused, match="no reader nobody"):
            drop_reader(connection, "nobody")
