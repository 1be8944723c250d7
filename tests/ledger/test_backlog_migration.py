"""Version 0010 on a queue in use: what waits goes to the backlog, what runs stays where it is."""

from __future__ import annotations

import psycopg
import pytest
from alembic import command
from psycopg import sql

from trabecula.ledger.connections import conninfo_of
from trabecula.ledger.database import create_engine_for
from trabecula.ledger.migrating import alembic_config

_FILL = """
    INSERT INTO studies (study_uid, state, revision, calling_ae_title) VALUES ('1.1', 'ANALYSING', 1, 'ROUTER');
    INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, status, scheduled_at)
    VALUES ('cpu', 'trabecula.analyse', 0, 'analyse:1.1:1', 'analyse:1.1:1',
            '{"study_uid": "1.1", "revision": 1, "destination": ""}', 'todo', NULL),
           ('cpu', 'trabecula.report', 10, 'report:1.2:1', 'report:1.2:1',
            '{"study_uid": "1.2", "revision": 1, "destination": ""}', 'doing', NULL),
           ('io', 'trabecula.settle', 10, 'settle:1.3', 'settle:1.3',
            '{"study_uid": "1.3", "revision": 0, "destination": ""}', 'todo', now() + interval '1 hour'),
           ('io', 'trabecula.deliver', 0, 'deliver:1.4:2:PACS', 'deliver:1.4:2:PACS',
            '{"study_uid": "1.4", "revision": 2, "destination": "PACS"}', 'todo', NULL),
           ('sys', 'trabecula.rescue', 0, NULL, 'rescue', '{"timestamp": 1}', 'todo', NULL);
"""


@pytest.fixture
def older_url(embedded_database_url: str) -> str:
    """A database of its own at version 0009, with a queue in use."""
    name = "trabecula_older"
    with psycopg.connect(conninfo_of(embedded_database_url), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = embedded_database_url.replace("/trabecula?", f"/{name}?")
    upgrade(url, "0009")
    with psycopg.connect(conninfo_of(url), autocommit=True) as connection:
        connection.execute(_FILL)
    return url


def upgrade(url: str, version: str) -> None:
    engine = create_engine_for(url)
    with engine.begin() as connection:
        config = alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()


def test_what_waits_goes_to_the_backlog_and_what_runs_stays(older_url: str) -> None:
    upgrade(older_url, "0010")

    with psycopg.connect(conninfo_of(older_url)) as connection:
        left = connection.execute("SELECT task_name, status::text FROM procrastinate_jobs ORDER BY 1").fetchall()
        waiting = connection.execute(
            "SELECT queue, rank, name, stage, study_uid, revision, due_at > now() + interval '59 minutes' "
            "FROM backlog JOIN backlog_lanes l ON l.id = lane_id ORDER BY stage"
        ).fetchall()
    assert left == [("trabecula.report", "doing"), ("trabecula.rescue", "todo")]
    assert waiting == [
        ("cpu", 2, "ROUTER", "analyse", "1.1", 1, False),
        ("io", 2, "PACS", "deliver", "1.4", 2, False),
        ("io", 0, "", "settle", "1.3", 0, True),
    ]
