"""One segment: what is synced before success, one sync for many, and what a failure means for everybody who waits."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tests.intake.journal.disks import RecordingDisk
from tests.waiting import wait_until
from trabecula.domain.errors import SpoolUnavailable
from trabecula.intake.journal.format import RecordHead, RecordKind, SegmentHead
from trabecula.intake.journal.segment import OpenSegment

HEAD = SegmentHead(journal_uid="1.2.3", segment_uid="ab" * 16, key=bytes(16), boot_id="boot")


@pytest.fixture
def disk() -> RecordingDisk:
    return RecordingDisk()


@pytest.fixture
def segment(tmp_path: Path, disk: RecordingDisk) -> OpenSegment:
    return OpenSegment(disk, tmp_path / "1.open", HEAD, 1 << 20)


def keep(segment: OpenSegment, payload: bytes = b"bytes") -> None:
    place = segment.place(len(payload), 1.0)
    assert place is not None
    segment.keep(place, RecordHead(kind=RecordKind.INSTANCE, payload_bytes=len(payload)), [payload])


def test_a_new_segment_is_synced_with_its_name(segment: OpenSegment, disk: RecordingDisk, tmp_path: Path) -> None:
    assert disk.calls == [
        ("create", "1.open"),
        ("write", "1.open"),
        ("sync_file", "1.open"),
        ("sync_folder", tmp_path.name),
    ]


def test_success_comes_after_payload_record_and_sync_in_this_order(segment: OpenSegment, disk: RecordingDisk) -> None:
    disk.calls.clear()

    keep(segment)

    assert disk.calls == [("write", "1.open"), ("write", "1.open"), ("sync", "1.open")]


def test_who_waits_together_is_served_by_one_sync(segment: OpenSegment, disk: RecordingDisk) -> None:
    disk.hold = threading.Event()
    threads = [threading.Thread(target=keep, args=(segment,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    # the first one syncs what it alone has written, all others wait for the next sync
    wait_until(lambda: disk.kinds("1.open").count("write") == 1 + 16)
    disk.hold.set()
    for thread in threads:
        thread.join()

    assert 1 <= disk.kinds("1.open").count("sync") <= 2


def test_after_a_failed_sync_nobody_succeeds_and_it_is_not_repeated(segment: OpenSegment, disk: RecordingDisk) -> None:
    failures: list[SpoolUnavailable] = []

    def try_to_keep() -> None:
        try:
            keep(segment)
        except SpoolUnavailable as error:
            failures.append(error)

    disk.hold = threading.Event()
    disk.failing = {"sync"}
    threads = [threading.Thread(target=try_to_keep) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: disk.kinds("1.open").count("write") == 1 + 8)
    disk.hold.set()
    for thread in threads:
        thread.join()
    disk.failing = set()

    assert len(failures) == 4
    assert disk.kinds("1.open").count("sync") == 1
    assert segment.place(5, 1.0) is None
    assert segment.close(segment.path.with_suffix(".seg"))
    assert disk.kinds("1.open").count("sync") == 1


def test_a_failed_write_fails_its_instance_and_closes_the_segment(segment: OpenSegment, disk: RecordingDisk) -> None:
    keep(segment)
    disk.failing = {"write"}

    with pytest.raises(SpoolUnavailable, match="Input/output error"):
        keep(segment)

    assert segment.place(5, 1.0) is None


def test_a_segment_in_which_something_is_written_is_not_ended(segment: OpenSegment) -> None:
    place = segment.place(5, 12.5)
    assert place is not None

    assert segment.stamps() == [12.5]
    assert not segment.close(segment.path.with_suffix(".seg"))


def test_a_place_that_does_not_fit_is_not_given(segment: OpenSegment) -> None:
    assert segment.place(2 << 20, 1.0) is None
