"""Receiving speed beside DCMTK's storescp: the same senders, the same series, in turn, in one run.

Absolute seconds belong to the machine; the ratio is the figure. Nagle's algorithm is off in every DCMTK program
(TCP_NODELAY=1): with it on, storescu to storescp is fifty times slower and anything would look fast.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = {**os.environ, "TCP_NODELAY": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


@dataclass(frozen=True)
class Figure:
    """One receiver under one load; medians over the repeats."""

    receiver: str
    senders: int
    seconds: float
    instances_per_second: float
    ratio: float
    cpu_seconds: float
    peak_rss_mib: float


def make_series(folder: Path, senders: int, count: int, rows: int) -> list[list[Path]]:
    """Write ``count`` CT images of ``rows`` squared pixels, shared out as one series for each sender."""
    from tests.builders import write_series

    each = count // senders
    return [write_series(folder / str(study), each, study=study, rows=rows) for study in range(1, senders + 1)]


def serve(folder: Path) -> None:
    """Run the listener until SIGTERM; prints its port."""
    import structlog

    from trabecula.intake.listener import Listener, ListenerConfig
    from trabecula.intake.storage.spool import Spool
    from trabecula.testing import MemoryRegistrar

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    listener = Listener(ListenerConfig(port=0, min_free_bytes=0), Spool(folder), MemoryRegistrar())
    print(listener.start(), flush=True)
    signal.sigwait({signal.SIGTERM})
    listener.stop()


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def receiver(name: str, folder: Path) -> Iterator[tuple[int, int]]:
    """Start a receiver that writes into ``folder``; yields its port and process id."""
    folder.mkdir(parents=True)
    if name == "trabecula":
        command = [sys.executable, "-m", "bench.intake", "--serve", str(folder)]
        process = subprocess.Popen(command, env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        port = int(process.stdout.readline())
    else:
        port = free_port()
        options = ["--fork"] if name == "storescp --fork" else []
        command = ["storescp", "-aet", "TRABECULA", "+B", "-pdu", "131072", "-od", str(folder), *options, str(port)]
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, text=True)
        await_port(port)
    try:
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def await_port(port: int) -> None:
    """Wait until something listens."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {port}")


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process and of its ended children."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return sum(int(value) for value in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def peak_rss_mib(pid: int) -> float:
    """Return the largest resident size the process has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def once(name: str, series: Sequence[Sequence[Path]], folder: Path) -> tuple[float, float, float]:
    """Send every series at the same time; return wall seconds, the receiver's CPU seconds and its peak memory."""
    try:
        with receiver(name, folder) as (port, pid):
            before = cpu_seconds(pid)
            started = time.perf_counter()
            senders = [
                subprocess.Popen(
                    [
                        "storescu",
                        "--max-send-pdu",
                        "131072",
                        "-aec",
                        "TRABECULA",
                        "127.0.0.1",
                        str(port),
                        *map(str, files),
                    ],
                    env=ENVIRONMENT,
                )
                for files in series
            ]
            codes = [sender.wait(600) for sender in senders]
            seconds = time.perf_counter() - started
            if any(codes):
                raise RuntimeError(f"{name}: senders ended with {codes}")
            return seconds, cpu_seconds(pid) - before, peak_rss_mib(pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure(folder: Path, count: int, rows: int, repeats: int, loads: Sequence[int]) -> list[Figure]:
    """Measure every receiver under every number of senders, in turn, so that a busy machine slows all alike."""
    figures = []
    for senders in loads:
        series = make_series(folder / "series", senders, count, rows)
        anchor = "storescp" if senders == 1 else "storescp --fork"
        runs: dict[str, list[tuple[float, float, float]]] = {anchor: [], "trabecula": []}
        for repeat in range(repeats):
            for name, measured in runs.items():
                measured.append(once(name, series, folder / f"received-{repeat}"))
        reference = statistics.median(run[0] for run in runs[anchor])
        for name, measured in runs.items():
            seconds, cpu, memory = (statistics.median(values) for values in zip(*measured, strict=True))
            rate = count // senders * senders / seconds
            figures.append(Figure(name, senders, seconds, rate, reference / seconds, cpu, memory))
        shutil.rmtree(folder / "series")
    return figures


def table(figures: Sequence[Figure]) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        "| receiver | senders | s | inst/s | ratio to dcmtk | CPU s | peak RSS MiB |",
        "|---|---|---|---|---|---|---|",
    ]
    for figure in figures:
        lines.append(
            f"| {figure.receiver} | {figure.senders} | {figure.seconds:.2f} | {figure.instances_per_second:.0f} "
            f"| {figure.ratio:.2f} | {figure.cpu_seconds:.2f} | {figure.peak_rss_mib:.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print; --json writes the figures to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=600)
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--senders", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--folder", type=Path, help="where to write; a memory file system by default")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        serve(options.serve)
        return
    memory = Path("/dev/shm")
    base = options.folder or (memory if memory.is_dir() else None)
    with tempfile.TemporaryDirectory(dir=base, prefix="trabecula-bench-") as folder:
        figures = measure(Path(folder), options.instances, options.rows, options.repeats, options.senders)
    print(table(figures))
    if options.json is not None:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([asdict(figure) for figure in figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
