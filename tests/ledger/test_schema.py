from __future__ import annotations

import threading

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from trabecula.domain.errors import ConfigurationInvalid, DatabaseUnavailable, SchemaOutdated
from trabecula.domain.study.study import TRANSITIONS, StudyState
from trabecula.ledger import queue_tables, reception_tables
from trabecula.ledger.access import tables as access_tables
from trabecula.ledger.audit import tables as audit_tables
from trabecula.ledger.database import create_engine_for
from trabecula.ledger.desk import tables as desk_tables
from trabecula.ledger.notifications import tables as notification_tables
from trabecula.ledger.readings import tables as reading_tables
from trabecula.ledger.retention import tables as retention_tables
from trabecula.ledger.schema import check_schema, head_version, migrate
from trabecula.ledger.tables import Base


def test_the_migrated_schema_is_what_the_tables_say(database_url: str) -> None:
    engine = create_engine_for(database_url)
    modules = (
        access_tables, audit_tables, desk_tables, notification_tables, queue_tables, reading_tables, reception_tables,
        retention_tables,
    )  # fmt: skip
    assert {module.Base for module in modules} == {Base}

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_object": lambda _o, name, _k, _r, _c: (
                    not str(name).startswith(("procrastinate", "idx_", "ix_procrastinate", "alembic"))
                )
            },
        )
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()

    assert differences == []


def test_the_schema_enforces_the_same_transitions_as_the_code(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT from_state, to_state FROM study_transitions").fetchall()

    assert set(rows) == {(str(source), str(target)) for source, targets in TRANSITIONS.items() for target in targets}


def test_the_database_refuses_a_forbidden_transition_by_itself(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("INSERT INTO studies (study_uid, state) VALUES ('1.2', %s)", (StudyState.CANCELLED,))
        with pytest.raises(psycopg.errors.CheckViolation, match="CANCELLED -> DONE"):
            connection.execute("UPDATE studies SET state = 'DONE'")


def test_migrating_twice_and_from_two_hosts_at_once_changes_nothing(database_url: str) -> None:
    threads = [threading.Thread(target=migrate, args=(database_url,)) for _ in range(2)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    check_schema(database_url)


def test_an_empty_or_older_database_is_refused_with_the_next_step(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    try:
        with pytest.raises(SchemaOutdated) as caught:
            check_schema(database_url)
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", (head_version(),))

    assert caught.value.code == "SCHEMA_OUTDATED"
    assert caught.value.sentence == (
        f"The database schema does not match this version of the program: found version 0001, need {head_version()}."
    )
    assert "migrate" in caught.value.next_step


def test_a_database_that_does_not_answer_is_named_so() -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        migrate("postgresql://nobody:secret@127.0.0.1:1/none")

    assert caught.value.code == "DATABASE_UNAVAILABLE"
    assert caught.value.retryable
    assert caught.value.dimse_status == 0xA700
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["sqlite:///x.db", "no url at all"])
def test_a_url_of_something_else_is_a_configuration_error(url: str) -> None:
    with pytest.raises(ConfigurationInvalid) as caught:
        create_engine_for(url)

    assert "TRABECULA_DATABASE_URL" in caught.value.sentence
