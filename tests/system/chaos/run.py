"""``make chaos SECONDS=600 SEED=1``: the service, a load, faults by seed, time to finish, and the checker's verdict.

What stays out: clocks that jump and power that fails under a write are not made here (the journal's own tests do).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.parallel import free_port
from tests.system.chaos.checker import Verdict, check
from tests.system.chaos.faults import Faults
from tests.system.chaos.load import Load
from tests.system.service import Installation

ROOT = Path(__file__).resolve().parents[3]


@contextlib.contextmanager
def pacs(folder: Path) -> Iterator[int]:
    """DCMTK's storescp, which keeps every reception in a file of its own; nobody harms it."""
    folder.mkdir()
    port = free_port()
    command = [_tool("storescp"), "--aetitle", "PACS", "--unique-filenames", "--output-directory", str(folder)]
    with subprocess.Popen([*command, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        yield port
        process.terminate()


def _tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise SystemExit(f"{name} is not installed; run deploy/install-test-peers.sh as root")
    return path


def chaos(
    folder: Path,
    seed: int,
    seconds: float,
    *,
    pause_s: tuple[float, float] = (1.0, 10.0),
    kinds: Sequence[str] = (),
    patience_s: float = 600.0,
    study_pause_s: float = 8.0,
) -> Verdict:
    """Run load and faults in a folder, let the service finish, and return the verdict; the folder keeps it all."""
    with pacs(folder / "pacs") as port:
        config = folder / "trabecula.toml"
        lines = ('name = "PACS"', 'ae_title = "PACS"', 'host = "127.0.0.1"', f"port = {port}", "commitment = false")
        config.write_text("\n".join(("[[destinations]]", *lines)))
        installation = Installation(
            folder / "data",
            free_port(),
            study_quiet_seconds=2,
            stalled_seconds=10,
            config=config,
            log_level="WARNING",
        )
        faults = Faults(installation, folder, seed)
        load = Load(_tool("storescu"), installation.port, folder, pause_s=study_pause_s)
        try:
            faults.wait_until_ready()
            load.start(senders=2)
            faults.run(seconds, pause_s, kinds)
            load.stop()
            ends = time.monotonic() + patience_s
            while (verdict := check(folder)).stuck and time.monotonic() < ends:
                time.sleep(1.0)
        finally:
            load.give_up()
            faults.stop()
    return check(folder) if verdict.is_sound else verdict


def main() -> int:
    """Run, keep the folder where anything is wrong, and print the verdict last."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=ROOT / "out", help="a folder on a disk, not in memory")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=options.folder, prefix="chaos-"))
    print(f"seed {options.seed}, {options.seconds:g} s, in {folder}, load {os.getloadavg()[0]:.1f}", flush=True)
    chaos(folder, options.seed, options.seconds)
    command = [sys.executable, "-m", "tests.system.chaos.checker", str(folder)]
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if code == 0:
        shutil.rmtree(folder)
    return code


if __name__ == "__main__":
    sys.exit(main())
