"""The leak test of every recipe in full: on pure noise the order of the papers shines, the sound one does not."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

from trabecula_training.runs.leak_check import LEAST_OPTIMISM

RECIPES = ("jiang2026", "radscore", "xue2022", "b4_2026")


def main() -> int:
    """Run the command of every recipe; 1 when one fails its test."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", default=list(RECIPES))
    parser.add_argument("--small", action="store_true", help="the form that continuous integration runs")
    parser.add_argument("--json", type=Path, help="write the figures here")
    chosen = parser.parse_args()
    rows = [_run(recipe, chosen.small) for recipe in chosen.recipes]
    if chosen.json:
        chosen.json.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row["passed"] for row in rows) else 1


def _run(recipe: str, small: bool) -> dict[str, object]:
    command = [str(Path(sys.executable).with_name("trabecula-train")), "leak-check", recipe, "--json"]
    begun = time.monotonic()
    done = subprocess.run(command + ["--small"] * small, stdout=subprocess.PIPE, text=True, check=False)
    found = json.loads(done.stdout.strip().splitlines()[-1])
    low, high = found["sound_ci"]
    passed = done.returncode == 0 and found["paper_auc"] > LEAST_OPTIMISM and low <= 0.5 <= high
    print(
        f"{recipe:10s}  paper {found['paper_auc']:.3f}   sound {found['sound_auc']:.3f} ({low:.3f}-{high:.3f})   "
        f"{time.monotonic() - begun:.0f} s   {'holds' if passed else 'FAILS'}",
        flush=True,
    )
    return {**found, "passed": passed}


if __name__ == "__main__":
    sys.exit(main())
