"""Many associations one after another: neither memory nor threads nor descriptors grow with them."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.builders import encoded, image, uid
from tests.intake.conftest import Running
from tests.intake.peers import RawPeer
from tests.waiting import wait_until

ASSOCIATIONS = 2000


@pytest.mark.serial
def test_two_thousand_associations_leave_nothing_behind(running: Running) -> None:
    content = encoded(image())
    _one(running.port, content, 1)
    wait_until(lambda: running.listener.open_associations == 0)
    threads, files = threading.active_count(), len(os.listdir("/proc/self/fd"))
    memory_kib = 0

    for number in range(ASSOCIATIONS):
        _one(running.port, content, number % 7)
        if number == ASSOCIATIONS // 4:
            memory_kib = _resident_kib()

    wait_until(lambda: running.listener.open_associations == 0)
    assert _resident_kib() - memory_kib < 20 * 1024
    wait_until(lambda: threading.active_count() <= threads)
    assert len(os.listdir("/proc/self/fd")) <= files
    assert len(running.registrar.instances) == 1


def _one(port: int, content: bytes, kind: int) -> None:
    with RawPeer(port) as peer:
        peer.associate()
        if kind == 1:
            assert peer.store(content, sop_instance=uid(1, 1, 1)) == 0
        elif kind == 2:
            peer.send(content[:100])  # nonsense, and gone
            return
        else:
            assert peer.echo() == 0
        peer.release()


def _resident_kib() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
