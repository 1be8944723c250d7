"""What was acknowledged survives SIGKILL: the file whole under its name, and the row."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import encoded, image, uid, without_head
from tests.intake.peers import RawPeer, command_set, pdu, value


@pytest.mark.parametrize("unfinished", [0, 5000])
def test_sigkill_right_after_success(tmp_path: Path, unfinished: int) -> None:
    spool, rows = tmp_path / "spool", tmp_path / "rows"
    script = Path(__file__).with_name("listening_process.py")
    process = subprocess.Popen(
        [sys.executable, str(script), str(spool), str(rows)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(script.parents[2])},
    )
    assert process.stdout is not None
    with process, process.stdout as output, RawPeer(int(output.readline())) as peer:
        peer.associate()
        statuses = [peer.store(encoded(image(number=number)), sop_instance=uid(1, 1, number)) for number in range(1, 6)]
        if unfinished:
            peer.send(pdu(4, value(1, 3, command_set(1, sop_instance=uid(1, 1, 6)))))
            peer.send(pdu(4, value(1, 0, bytes(unfinished))))
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    assert statuses == [0] * 5
    registered = [json.loads(line) for line in rows.read_text().splitlines()]
    assert [each["sop_instance_uid"] for each in registered] == [uid(1, 1, number) for number in range(1, 6)]
    for number, each in enumerate(registered, 1):
        kept = (spool / each["spool_key"]).read_bytes()
        assert hashlib.sha256(kept).hexdigest() == each["sha256"]
        assert without_head(kept) == encoded(image(number=number))
    assert len(list((spool / "objects").rglob("*.dcm"))) == 5
