"""Reception over the path a user runs (``trabecula serve``: sync and ledger), beside storescp, Orthanc and the limit.

*The limit* for one sender is storescp's time plus a loop that writes the same bytes to one new file each with one
fdatasync; for several senders the slower of ``storescp --fork`` and one sequential write and sync of the same bytes.
All rounds are interleaved, so that a busy machine slows all alike; figures are ratios of medians.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from bench import _latest, _receivers
from bench._latest import Entry
from bench._receivers import ENVIRONMENT, LISTENER, RECEIVER, Receiver

OURS, ORTHANC, STORESCP, RAW = "trabecula serve", "Orthanc", "storescp", "raw write and sync"
SEED = 1
"""The images' noise is seeded by study, series and number, see tests.builders.image."""
IDLE_SECONDS = 10.0


@dataclass
class Runs:
    """Seconds of each round, and of ours the processor time per instance by process and the lag of rows."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[dict[str, float]] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    rss_mib: float = 0.0

    @property
    def median(self) -> float:
        """The median round."""
        return statistics.median(self.seconds)

    def cpu_of(self, role: str, count: int) -> float:
        """Return the median processor time per instance, in milliseconds."""
        return 1000 * statistics.median(run.get(role, 0.0) for run in self.cpu) / count


def receivers(senders: int) -> dict[str, Callable[[Path], AbstractContextManager[Receiver]]]:
    """Return how each receiver is started in a folder."""
    return {
        STORESCP: lambda folder: _receivers.storescp(folder, fork=senders > 1),
        ORTHANC: _receivers.orthanc,
        OURS: _receivers.trabecula,
    }


def send(series: Sequence[Sequence[Path]], port: int) -> float:
    """Send every series at the same time over an association of its own; return the seconds until the last ended."""
    started = time.perf_counter()
    command = ["storescu", "--max-send-pdu", "131072", "-aec", "TRABECULA", "127.0.0.1", str(port)]
    senders = [subprocess.Popen([*command, *map(str, files)], env=ENVIRONMENT) for files in series]
    codes = [sender.wait(600) for sender in senders]
    if any(codes):
        raise RuntimeError(f"senders ended with {codes}")
    return time.perf_counter() - started


def one_round(name: str, receiver: AbstractContextManager[Receiver], series: Sequence[Sequence[Path]]) -> Runs:
    """Send the series to one fresh receiver."""
    runs = Runs()
    with receiver as running:
        before = running.cpu_seconds()
        with _row_watch(running, sum(map(len, series))) if name == OURS else contextlib.nullcontext() as lags:
            runs.seconds.append(send(series, running.port))
        runs.lags = lags or []
        runs.cpu.append({role: seconds - before[role] for role, seconds in running.cpu_seconds().items()})
        runs.rss_mib = _receivers.resident_mib(running.pids.get(LISTENER, running.pids.get(RECEIVER, 0)), "VmHWM")
    return runs


def raw_seconds(series: Sequence[Sequence[Path]], folder: Path, *, sequential: bool) -> float:
    """Write the same bytes to one new file each with one fdatasync, or all to one file with one."""
    contents = [path.read_bytes() for files in series for path in files]
    folder.mkdir(parents=True)
    started = time.perf_counter()
    if sequential:
        with (folder / "all").open("wb", buffering=0) as file:
            for content in contents:
                file.write(content)
            os.fdatasync(file.fileno())
    else:
        for number, content in enumerate(contents):
            with (folder / str(number)).open("xb", buffering=0) as file:
                file.write(content)
                os.fdatasync(file.fileno())
    return time.perf_counter() - started


def measure(base: Path, series: Sequence[Sequence[Path]], repeats: int, names: Sequence[str]) -> dict[str, Runs]:
    """Return the runs of each receiver and of the raw loop, in interleaved rounds."""
    found = {name: Runs() for name in (RAW, *names)}
    folder = base / "received"
    for _ in range(repeats):
        for name, runs in found.items():
            if name == RAW:
                runs.seconds.append(raw_seconds(series, folder, sequential=len(series) > 1))
            else:
                run = one_round(name, receivers(len(series))[name](folder), series)
                runs.seconds += run.seconds
                runs.cpu += run.cpu
                runs.lags += run.lags
                runs.rss_mib = max(runs.rss_mib, run.rss_mib)
            shutil.rmtree(folder, ignore_errors=True)
    return found


@contextlib.contextmanager
def _row_watch(receiver: Receiver, count: int) -> Iterator[list[float]]:
    """Give, filled at the end, the seconds from the receipt of each image until its committed row was seen."""
    lags: list[float] = []
    seen: list[float] = []

    def watch() -> None:
        with psycopg.connect(receiver.database_url, autocommit=True) as connection:
            while len(seen) < count and time.time() < deadline:
                (rows,) = connection.execute("SELECT count(*) FROM instances").fetchone() or (0,)
                seen.extend([time.time()] * (rows - len(seen)))
                time.sleep(0.02)
            received = connection.execute("SELECT extract(epoch FROM received_at) FROM instances ORDER BY received_at")
            lags.extend(at - float(came) for at, (came,) in zip(seen, received.fetchall(), strict=False))

    deadline = time.time() + 600
    thread = threading.Thread(target=watch)
    thread.start()
    yield lags
    deadline = time.time() + 60
    thread.join()
    if len(seen) != count:
        raise RuntimeError(f"{len(seen)} rows of {count} images after a minute")


@contextlib.contextmanager
def analysis_load(base: Path) -> Iterator[None]:
    """Analyse a phantom again and again on every core, as workers do (nice 5)."""
    from trabecula.phantom.ct import make_ct_study
    from trabecula.phantom.dicom import write_study
    from trabecula.phantom.patient import sample_patient
    from trabecula.phantom.study import CtStudySpec

    folder = base / "phantom"
    patient = sample_patient(7, SEED, age_years=72, density_l1=55.0)
    write_study(make_ct_study(CtStudySpec(patient, case="load")), folder)
    loop = 'while :; do nice -n 5 "$0" -m trabecula analyse "$1" --out "$2" >/dev/null 2>&1; rm -rf "$2"; done'
    loads = [
        subprocess.Popen(
            ["bash", "-c", loop, sys.executable, str(folder), str(base / f"analysed-{core}")],
            env=ENVIRONMENT, start_new_session=True,
        )
        for core in range(os.cpu_count() or 2)
    ]  # fmt: skip
    try:
        time.sleep(8.0)  # interpreters have started
        yield
    finally:
        for load in loads:
            os.killpg(load.pid, 9)
            load.wait()


def idle_cpu_percent(base: Path, associations: int) -> tuple[float, float]:
    """Return the share of one core that idle associations cost the listener, and its resident MiB then."""
    from tests.intake.peers import RawPeer

    with _receivers.trabecula(base / "idle") as running, contextlib.ExitStack() as stack:
        for _ in range(associations):
            stack.enter_context(RawPeer(running.port)).associate()
        time.sleep(2.0)
        before = running.cpu_seconds()[LISTENER]
        time.sleep(IDLE_SECONDS)
        spent = running.cpu_seconds()[LISTENER] - before
        return 100 * spent / IDLE_SECONDS, _receivers.resident_mib(running.pids[LISTENER])


def figures_of(senders: int, count: int, found: dict[str, Runs], kind: str) -> list[Entry]:
    """Return the figures of one quiet measurement."""
    raw, peer, ours = found[RAW].median, found[STORESCP].median, found[OURS].median
    limit = peer + raw if senders == 1 else max(peer, raw)
    means = "storescp's time plus one new file and fdatasync each" if senders == 1 else (
        "the slower of storescp --fork and one sequential write and sync"
    )  # fmt: skip
    anchor = "storescp (no sync, no index)" if senders == 1 else "storescp --fork (no sync, no index)"
    images = f"{count} {kind} images, {senders} sender{'s' if senders > 1 else ''}"
    entries = [
        Entry(f"reception_{kind.lower()}_{senders}_vs_limit", limit / ours, "ratio", f"{means}; {images}"),
        Entry(f"reception_{kind.lower()}_{senders}", peer / ours, "ratio", f"{anchor}; {images}"),
    ]
    if kind == "CT" and senders == 1:
        entries += [
            Entry("reception_vs_orthanc", found[ORTHANC].median / ours, "ratio", f"Orthanc; {images}"),
            Entry("row_lag_p99_ms", 1000 * _percentile(found[OURS].lags, 0.99), "ms", f"receipt to seen row; {images}"),
            Entry(
                "listener_cpu_vs_storescp",
                found[OURS].cpu_of(LISTENER, count) / max(found[STORESCP].cpu_of(RECEIVER, count), 1e-6),
                "ratio", f"processor time per instance of storescp; {images}",
            ),
        ]  # fmt: skip
    return entries


def table(senders: int, count: int, kind: str, found: dict[str, Runs]) -> str:
    """Return one measurement as a Markdown table."""
    lines = [f"\n{count} {kind} images, {senders} sender(s)", "| what | s | CPU ms per instance |", "|---|---|---|"]
    for name, runs in found.items():
        roles = sorted({role for run in runs.cpu for role in run})
        cpu = ", ".join(f"{role} {runs.cpu_of(role, count):.2f}" for role in roles)
        spread = f"{min(runs.seconds):.2f}-{max(runs.seconds):.2f}"
        lines.append(f"| {name} | {runs.median:.2f} ({spread}) | {cpu} |")
    return "\n".join(lines)


def _percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    """Measure what is asked for, print tables, and merge the figures into bench/results/latest.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=600)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--senders", type=int, nargs="*", default=[1, 4, 8])
    parser.add_argument("--folder", type=Path, default=_latest.ROOT / "out", help="a folder on a disk, not in memory")
    parser.add_argument("--no-load", action="store_true", help="leave the rounds beside an analysis out")
    parser.add_argument("--no-idle", action="store_true", help="leave idle associations out")
    parser.add_argument("--no-mr", action="store_true", help="leave the 60 MR images out")
    parser.add_argument("--remark", default="", help="what else ran on the machine")
    parser.add_argument("--json", type=Path, default=_latest.LATEST, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    entries: list[Entry] = []
    with tempfile.TemporaryDirectory(dir=options.folder, prefix="bench-") as name:
        base = Path(name)
        for senders in options.senders:
            kinds = [("CT", options.instances, 512)] + ([("MR", 60, 320)] if senders == 1 and not options.no_mr else [])
            for kind, count, rows in kinds:
                series = _series(base / "series", senders, count, rows, kind)
                found = measure(base, series, options.repeats, (STORESCP, ORTHANC, OURS))
                print(table(senders, count, kind, found), flush=True)
                entries += figures_of(senders, count, found, kind)
                shutil.rmtree(base / "series")
        if not options.no_load:
            entries += _loaded(base, options.instances, options.repeats)
        if not options.no_idle:
            percent, resident = idle_cpu_percent(base, 30)
            entries.append(Entry("idle_30_cpu_percent", percent, "percent of a core", "30 idle associations"))
            entries.append(Entry("listener_rss_mib", resident, "MiB", "the listener as serve runs it, 30 associations"))
    for entry in entries:
        print(f"{entry.name:28s} {entry.value:10.3f} {entry.unit:8s} {entry.against}")
    _latest.record(entries, seed=SEED, remark=options.remark)


def _loaded(base: Path, count: int, repeats: int) -> list[Entry]:
    series = _series(base / "series", 1, count, 512, "CT")
    with analysis_load(base):
        found = measure(base, series, repeats, (STORESCP, ORTHANC, OURS))
    print(table(1, count, "CT (beside an analysis on every core)", found), flush=True)
    ratio = found[ORTHANC].median / found[OURS].median
    against = f"Orthanc beside the same analyses on every core; {count} CT images, 1 sender"
    lag = 1000 * _percentile(found[OURS].lags, 0.99)
    return [
        Entry("reception_vs_orthanc_loaded", ratio, "ratio", against),
        Entry("row_lag_p99_ms_loaded", lag, "ms", "receipt to seen row, beside an analysis on every core"),
    ]


def _series(folder: Path, senders: int, count: int, rows: int, kind: str) -> list[list[Path]]:
    """Write ``count`` images of noise, ``rows`` squared pixels, shared out as one study for each sender."""
    from tests.builders import image, part10

    sop_class = {"CT": "1.2.840.10008.5.1.4.1.1.2", "MR": "1.2.840.10008.5.1.4.1.1.4"}[kind]
    folder.mkdir()
    shared: list[list[Path]] = []
    for study in range(1, senders + 1):
        paths = [folder / f"{study}-{number}.dcm" for number in range(1, count // senders + 1)]
        for number, path in enumerate(paths, 1):
            path.write_bytes(part10(image(study, 1, number, sop_class=sop_class, rows=rows)))
        shared.append(paths)
    return shared


if __name__ == "__main__":
    main()
