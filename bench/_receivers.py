"""What images are sent to, started as a user starts it: DCMTK's storescp, Orthanc, and ``trabecula serve``."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if not name.startswith("TRABECULA_")},
    "TCP_NODELAY": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": os.pathsep.join(str(ROOT / part) for part in ("", "service", "models")),
}
"""Nagle's algorithm is off in every DCMTK program: with it on, storescu to storescp takes fifty times as long."""

LISTENER, REGISTRAR, DATABASE, RECEIVER = "listener", "registrar", "database", "receiver"


@dataclass(frozen=True)
class Receiver:
    """A running receiver: where it listens and which processes do its work, by role."""

    port: int
    pids: Mapping[str, int]
    database_url: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    def cpu_seconds(self) -> dict[str, float]:
        """Return the processor time so far by role, that of ended children included."""
        return {role: cpu_seconds(pid) for role, pid in self.pids.items()}


@contextlib.contextmanager
def storescp(folder: Path, *, fork: bool) -> Iterator[Receiver]:
    """DCMTK's receiver: one file each, without a sync and without an index."""
    folder.mkdir(parents=True)
    port = free_port()
    options = ["--fork"] if fork else []
    command = ["storescp", "-aet", "TRABECULA", "+B", "-pdu", "131072", "-od", str(folder), *options, str(port)]
    with _running(command, ENVIRONMENT) as process:
        await_port(port)
        yield Receiver(port, {RECEIVER: process.pid})


@contextlib.contextmanager
def orthanc(folder: Path) -> Iterator[Receiver]:
    """Orthanc with its own SQLite index and without plug-ins."""
    folder.mkdir(parents=True)
    port, http_port = free_port(), free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"), "IndexDirectory": str(folder / "storage"),
        "DicomAet": "TRABECULA", "DicomPort": port, "HttpPort": http_port, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False, "Plugins": [], "UnknownSopClassAccepted": True,
    }  # fmt: skip
    configuration = folder / "orthanc.json"
    configuration.write_text(json.dumps(settings))
    with _running(["Orthanc", str(configuration)], ENVIRONMENT) as process:
        await_port(port)
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{http_port}/system", timeout=30).close()
        yield Receiver(port, {RECEIVER: process.pid})


@contextlib.contextmanager
def trabecula(folder: Path) -> Iterator[Receiver]:
    """``trabecula serve`` with its embedded PostgreSQL in the same folder; no study settles meanwhile."""
    folder.mkdir(parents=True)
    port = free_port()
    environment = ENVIRONMENT | {
        "TRABECULA_DATA_DIR": str(folder), "TRABECULA_DICOM_PORT": str(port), "TRABECULA_MIN_FREE_GIB": "0",
        "TRABECULA_STUDY_QUIET_SECONDS": "36000", "TRABECULA_WORKERS": "1", "TRABECULA_LOG_LEVEL": "WARNING",
    }  # fmt: skip
    with _running([sys.executable, "-m", "trabecula", "serve"], environment, tell=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip() == "trabecula is ready":
                break
        else:
            raise RuntimeError("trabecula serve ended before it was ready")
        parts = _children(process.pid)
        pids = {LISTENER: parts["listen"]} | ({REGISTRAR: parts["register"]} if "register" in parts else {})
        url = _variable(parts.get("register", parts["listen"]), "TRABECULA_DATABASE_URL")
        postmaster = folder / "database" / "postmaster.pid"
        yield Receiver(port, pids | {DATABASE: int(postmaster.read_text().split()[0])}, url, environment)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process, its ended children and its living ones."""
    ticks = 0
    for one in (pid, *_descendants(pid)):
        with contextlib.suppress(OSError):
            fields = Path(f"/proc/{one}/stat").read_text().rsplit(") ", 1)[1].split()
            ticks += sum(int(value) for value in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int, field_name: str = "VmRSS") -> float:
    """Return the resident size of a process, or with ``VmHWM`` the largest it has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field_name))


@contextlib.contextmanager
def _running(
    command: list[str], environment: Mapping[str, str], *, tell: bool = False
) -> Iterator[subprocess.Popen[str]]:
    output = subprocess.PIPE if tell else subprocess.DEVNULL
    with subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            if process.stdout is not None:
                process.stdout.read()
            process.wait(90)


def await_port(port: int, seconds: float = 20.0) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")


def _children(pid: int) -> dict[str, int]:
    """Return the parts of ``serve`` by their command."""
    parts = {}
    for child in _descendants(pid):
        words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
        if b"trabecula" in words:
            parts[words[words.index(b"trabecula") + 1].decode()] = child
    return parts


def _descendants(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children") if Path(f"/proc/{pid}").exists() else ():
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *_descendants(child)]
    return found


def _variable(pid: int, name: str) -> str:
    for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
        key, _, value = line.partition(b"=")
        if key.decode() == name:
            return value.decode()
    return ""
