"""Debian's rsyslog as the server of syslog over TLS, started for a test."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.certificates import Authority
from tests.waiting import wait_until

_CONFIGURATION = """
global(workDirectory="{folder}" maxMessageSize="64k" defaultNetstreamDriver="gtls"
       defaultNetstreamDriverCAFile="{authority}" defaultNetstreamDriverCertFile="{certificate}"
       defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/certvalid")
input(type="imtcp" address="127.0.0.1" port="{port}")
template(name="whole" type="string" string="{template}\\n")
action(type="omfile" file="{folder}/received.log" template="whole")
"""
_TEMPLATE = "|".join(
    f"%{name}%"
    for name in ("pri", "timestamp:::date-rfc3339", "hostname", "app-name", "msgid", "structured-data", "msg")
)


class Rsyslog:
    """What was received, one line a message: priority, time, host, program, message id, structured data, message."""

    def __init__(self, folder: Path, port: int, program: str) -> None:
        self.folder, self.port, self._program = folder, port, program
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def received(self) -> list[list[str]]:
        path = self.folder / "received.log"
        return [line.split("|", 6) for line in path.read_text().splitlines()] if path.exists() else []

    def start(self) -> None:
        pid = self.folder / "pid"
        pid.unlink(missing_ok=True)
        arguments = [self._program, "-n", "-f", str(self.folder / "conf"), "-i", str(pid)]
        with (self.folder / "errors").open("ab") as errors:
            self._running = subprocess.Popen(arguments, stderr=errors, stdout=errors, cwd="/", env=dict(os.environ))
        wait_until(lambda: _listens(self.port))

    def stop(self) -> None:
        if self._running is not None:
            self._running.terminate()
            self._running.wait(20)
            self._running = None


@contextmanager
def rsyslog(folder: Path, port: int, program: str, authority: Authority) -> Iterator[Rsyslog]:
    """A server that takes clients with a certificate of the authority; not started yet."""
    certificate, key = authority.issue("rsyslog")
    values = {"authority": authority.certificate, "certificate": certificate, "key": key, "template": _TEMPLATE}
    (folder / "conf").write_text(_CONFIGURATION.format(folder=folder, port=port, **values))
    made = Rsyslog(folder, port, program)
    try:
        yield made
    finally:
        made.stop()


def _listens(port: int) -> bool:
    found = f":{port:04X} "
    return any(found in line and " 0A " in line for line in Path("/proc/net/tcp").read_text().splitlines())
