"""Every metric of the ledger, moved in a real database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.databases import embedded_database_url
from tests.ledger.audit.writing import entry, write
from tests.pipeline.world import World, make_world
from tests.web.exposition import exposed, names, value
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import DestinationUnreachable
from trabecula.domain.study.jobs import Stage
from trabecula.ledger.audit.sealing import seal_waiting
from trabecula.ledger.audit.wires import due_after, mark_sent
from trabecula.ledger.queries import monitoring
from trabecula.ledger.queries.monitoring import read_figures
from trabecula.pipeline import register_instance
from trabecula.web.monitoring.ledger import LedgerScope, LedgerWatch
from trabecula.web.monitoring.registry import registry_of

__all__ = ["embedded_database_url"]

PACS = Destination(name="PACS", ae_title="ARCHIVE", host="127.0.0.1", port=104)
BUILD = "trabecula_build_info"
SCOPE = LedgerScope(queues=("cpu", "io", "sys"), destinations=("PACS",), stalled_s=45.0, embedded=True)


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(embedded_database_url, tmp_path, (PACS,))
    yield made
    made.engine.dispose()


@pytest.fixture
def look(world: World, embedded_database_url: str) -> Callable[[], str]:
    """A function that gives the exposition as it is now, nothing kept."""
    return lambda: exposed(registry_of((LedgerWatch(lambda: embedded_database_url, SCOPE),)))


def test_every_metric_of_the_ledger_is_in_this_file(look: Callable[[], str]) -> None:
    unmoved = {name for name in names(look()) - {BUILD} if f'"{name}"' not in Path(__file__).read_text()}

    assert unmoved == set()


def test_a_study_moves_through_its_states(world: World, look: Callable[[], str]) -> None:
    assert value(look(), "trabecula_studies", state="RECEIVING") == 0
    register_instance(world.services.open_ledger, world.instance(1), 0.0)
    text = look()

    assert value(text, "trabecula_studies", state="RECEIVING") == 1
    came = value(text, "trabecula_last_image_timestamp_seconds", calling_ae_title="ROUTER") or 0
    assert abs(time.time() - came) < 60

    world.be_quiet()
    world.run_all()
    assert value(look(), "trabecula_studies", state="DONE") == 1


def test_disks_of_every_host_that_told_lately(world: World, look: Callable[[], str]) -> None:
    world.rows(
        "INSERT INTO host_disks (host, folder, free_bytes, watermark_bytes, told_at) VALUES "
        "('ward-2', 'journal', 7, 5, now()), ('gone', 'data', 7, 5, now() - interval '6 minutes')"
    )
    text = look()

    assert value(text, "trabecula_host_disk_free_bytes", host="ward-2", folder="journal") == 7
    assert value(text, "trabecula_host_disk_watermark_bytes", host="ward-2", folder="journal") == 5
    assert value(text, "trabecula_host_disk_free_bytes", host="gone", folder="data") is None


def test_counts_are_right_and_read_no_study_that_is_through(world: World, embedded_database_url: str) -> None:
    # Arrange: three studies that came as studies come, then 30,000 done in bulk, with the figures triggers keep
    for number in range(3):
        register_instance(world.services.open_ledger, world.instance(1, study_uid=f"1.2.{number}"), 0.0)
    world.rows("UPDATE studies SET state = 'FAILED', failure_code = 'X' WHERE study_uid = '1.2.0'")
    world.rows("UPDATE studies SET state = 'ANALYSING' WHERE study_uid = '1.2.1'")
    with psycopg.connect(embedded_database_url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO studies (study_uid, state) SELECT '9.' || i, 'DONE' FROM generate_series(1, 30000) i"
        )
        connection.execute("UPDATE desk_days SET done = done + 30000")
        connection.execute("VACUUM ANALYZE studies")

        # Act
        found = read_figures(connection, 45.0)
        plans = [
            connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}").fetchone()
            for query in (monitoring._STUDIES, monitoring._FAILURES, monitoring._LAST_IMAGES)
        ]

    # Assert
    assert {state: count for state, count in found.studies.items() if count} == {
        "RECEIVING": 1, "ANALYSING": 1, "FAILED": 1, "DONE": 30000,
    }  # fmt: skip
    assert found.failures == {"X": 1}
    assert max(rows_read(plan[0][0]["Plan"]) for plan in plans if plan is not None) < 100


def rows_read(node: dict[str, Any]) -> float:
    """Rows that the scans of `studies` below a node of a plan looked at."""
    own = 0.0
    if node.get("Relation Name") == "studies":
        own = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return own + sum(rows_read(child) for child in node.get("Plans", ()))


def test_the_last_image_of_each_source(world: World, look: Callable[[], str]) -> None:
    world.rows(
        "INSERT INTO studies (study_uid, calling_ae_title, last_image_at) SELECT i::text, 'AE' || i % 3, "
        "timestamptz 'epoch' + make_interval(secs => i) FROM generate_series(1, 60) i"
    )
    text = look()

    found = {
        name: value(text, "trabecula_last_image_timestamp_seconds", calling_ae_title=name)
        for name in ("AE0", "AE1", "AE2")
    }
    assert found == {"AE0": 60, "AE1": 58, "AE2": 59}


def test_jobs_wait_run_and_have_workers(world: World, look: Callable[[], str]) -> None:
    text = look()
    assert [value(text, name, queue="io") for name in ("trabecula_jobs_waiting", "trabecula_workers")] == [0, 0]
    register_instance(world.services.open_ledger, world.instance(1), 0.0)
    world.rows("UPDATE backlog SET due_at = now() - interval '90 seconds'")
    (worker,) = world.rows("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()) RETURNING id")
    world.rows("INSERT INTO worker_queues VALUES (:id, 'io', 'here')", id=worker)
    text = look()

    assert value(text, "trabecula_jobs_waiting", queue="io") == 1
    assert 90 <= (value(text, "trabecula_jobs_oldest_waiting_seconds", queue="io") or 0) < 150
    assert value(text, "trabecula_jobs_running", queue="io") == 0
    assert value(text, "trabecula_workers", queue="io") == 1
    assert value(text, "trabecula_workers", queue="cpu") == 0

    world.rows("SELECT id FROM backlog_take('io', :id, 4)", id=worker)
    world.rows("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '60 seconds'")
    text = look()
    assert value(text, "trabecula_jobs_waiting", queue="io") == 0
    assert value(text, "trabecula_jobs_running", queue="io") == 1
    assert value(text, "trabecula_workers", queue="io") == 0


def test_a_destination_that_is_down(world: World, look: Callable[[], str]) -> None:
    assert value(look(), "trabecula_deliveries_pending", destination="PACS") == 0
    world.sender.errors["PACS"] = DestinationUnreachable("PACS")
    register_instance(world.services.open_ledger, world.instance(1), 0.0)
    world.be_quiet()
    for stage in (Stage.SETTLE, Stage.ANALYSE, Stage.REPORT):
        assert world.run_next(stage)
    text = look()
    assert value(text, "trabecula_deliveries_pending", destination="PACS") == 3
    assert value(text, "trabecula_deliveries_tried", destination="PACS") == 0

    world.run_next(Stage.DELIVER)
    world.rows("UPDATE revisions SET reported_at = now() - interval '1 hour'")
    text = look()
    assert value(text, "trabecula_deliveries_tried", destination="PACS") == 3
    assert (value(text, "trabecula_deliveries_oldest_seconds", destination="PACS") or 0) >= 3600
    assert (value(text, "trabecula_deliveries_oldest_tried_seconds", destination="PACS") or 0) >= 3600

    for _ in range(3):  # it gives up
        world.run_next(Stage.DELIVER)
    text = look()
    assert value(text, "trabecula_deliveries_pending", destination="PACS") == 0
    assert value(text, "trabecula_studies", state="FAILED") == 1
    assert value(text, "trabecula_studies_failed", code="ATTEMPTS_EXHAUSTED") == 1


def test_what_was_put_aside_and_listeners_that_fall_behind(world: World, look: Callable[[], str]) -> None:
    assert value(look(), "trabecula_quarantined_instances") == 0
    register_instance(world.services.open_ledger, world.instance(2, fault="INSTANCE_UNPARSABLE: no tag"), 0.0)
    world.rows(
        "INSERT INTO listeners (journal_uid, name, registered_until, heard_at, told_at, host_clock, backlog_bytes) "
        "VALUES ('1.2', 'ward-2', now() - interval '300 s', now(), now() - interval '60 s', now(), 0)"
    )
    text = look()

    assert value(text, "trabecula_quarantined_instances") == 1
    assert (value(text, "trabecula_listener_rows_behind_seconds", listener="ward-2") or 0) >= 300
    assert (value(text, "trabecula_listener_silent_seconds", listener="ward-2") or 0) >= 60


def test_entries_of_the_audit_log_wait_for_seal_and_wire(
    world: World, look: Callable[[], str], embedded_database_url: str
) -> None:
    assert value(look(), "trabecula_audit_unsealed") == 0
    write(world.engine, entry(), entry())
    assert value(look(), "trabecula_audit_unsealed") == 2

    with psycopg.connect(embedded_database_url, autocommit=True) as connection:
        seal_waiting(connection)
        due_after(connection, "syslog")
        assert value(look(), "trabecula_audit_wire_pending", wire="syslog") == 2
        mark_sent(connection, "syslog", 1)

    assert value(look(), "trabecula_audit_unsealed") == 0
    assert value(look(), "trabecula_audit_wire_pending", wire="syslog") == 1


def test_a_database_that_is_away_takes_nobody_s_time(free_port: Callable[[], int]) -> None:
    watch = LedgerWatch(lambda: f"postgresql://nobody@127.0.0.1:{free_port()}/none", SCOPE)
    text = exposed(registry_of((watch,)))

    assert value(text, "trabecula_ledger_up") == 0
    assert value(text, "trabecula_embedded_database_up") == 0
    assert value(text, "trabecula_studies", state="DONE") is None
    assert watch.database_check().find()["detail"] == "the database does not answer"
    assert not watch.workers_check().find()["ok"]


def test_a_database_that_hangs_ends_the_scrape_all_the_same(
    world: World, embedded_database_url: str, look: Callable[[], str]
) -> None:
    with psycopg.connect(embedded_database_url) as holder:
        holder.execute("LOCK TABLE studies IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        text = look()
        took = time.monotonic() - began

    assert took < 10
    assert value(text, "trabecula_ledger_up") == 0
    assert value(text, "trabecula_embedded_database_up") == 1
    text = look()
    assert (value(text, "trabecula_ledger_up"), value(text, "trabecula_embedded_database_up")) == (1, 1)


def test_figures_are_kept_for_some_seconds(world: World, embedded_database_url: str) -> None:
    registry = registry_of((LedgerWatch(lambda: embedded_database_url, SCOPE),))
    assert value(exposed(registry), "trabecula_studies", state="RECEIVING") == 0
    register_instance(world.services.open_ledger, world.instance(1), 0.0)

    assert value(exposed(registry), "trabecula_studies", state="RECEIVING") == 0


def test_each_queue_needs_a_living_worker(world: World, embedded_database_url: str) -> None:
    for queue in SCOPE.queues:
        check = LedgerWatch(lambda: embedded_database_url, SCOPE).workers_check().find()
        assert (check["ok"], queue in check["detail"]) == (False, True)
        (worker,) = world.rows("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()) RETURNING id")
        world.rows("INSERT INTO worker_queues VALUES (:id, :queue, 'here')", id=worker, queue=queue)

    assert LedgerWatch(lambda: embedded_database_url, SCOPE).workers_check().find()["ok"]
