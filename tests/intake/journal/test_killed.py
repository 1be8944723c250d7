"""What was acknowledged survives SIGKILL of the listener, and reaches spool and ledger after it."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.builders import encoded, image, uid, without_head
from tests.intake.peers import RawPeer, command_set, pdu, value
from tests.waiting import wait_until
from trabecula.intake.journal.folder import JournalFolder
from trabecula.intake.journal.following import JournalFollower
from trabecula.intake.storage.spool import Spool
from trabecula.testing import MemoryRegistrar

SCRIPT = Path(__file__).with_name("journaling_process.py")


@contextmanager
def listening(folder: Path, *before: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Start the listener, under another program if one is given; gives the process and the port."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SCRIPT.parents[3]), *sys.path])}
    command = [*before, sys.executable, str(SCRIPT), str(folder / "spool"), str(folder / "journal")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            process.kill()


def follow(folder: Path) -> MemoryRegistrar:
    """Do what the registrar does when it comes back."""
    register = MemoryRegistrar()
    follower = JournalFollower(JournalFolder(folder / "journal"), Spool(folder / "spool"), register)
    while follower.step():
        pass
    return register


@pytest.mark.parametrize("unfinished", [0, 5000])
def test_sigkill_right_after_success(tmp_path: Path, unfinished: int) -> None:
    with listening(tmp_path) as (process, port), RawPeer(port) as peer:
        peer.associate()
        statuses = [peer.store(encoded(image(number=number)), sop_instance=uid(1, 1, number)) for number in range(1, 6)]
        if unfinished:
            peer.send(pdu(4, value(1, 3, command_set(1, sop_instance=uid(1, 1, 6)))))
            peer.send(pdu(4, value(1, 0, bytes(unfinished))))
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    register = follow(tmp_path)

    assert statuses == [0] * 5
    assert [each.sop_instance_uid for each in register.instances] == [uid(1, 1, number) for number in range(1, 6)]
    for number, each in enumerate(register.instances, 1):
        kept = (tmp_path / "spool" / each.spool_key).read_bytes()
        assert hashlib.sha256(kept).hexdigest() == each.sha256
        assert without_head(kept) == encoded(image(number=number))
    assert len(list((tmp_path / "spool" / "objects").rglob("*.dcm"))) == 5


def test_killed_again_and_again_it_opens_its_port_at_once_and_loses_nothing(tmp_path: Path) -> None:
    opened = []
    for number in range(1, 5):
        started = time.monotonic()
        with listening(tmp_path) as (process, port), RawPeer(port) as peer:
            opened.append(time.monotonic() - started)
            peer.associate()
            assert peer.store(encoded(image(number=number)), sop_instance=uid(1, 1, number)) == 0
            process.send_signal(signal.SIGKILL)
            process.wait(10)

    register = follow(tmp_path)

    assert [each.sop_instance_uid for each in register.instances] == [uid(1, 1, number) for number in range(1, 5)]
    assert max(opened) < 10


def test_the_answer_leaves_after_the_kernel_has_synced(tmp_path: Path, require_tool: Callable[[str], str]) -> None:
    """Seen from outside, by the system calls: bytes, record, fdatasync, and only then the answer on the socket."""
    trace = tmp_path / "trace"
    options = ["-D", "-f", "-y", "-e", "trace=fdatasync,sendto,pwritev,pwritev2", "-o", str(trace)]
    with listening(tmp_path, require_tool("strace"), *options) as (process, port), RawPeer(port) as peer:
        peer.associate()
        assert peer.store(encoded(image()), sop_instance=uid(1, 1, 1)) == 0
        process.kill()
        process.wait(20)
    wait_until(lambda: "+++ killed by SIGKILL" in trace.read_text())

    lines = trace.read_text().splitlines()
    thread = next(line.split()[0] for line in lines if "sendto(" in line)
    calls = [line for line in lines if line.split()[0] == thread]
    first, second = (number for number, line in enumerate(calls) if "sendto(" in line)
    record = next(number for number, line in enumerate(calls) if "pwritev" in line and "TREC" in line)
    synced = next(number for number, line in enumerate(calls) if "fdatasync" in line and line.endswith("= 0"))
    # the first answer accepts the association, the second is the response to C-STORE; the payload is before its record
    assert "pwritev" in calls[record - 1]
    assert first < record - 1 < record < synced < second
