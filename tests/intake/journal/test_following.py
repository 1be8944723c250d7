"""From the journal to files and rows: in order, each once, whatever is killed, torn, damaged or refused."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import structlog

from tests.builders import without_head
from tests.intake.journal.scenes import Host, arrived, content
from trabecula.domain.errors import DatabaseRefused, DatabaseUnavailable
from trabecula.domain.study.reception import ReceptionBatch
from trabecula.intake.journal.format import BLOCK
from trabecula.testing import MemoryRegistrar


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    made.journal.start()
    yield made
    made.journal.stop()


def damage(host: Host, needle: bytes) -> None:
    """Alter a byte of what a segment holds."""
    (path,) = (path for path in host.segments() if needle in path.read_bytes())
    held = bytearray(path.read_bytes())
    held[held.index(needle)] ^= 0xFF
    path.write_bytes(held)


def test_files_lie_in_the_spool_before_rows_point_to_them(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    original = host.register.register_batch

    def watched(batch: ReceptionBatch) -> None:
        seen.extend((host.spool.root / entry.spool_key).is_file() for _, entry in batch.entries)  # type: ignore[union-attr]
        original(batch)

    monkeypatch.setattr(host.register, "register_batch", watched)
    host.keep(1, 2)
    host.follow()

    assert seen == [True, True]
    assert [without_head(host.spool.existing(item.spool_key).read_bytes()) for item in host.register.instances] == [
        without_head(content(number)) for number in (1, 2)
    ]


def test_a_duplicate_within_a_batch_is_a_repetition(host: Host) -> None:
    host.keep(1, 1, 2, 1)

    assert host.follow() == 4
    assert len(host.registered()) == 2
    assert host.register.quarantined == ()


def test_other_bytes_within_a_batch_go_to_quarantine_and_the_first_stay(host: Host) -> None:
    host.keep(1)
    host.keep(1, patient="ALTERED")

    host.follow()

    (kept,) = host.register.instances
    (aside,) = host.register.quarantined
    assert host.spool.existing(kept.spool_key).read_bytes() == content(1)
    assert host.spool.existing(aside.spool_key).read_bytes() == content(1, "ALTERED")
    assert aside.fault.startswith("INSTANCE_CONFLICT: ")


def test_two_hosts_with_different_bytes_under_one_uid_and_one_spool(host: Host, tmp_path: Path) -> None:
    other = Host(tmp_path / "other", host.register)
    other.spool = host.spool
    other.follower = type(other.follower)(other.folder, host.spool, host.register)
    other.journal.start()
    host.keep(1)
    other.keep(1, patient="ALTERED")

    other.follow()
    host.follow()
    other.journal.stop()

    (kept,) = host.register.instances
    (aside,) = host.register.quarantined
    assert host.spool.existing(kept.spool_key).read_bytes() == content(1, "ALTERED")
    assert host.spool.existing(aside.spool_key).read_bytes() == content(1)


def test_a_file_without_a_row_is_registered_before_its_altered_copy_is_set_aside(host: Host) -> None:
    instance, file = arrived(1)
    incoming = host.spool.receive()
    incoming.write(file)
    incoming.keep(instance.sop_instance_uid)

    host.keep(1, patient="ALTERED")
    host.follow()

    assert [item.sha256 for item in host.register.instances] == [instance.sha256]
    assert host.register.quarantined[0].fault.startswith("INSTANCE_CONFLICT: ")


def test_what_was_registered_is_not_registered_again_although_its_row_is_gone(host: Host) -> None:
    host.keep(1, 2)
    host.follow()
    host.register._instances.clear()  # an operator deleted the study

    again = host.killed()
    again.journal.start()
    again.follow()
    again.journal.stop()

    assert again.registered() == []


def test_a_commit_whose_answer_was_lost_is_not_done_twice(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    original = host.register.register_batch

    def lost(batch: ReceptionBatch) -> None:
        original(batch)
        host.register._instances.clear()
        monkeypatch.setattr(host.register, "register_batch", original)
        raise DatabaseUnavailable("the connection broke at the commit")

    monkeypatch.setattr(host.register, "register_batch", lost)
    host.keep(1)
    with pytest.raises(DatabaseUnavailable):
        host.follower.step()

    host.follow()

    assert host.registered() == []


def test_while_the_database_is_away_the_journal_keeps_everything(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(batch: ReceptionBatch) -> None:
        raise DatabaseUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(host.register, "register_batch", away)
        for number in range(1, 41):
            host.keep(number)
            if number % 10 == 0:
                with pytest.raises(DatabaseUnavailable):
                    host.follower.step()

    assert host.follow() == 40
    assert host.registered() == [arrived(number)[0].sop_instance_uid for number in range(1, 41)]
    assert list((host.spool.root / "incoming").iterdir()) == []


class Picky(MemoryRegistrar):
    """A ledger that refuses one instance unless it comes as a fault."""

    def register_batch(self, batch: ReceptionBatch) -> None:
        refused = arrived(2)[0].sop_instance_uid
        if any(getattr(item, "sop_instance_uid", "") == refused and not item.fault for _, item in batch.entries):  # type: ignore[union-attr]
            raise DatabaseRefused("DataError")
        super().register_batch(batch)


def test_what_the_ledger_refuses_lies_in_quarantine_and_holds_nothing_up(tmp_path: Path) -> None:
    host = Host(tmp_path, Picky())
    host.journal.start()
    host.keep(1, 2, 3)

    host.follow()
    host.journal.stop()

    assert host.registered() == [arrived(1)[0].sop_instance_uid, arrived(3)[0].sop_instance_uid]
    (aside,) = host.register.quarantined
    assert aside.fault.startswith("REGISTRATION_REFUSED: ")
    assert host.spool.existing(aside.spool_key).read_bytes() == content(2)


def test_a_torn_tail_was_never_acknowledged_and_is_dropped(host: Host) -> None:
    host.keep(1, 2)
    again = host.killed()
    again.folder.cut_open_segments()
    (path,) = (path for path in again.segments() if content(2)[-100:] in path.read_bytes())
    held = path.read_bytes()
    path.write_bytes(held[: held.index(content(2)[-100:])])

    with structlog.testing.capture_logs() as logs:
        again.follow()

    assert again.registered() == [arrived(1)[0].sop_instance_uid]
    assert [line["event"] for line in logs if line["event"].startswith("journal.")] == ["journal.torn"]
    assert again.segments() == []


@pytest.mark.parametrize("needle", ["payload", "block"])
def test_damage_in_the_middle_is_told_loudly_and_hides_nothing_that_follows(host: Host, needle: str) -> None:
    host.keep(1, 2, 3, 4)
    again = host.killed()
    again.folder.cut_open_segments()
    damage(again, content(2)[-100:] if needle == "payload" else f'"{arrived(2)[0].sop_instance_uid}"'.encode())

    with structlog.testing.capture_logs() as logs:
        again.follow()

    assert again.registered() == [arrived(number)[0].sop_instance_uid for number in (1, 3, 4)]
    told = [line for line in logs if line["event"] == "journal.damaged"]
    assert [(line["record"], line["code"], line["log_level"]) for line in told] == [(1, "JOURNAL_DAMAGED", "error")]
    assert len(list((again.folder.root / "damaged").iterdir())) == 1
    lost = [item.code for item in again.register.refused]
    assert lost == (["JOURNAL_DAMAGED"] if needle == "payload" else [])


def test_damage_at_the_end_of_a_segment_that_was_ended_in_order_is_told(host: Host) -> None:
    host.keep(1, 2)
    host.journal.stop()
    damage(host, f'"{arrived(2)[0].sop_instance_uid}"'.encode())

    with structlog.testing.capture_logs() as logs:
        host.follow()

    assert host.registered() == [arrived(1)[0].sop_instance_uid]
    assert [line["record"] for line in logs if line["event"] == "journal.damaged"] == [1]


def test_pixels_that_look_like_a_record_are_none(host: Host) -> None:
    host.keep(1)
    (path,) = (path for path in host.segments() if content(1)[-100:] in path.read_bytes())
    stolen = path.read_bytes()[BLOCK : 2 * BLOCK]
    instance, file = arrived(2)
    forged = file + bytes(-len(file) % BLOCK) + stolen[:24] + bytes(BLOCK - 24)
    forged_instance = replace(instance, size_bytes=len(forged), sha256=hashlib.sha256(forged).hexdigest())
    host.journal.keep_instance(forged_instance, [forged])
    host.journal.stop()

    assert host.follow() == 2


def test_the_listener_is_clear_until_what_it_still_writes(host: Host) -> None:
    host.keep(1)
    host.follow()

    standing = host.register.standings[-1]

    assert standing.backlog_bytes == 0
    assert not standing.ended
    assert standing.registered_until.timestamp() > 0


def test_behind_its_backlog_a_listener_does_not_claim_to_be_further(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.keep(1)
    host.follow()
    before = host.register.standings[-1].registered_until
    place = host.journal._current.place(10, 0.0)  # type: ignore[union-attr]
    assert place is not None  # an instance that came long ago and is still being written
    host.journal._tell()
    monkeypatch.setattr(host.follower, "_published_at", -1e9)
    host.follower.step()

    assert host.register.standings[-1].registered_until < before
    host.journal._current._pending.clear()  # type: ignore[union-attr]


def test_told_to_end_the_registrar_registers_what_its_listener_left_and_says_so(host: Host) -> None:
    host.keep(1, 2)
    ended = threading.Event()
    thread = threading.Thread(target=host.follower.run, args=(ended,))
    thread.start()
    ended.set()
    host.keep(3)
    host.journal.stop()
    thread.join(20)

    assert len(host.registered()) == 3
    assert host.register.standings[-1].ended


def test_many_unregistered_instances_neither_delay_the_start_nor_get_lost(host: Host) -> None:
    for number in range(1, 301):
        host.keep(number)
    again = host.killed()

    again.journal.start()
    again.keep(301)
    count = again.follow()
    again.journal.stop()

    assert count == 301
    assert len(again.registered()) == 301
