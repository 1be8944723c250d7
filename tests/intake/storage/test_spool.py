from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.errors import SpoolObjectMissing, SpoolUnavailable
from trabecula.intake.storage.spool import Kept, KeptFile, Spool


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


def _keep(spool: Spool, sop_instance_uid: str, content: bytes) -> KeptFile:
    incoming = spool.receive()
    incoming.write(content)
    kept = incoming.keep(sop_instance_uid)
    incoming.discard()
    return kept


def test_a_kept_file_lies_under_its_key_and_nothing_is_left_aside(spool: Spool) -> None:
    kept = _keep(spool, "1.2.3", b"content")

    assert kept == KeptFile(Kept.NEW, spool.key_of("1.2.3"), 7, hashlib.sha256(b"content").hexdigest())
    assert spool.existing(kept.key).read_bytes() == b"content"
    assert list((spool.root / "incoming").iterdir()) == []


def test_the_same_again_is_a_repetition(spool: Spool) -> None:
    first = _keep(spool, "1.2.3", b"content")
    changed = spool.path(first.key).stat().st_ino

    again = _keep(spool, "1.2.3", b"content")

    assert (again.outcome, again.sha256) == (Kept.REPEATED, first.sha256)
    assert spool.path(first.key).stat().st_ino == changed


def test_other_content_is_a_conflict_and_describes_what_is_there(spool: Spool) -> None:
    first = _keep(spool, "1.2.3", b"content")
    incoming = spool.receive()
    incoming.write(b"altered!")

    kept = incoming.keep("1.2.3")
    quarantined = incoming.quarantine()

    assert (kept.outcome, kept.sha256, kept.size_bytes) == (Kept.CONFLICT, first.sha256, 7)
    assert spool.existing(first.key).read_bytes() == b"content"
    assert spool.existing(quarantined.key).read_bytes() == b"altered!"
    assert quarantined.key == f"quarantine/{hashlib.sha256(b'altered!').hexdigest()}.dcm"


def test_quarantine_holds_the_same_bytes_once(spool: Spool) -> None:
    outcomes = []
    for _ in range(2):
        incoming = spool.receive()
        incoming.write(b"odd")
        outcomes.append(incoming.quarantine().outcome)

    assert outcomes == [Kept.NEW, Kept.REPEATED]
    assert len(list((spool.root / "quarantine").iterdir())) == 1


def test_many_writers_of_one_uid_leave_one_file(spool: Spool) -> None:
    contents = [bytes([number]) * 1000 for number in range(8)]
    kept: list[KeptFile] = []
    threads = [
        threading.Thread(target=lambda content=content: kept.append(_keep(spool, "1.2.3", content)))
        for content in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(each.outcome for each in kept) == [Kept.CONFLICT] * 7 + [Kept.NEW]
    assert len({each.sha256 for each in kept}) == 1
    assert hashlib.sha256(spool.existing(kept[0].key).read_bytes()).hexdigest() == kept[0].sha256


def test_the_beginning_can_be_read_while_it_is_written(spool: Spool) -> None:
    incoming = spool.receive()
    incoming.write(b"0123456789")

    assert incoming.beginning(3, 4) == b"3456"
    incoming.discard()
    assert list((spool.root / "incoming").iterdir()) == []


@given(sop_instance_uid=st.text(max_size=80))
def test_no_uid_leads_out_of_the_spool(sop_instance_uid: str) -> None:
    spool = Spool.__new__(Spool)
    spool.root = Path("/spool")

    assert spool.path(spool.key_of(sop_instance_uid)).is_relative_to("/spool/objects")


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "objects/../../x", "", "."])
def test_a_key_that_leads_out_is_refused(spool: Spool, key: str) -> None:
    with pytest.raises(SpoolObjectMissing):
        spool.path(key)


def test_a_missing_file_is_named(spool: Spool) -> None:
    with pytest.raises(SpoolObjectMissing) as error:
        spool.existing("objects/aa/none.dcm")

    assert error.value.code == "SPOOL_OBJECT_MISSING"
    assert "objects/aa/none.dcm" in error.value.sentence
    assert "send the study again" in error.value.next_step


def test_a_spool_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file stands here")

    with pytest.raises(SpoolUnavailable) as error:
        Spool(tmp_path / "spool")

    assert error.value.code == "SPOOL_UNAVAILABLE"
    assert error.value.dimse_status == 0xA700
    assert "TRABECULA_DATA_DIR" in error.value.next_step


def test_a_full_device_is_a_spool_error(spool: Spool) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    incoming = spool.receive()
    full = os.open("/dev/full", os.O_RDWR)
    os.dup2(full, incoming._file.fileno())
    os.close(full)

    with pytest.raises(SpoolUnavailable, match="No space left"):
        incoming.write(bytes(1 << 20))
    incoming.discard()


def test_sweep_takes_only_what_is_old(spool: Spool) -> None:
    old, young = (spool.root / "incoming" / name for name in ("old.part", "young.part"))
    old.write_bytes(b"x")
    young.write_bytes(b"x")
    os.utime(old, (time.time() - 1000, time.time() - 1000))

    assert spool.sweep(500) == 1
    assert [path.name for path in (spool.root / "incoming").iterdir()] == ["young.part"]


def test_free_space_is_that_of_its_disk(spool: Spool) -> None:
    assert spool.free_bytes() > 0


def test_the_spool_is_for_its_owner_alone(tmp_path: Path) -> None:
    Spool(tmp_path / "spool")

    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
