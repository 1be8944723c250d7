from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from tests.ledger.audit.writing import OTHER, STUDY, add_study, entry, rows, write
from trabecula.domain.audit.chain import FaultKind, Head
from trabecula.domain.errors_of.ledger import AuditHeadInvalid
from trabecula.ledger.audit.appending import append
from trabecula.ledger.audit.heads import append_head, read_heads
from trabecula.ledger.audit.pseudonyms import forget_names, lock_study
from trabecula.ledger.audit.sealing import head_of, seal_waiting, unsealed
from trabecula.ledger.audit.verifying import verify


@pytest.fixture
def connection(embedded_database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(embedded_database_url, autocommit=True) as opened:
        yield opened


def faults(connection: psycopg.Connection[Any], *heads: Head) -> list[tuple[FaultKind, int]]:
    return [(fault.kind, fault.number) for fault in verify(connection, heads or [head_of(connection)]).faults]


def tamper(connection: psycopg.Connection[Any], *statements: str) -> None:
    """As a superuser who switches the triggers off."""
    with connection.transaction():
        connection.execute("SET LOCAL session_replication_role = replica")
        for statement in statements:
            connection.execute(statement.encode())


def test_entries_are_sealed_once_and_the_chain_holds(engine: Engine, connection: psycopg.Connection[Any]) -> None:
    write(engine, entry(), entry(), entry(detail="Ünïcode \U0001f600"))
    assert unsealed(connection) == 3

    assert [seal_waiting(connection), seal_waiting(connection), unsealed(connection)] == [3, 0, 0]

    write(engine, entry())
    assert seal_waiting(connection) == 1
    found = verify(connection, [head_of(connection)])
    assert (found.entries, found.head.number, found.unsealed, found.faults) == (4, 4, 0, ())


def test_gaps_of_transactions_taken_back_and_late_commits_are_no_fault(
    engine: Engine, connection: psycopg.Connection[Any]
) -> None:
    with engine.connect() as late, engine.connect() as back:
        append(late, entry(detail="begun first"))
        append(back, entry(detail="taken back"))
        back.rollback()
        write(engine, entry(detail="begun later"))
        assert seal_waiting(connection) == 1
        late.commit()

    assert verify(connection, [head_of(connection)]).unsealed == 1
    assert seal_waiting(connection) == 1
    query = "SELECT s.number, e.id, e.detail FROM audit_seals s JOIN audit_entries e ON e.id = s.entry_id ORDER BY 1"
    assert [tuple(row.values()) for row in rows(engine, query)] == [(1, 3, "begun later"), (2, 1, "begun first")]
    assert faults(connection) == []


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (["UPDATE audit_entries SET who = 'eve' WHERE id = 2"], [(FaultKind.ALTERED, 2)]),
        (["DELETE FROM audit_entries WHERE id = 2"], [(FaultKind.MISSING, 2)]),
        (["DELETE FROM audit_seals WHERE number = 2"], [(FaultKind.MISSING, 2), (FaultKind.UNLISTED, 0)]),
        (
            [
                "DELETE FROM audit_seals WHERE number = 2",
                "DELETE FROM audit_entries WHERE id = 2",
                "UPDATE audit_seals SET number = 2 WHERE number = 3",
            ],
            [(FaultKind.BROKEN, 2), (FaultKind.TRUNCATED, 3)],
        ),
        (
            [
                "UPDATE audit_seals SET entry_id = -1 WHERE number = 1",
                "UPDATE audit_seals SET entry_id = 1 WHERE number = 2",
                "UPDATE audit_seals SET entry_id = 2 WHERE number = 1",
            ],
            [(FaultKind.REORDERED, 1), (FaultKind.REORDERED, 2)],
        ),
        (["DELETE FROM audit_seals WHERE number = 3", "DELETE FROM audit_entries WHERE id = 3"],
         [(FaultKind.TRUNCATED, 3)]),
        (["DELETE FROM audit_seals", "DELETE FROM audit_entries"], [(FaultKind.TRUNCATED, 1)]),
        (["INSERT INTO audit_entries (action, outcome, who, who_kind) VALUES ('', '', '', '')"],
         [(FaultKind.UNLISTED, 0)]),
    ],
)  # fmt: skip
def test_what_a_superuser_does_is_told(
    engine: Engine, connection: psycopg.Connection[Any], statements: list[str], found: list[tuple[FaultKind, int]]
) -> None:
    write(engine, entry(detail="a"), entry(detail="b"), entry(detail="c"))
    seal_waiting(connection)
    head = head_of(connection)

    tamper(connection, *statements)

    assert faults(connection, head) == found


def test_a_chain_made_anew_is_told_by_the_head_that_was_exported(
    engine: Engine, connection: psycopg.Connection[Any]
) -> None:
    write(engine, entry(detail="a"), entry(detail="b"))
    seal_waiting(connection)
    exported = head_of(connection)
    tamper(
        connection,
        "DELETE FROM audit_seals",
        "UPDATE audit_entries SET who = 'eve' WHERE id = 1",
        "INSERT INTO audit_unsealed SELECT id FROM audit_entries",
    )
    seal_waiting(connection)

    assert faults(connection) == []
    assert faults(connection, exported) == [(FaultKind.REWRITTEN, 2)]
    assert [fault.kind for fault in verify(connection, []).faults] == [FaultKind.NO_HEAD]


def test_after_a_deletion_the_chain_holds_and_nothing_links_the_pseudonym(
    engine: Engine, connection: psycopg.Connection[Any]
) -> None:
    add_study(engine)
    add_study(engine, OTHER, "MRN-2")
    write(engine, entry(studies=(STUDY, OTHER)))
    seal_waiting(connection)
    with connection.transaction():
        lock_study(connection, STUDY)
        connection.execute("DELETE FROM studies WHERE study_uid = %s", (STUDY,))
        assert forget_names(connection, STUDY) == 1

    assert faults(connection) == []
    left = rows(engine, "SELECT study_uid, patient_id FROM audit_pseudonyms ORDER BY 1")
    assert [tuple(row.values()) for row in left] == [("", "MRN-2"), (OTHER, "")]


def test_heads_are_added_to_their_file_and_read_past_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "audit" / "head.jsonl"
    assert append_head(path, Head(1, "a", "then"))
    assert not append_head(path, Head(1, "a", "later"))
    with path.open("a") as opened:
        opened.write('{"number": 2, "se')
    assert read_heads(path) == (Head(1, "a", "then"),)

    assert append_head(path, Head(3, "c"))

    assert path.stat().st_mode & 0o777 == 0o600
    assert read_heads(path) == (Head(1, "a", "then"), Head(3, "c"))
    other = tmp_path / "other"
    other.write_text("no json\n{}\n")
    with pytest.raises(AuditHeadInvalid, match="other, line 1"):
        read_heads(other)


def test_a_sealer_that_seals_beside_another_waits_for_it(engine: Engine, embedded_database_url: str) -> None:
    write(engine, *(entry(detail=str(number)) for number in range(5)))
    with (
        psycopg.connect(embedded_database_url) as one,
        psycopg.connect(embedded_database_url, autocommit=True) as two,
    ):
        with one.transaction():
            assert seal_waiting(one) == 5  # not committed yet: it holds the lock
            two.execute("SET lock_timeout = '200ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                seal_waiting(two)
        assert seal_waiting(two) == 0

    assert len(rows(engine, "SELECT number FROM audit_seals")) == 5
