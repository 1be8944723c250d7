"""The audit log as the worker of the queue sys keeps it: sealed, exported, sent, whatever servers are away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import fromstring

import psycopg
import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from tests.certificates import Authority
from tests.databases import embedded_database_url
from tests.ledger.audit.writing import entry, write
from tests.mail_sink import web_sink
from tests.peers.audit.entries import SOURCE
from tests.peers.audit.rsyslog import rsyslog
from tests.pipeline.world import make_world
from tests.waiting import wait_until
from trabecula.domain.audit.wire import NumberedEntry
from trabecula.domain.errors_of.ledger import AuditNotSent
from trabecula.jobs.app import QueueOptions, build_app
from trabecula.jobs.auditing import Auditing, keep_audit
from trabecula.ledger.audit.heads import read_heads
from trabecula.ledger.audit.wires import standings
from trabecula.ledger.database import create_engine_for
from trabecula.peers.audit.fhir import FhirServer, post_to_fhir
from trabecula.peers.audit.syslog import SyslogServer, send_to_syslog
from trabecula.peers.connection import client_context

__all__ = ["embedded_database_url"]


@pytest.fixture
def engine(embedded_database_url: str) -> Iterator[Engine]:
    made = create_engine_for(embedded_database_url)
    yield made
    made.dispose()


def be_due(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE audit_wires SET next_try_at = clock_timestamp()")


def standing(url: str) -> tuple[int, int, str]:
    with psycopg.connect(url) as connection:
        (found,) = standings(connection)
    return found.sent_number, found.pending, found.error


def test_a_server_that_is_away_gets_everything_once_it_is_back(
    engine: Engine,
    embedded_database_url: str,
    tmp_path: Path,
    free_port: Callable[[], int],
    require_tool: Callable[[str], str],
) -> None:
    authority = Authority(tmp_path)
    with rsyslog(tmp_path, free_port(), require_tool("rsyslogd"), authority) as server:
        context = client_context(*authority.issue("trabecula"), authority.certificate)
        wire = partial(send_to_syslog, SyslogServer("127.0.0.1", server.port, context), SOURCE)
        auditing = Auditing((tmp_path / "audit" / "head.jsonl", tmp_path / "elsewhere.jsonl"), {"syslog": wire})

        def keep() -> None:
            be_due(embedded_database_url)
            keep_audit(embedded_database_url, auditing)

        write(engine, *(entry(detail=f"{number}") for number in range(3)))
        with capture_logs() as logs:
            keep()
        assert standing(embedded_database_url)[:2] == (0, 3)
        assert "refused" in standing(embedded_database_url)[2]
        assert [line["event"] for line in logs] == ["audit.sealed", "audit.not_sent"]

        server.start()
        keep_audit(embedded_database_url, auditing)  # it waits after its failure
        assert standing(embedded_database_url)[:2] == (0, 3)
        keep()
        server.stop()
        write(engine, entry(detail="3"))
        keep()
        server.start()
        write(engine, entry(detail="4"))
        keep()

        assert standing(embedded_database_url) == (5, 0, "")
        wait_until(lambda: len(server.received) == 5)
        words = [
            fromstring(line[6].lstrip("\ufeff")).findtext(".//EventOutcomeDescription") for line in server.received
        ]
    assert words == ["0", "1", "2", "3", "4"]
    heads = read_heads(tmp_path / "audit" / "head.jsonl")
    assert [head.number for head in heads] == [3, 4, 5]
    assert read_heads(tmp_path / "elsewhere.jsonl") == heads


def test_entries_that_were_taken_before_a_failure_are_not_sent_again(
    engine: Engine, embedded_database_url: str, tmp_path: Path
) -> None:
    write(engine, *(entry(detail=f"{number}") for number in range(4)))
    with web_sink() as posts:
        wire = partial(post_to_fhir, FhirServer(posts.url), SOURCE)

        def two(entries: Sequence[NumberedEntry]) -> int:
            taken = wire(entries[:2])
            posts.status = 500
            return taken

        keep_audit(embedded_database_url, Auditing((), {"fhir": two}))
        assert standing(embedded_database_url)[:2] == (2, 2)
        posts.status = 200
        be_due(embedded_database_url)
        keep_audit(embedded_database_url, Auditing((), {"fhir": wire}))

    assert standing(embedded_database_url) == (4, 0, "")
    assert [item["outcomeDesc"] for item in posts.documents] == ["0", "1", "2", "3"]


def test_pauses_grow_up_to_a_quarter_of_an_hour(engine: Engine, embedded_database_url: str) -> None:
    write(engine, entry())

    def refuse(_entries: Sequence[NumberedEntry]) -> int:
        raise AuditNotSent("it is away")

    pauses = []
    for _ in range(5):
        be_due(embedded_database_url)
        keep_audit(embedded_database_url, Auditing((), {"syslog": refuse}))
        with psycopg.connect(embedded_database_url) as connection:
            row = connection.execute("SELECT round(extract(epoch FROM next_try_at - now()) / 60) FROM audit_wires")
            pauses.append(int((row.fetchone() or (0,))[0]))

    assert pauses == [1, 2, 4, 8, 15]


def test_a_head_that_cannot_be_written_is_told_and_sealing_goes_on(
    engine: Engine, embedded_database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    write(engine, entry())

    with capture_logs() as logs:
        keep_audit(embedded_database_url, Auditing((tmp_path / "file" / "head.jsonl", tmp_path / "head.jsonl")))

    assert [(line["event"], line.get("code")) for line in logs] == [
        ("audit.sealed", None), ("audit.not_exported", "AUDIT_HEAD_UNWRITTEN"),
    ]  # fmt: skip
    assert [head.number for head in read_heads(tmp_path / "head.jsonl")] == [1]


def test_the_worker_of_the_queue_sys_keeps_the_log_by_itself(embedded_database_url: str, tmp_path: Path) -> None:
    world = make_world(embedded_database_url, tmp_path)
    write(world.engine, entry())
    path, options = tmp_path / "head.jsonl", QueueOptions(audit_cron="* * * * * *")
    auditing = Auditing((path,))
    app = build_app(embedded_database_url, world.services, world.engine, options, auditing=auditing)

    async def work_until_sealed() -> None:
        async with app.open_async():
            worker = asyncio.create_task(app.run_worker_async(queues=["sys"]))
            while not path.exists():
                await asyncio.sleep(0.05)
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker

    asyncio.run(asyncio.wait_for(work_until_sealed(), 60))

    assert [head.number for head in read_heads(path)] == [1]
    world.engine.dispose()
