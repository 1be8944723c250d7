"""The journal as its listener writes it: failures, limits, ends of segments, refusals."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.intake.journal.disks import RecordingDisk
from tests.intake.journal.scenes import LASTING, QUICK, Host, arrived, content, refused
from tests.waiting import wait_until
from trabecula.domain.errors import SpoolUnavailable
from trabecula.domain.errors_of.reception import BacklogFull, JournalInUse, JournalTooNew, JournalUnusable
from trabecula.intake.journal import folder as folder_room
from trabecula.intake.journal.folder import JournalFolder, SegmentState
from trabecula.intake.journal.writer import LARGE_OFFSET, Journal, JournalOptions


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Host]]:
    started: list[Host] = []

    def begin(options: JournalOptions = LASTING) -> Host:
        host = Host(tmp_path, disk=RecordingDisk(), options=options)
        host.journal.start()
        started.append(host)
        return host

    yield begin
    for host in started:
        host.journal.stop()


def disk_of(host: Host) -> RecordingDisk:
    assert isinstance(host.disk, RecordingDisk)
    return host.disk


def test_what_is_kept_can_be_registered_from_disk_alone(start: Callable[..., Host]) -> None:
    host = start()
    host.keep(1, 2, 3)

    again = host.killed()
    again.follow()

    assert again.registered() == [arrived(number)[0].sop_instance_uid for number in (1, 2, 3)]
    assert [path.read_bytes() for path in sorted((host.root / "spool" / "objects").rglob("*.dcm"))] == sorted(
        [content(number) for number in (1, 2, 3)], key=lambda file: host.spool.key_of(_uid(file)).split("/")[-1]
    )


def _uid(file: bytes) -> str:
    return next(instance.sop_instance_uid for instance, other in map(arrived, (1, 2, 3)) if other == file)


def test_after_a_failed_sync_a_new_segment_takes_the_next(start: Callable[..., Host]) -> None:
    host = start()
    host.keep(1)
    (first,) = host.segments()[:1]
    disk_of(host).failing = {"sync"}

    with pytest.raises(SpoolUnavailable):
        host.keep(2)
    disk_of(host).failing = set()
    host.keep(2)

    assert disk_of(host).kinds(first.name).count("sync") == 2
    host.journal.stop()
    host.follow()
    assert host.registered() == [arrived(1)[0].sop_instance_uid, arrived(2)[0].sop_instance_uid]


def test_a_full_segment_is_followed_by_one_that_was_made_before(start: Callable[..., Host]) -> None:
    host = start(JournalOptions(segment_bytes=64 << 10, idle_seconds=3600.0, tell_seconds=0.02))

    for number in range(1, 31):
        host.keep(number)
        if number % 5 == 0:
            wait_until(lambda: any(path.suffix == ".open" for path in host.segments()))

    wait_until(lambda: sum(path.suffix == ".seg" for path in host.segments()) >= 3)
    assert host.follow() == 30


def test_an_idle_segment_is_ended_and_its_bytes_go_when_they_are_registered(start: Callable[..., Host]) -> None:
    host = start(QUICK)
    host.keep(1)

    wait_until(lambda: any(path.suffix == ".seg" for path in host.segments()))
    host.follow()

    # the one that was begun in advance holds nothing
    kept = [path for path in host.segments() if content(1)[-200:] in path.read_bytes()]
    assert kept == []
    assert host.registered() == [arrived(1)[0].sop_instance_uid]


def test_beyond_the_limit_nothing_more_is_taken_until_rows_follow(start: Callable[..., Host]) -> None:
    host = start(JournalOptions(segment_bytes=64 << 10, limit_bytes=100 << 10, idle_seconds=0.05, tell_seconds=0.02))
    for number in range(1, 31):
        host.keep(number)

    def full() -> bool:
        try:
            host.journal.check()
        except BacklogFull:
            return True
        return False

    wait_until(full)
    wait_until(lambda: all(path.suffix == ".seg" or path.stat().st_size for path in host.segments()))
    wait_until(lambda: (host.follow() >= 0) and not full())


def test_a_large_instance_has_a_segment_of_its_own(start: Callable[..., Host]) -> None:
    host = start()
    instance, file = arrived(1)

    large = host.journal.begin_large()
    large.write_ahead(memoryview(file), LARGE_OFFSET)
    host.journal.keep_large(large, instance)
    dropped = host.journal.begin_large()
    host.journal.drop_large(dropped)

    wait_until(lambda: [path.suffix for path in host.segments()] == [".seg"])
    host.follow()
    assert host.registered() == [instance.sop_instance_uid]
    assert host.segments() == []


def test_a_refusal_is_recorded_once_however_often_its_sender_tries(start: Callable[..., Host]) -> None:
    host = start()
    for _ in range(5):
        host.journal.keep_refusal(refused(1))
    host.journal.keep_refusal(refused(2))

    assert host.follow() == 2
    assert [(item.sop_instance_uid, item.status) for item in host.register.refused] == [
        (refused(1).sop_instance_uid, 0xA700),
        (refused(2).sop_instance_uid, 0xA700),
    ]


def test_a_refusal_that_could_not_be_recorded_is_recorded_later(start: Callable[..., Host]) -> None:
    host = start(QUICK)
    disk_of(host).failing = {"create"}

    host.journal.keep_refusal(refused(1))
    disk_of(host).failing = set()

    wait_until(lambda: host.follow() == 1)
    assert [item.sop_instance_uid for item in host.register.refused] == [refused(1).sop_instance_uid]


def test_two_listeners_never_share_a_journal(start: Callable[..., Host], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_room, "_LOCK_PATIENCE_SECONDS", 0.1)
    host = start()

    with pytest.raises(JournalInUse, match="its listener"):
        Journal(JournalFolder(host.folder.root)).start()


def test_a_journal_of_a_newer_version_refuses_to_start(start: Callable[..., Host]) -> None:
    host = start()
    host.keep(1)
    host.journal.stop()
    (segment,) = host.segments()
    content_there = bytearray(segment.read_bytes())
    content_there[8] = 9
    segment.write_bytes(content_there)

    with pytest.raises(JournalTooNew, match="format 9, this program knows 1"):
        JournalFolder(host.folder.root)


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(JournalUnusable, match="Not a directory"):
        JournalFolder(tmp_path / "file" / "journal")


def test_it_starts_at_once_beside_what_another_run_left(start: Callable[..., Host]) -> None:
    host = start()
    host.keep(1)
    again = host.killed()

    again.journal.start()
    again.keep(2)

    states = [segment.state for segment in again.folder.segments()]
    again.follow()
    again.journal.stop()
    assert SegmentState.CUT in states
    assert len(again.registered()) == 2


def test_errno_is_told_and_no_path(start: Callable[..., Host]) -> None:
    host = start()
    disk_of(host).failing = {"create"}

    with pytest.raises(SpoolUnavailable, match=OSError(errno.EIO, "Input/output error").strerror or ""):
        host.keep(1)


def test_a_registered_segment_is_written_anew_and_holds_nothing_in_quiet_moments(start: Callable[..., Host]) -> None:
    host = start(JournalOptions(segment_bytes=64 << 10, spares=2, idle_seconds=0.05, tell_seconds=0.02))
    for number in range(1, 31):
        host.keep(number)
    wait_until(lambda: not any(path.suffix == ".open" and path.stat().st_blocks for path in host.segments()[:-1]))
    host.follow()
    for number in range(31, 41):
        host.keep(number)

    assert host.follow() == 10
    wait_until(lambda: host.follow() >= 0 and len(list(host.folder.root.glob("*.clean"))) >= 2)
    wait_until(lambda: not list(host.folder.root.glob("*.spare")))
    assert all(not any(path.read_bytes()) for path in host.folder.root.glob("*.clean"))
    assert host.registered() == [arrived(number)[0].sop_instance_uid for number in range(1, 41)]
    host.journal.stop()
    assert list(host.folder.root.glob("*.clean")) == []
