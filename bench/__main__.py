"""``make bench``: every benchmark of this folder in turn; figures as JSON under bench/results, tables on the screen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "results"


def main() -> int:
    """Run the benchmarks named on the command line, or all; return how many failed."""
    files = [path.stem for path in HERE.glob("*.py")] + [path.parent.name for path in HERE.glob("*/__main__.py")]
    names = sys.argv[1:] or sorted(name for name in files if not name.startswith("_"))
    RESULTS.mkdir(exist_ok=True)
    failed = 0
    for name in names:
        print(f"\n== {name}", flush=True)
        command = [sys.executable, "-m", f"bench.{name}", "--json", str(RESULTS / f"{name}.json")]
        failed += subprocess.run(command, cwd=HERE.parent, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
