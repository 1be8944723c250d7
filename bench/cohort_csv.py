"""Processor time that reading cohort.csv takes: so many lines, all right or all wrong, as the check tells them.

``python -m bench.cohort_csv [LINES]``
"""

from __future__ import annotations

import io
import sys
import tempfile
import time
from contextlib import redirect_stderr
from pathlib import Path

from trabecula_training.cohort.cohort_csv import read_cohort
from trabecula_training.commands.output import print_problems

HEADING = "patient,age_years,sex,t_score,site\n"


def seconds(line: str, count: int) -> float:
    """Return the processor seconds that ``count`` lines take to be read, checked and told."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cohort.csv"
        path.write_text(HEADING + "".join(line.format(number) for number in range(count)))
        started = time.process_time()
        reading = read_cohort(path, need_studies=False)
        with redirect_stderr(io.StringIO()):
            print_problems(reading.problems)
        return time.process_time() - started


def main() -> None:
    """Print both figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    for name, line in (("right", "p{},70,F,-2.6,north\n"), ("wrong", "p{},700,X,many,north\n")):
        sys.stdout.write(f"{count} {name} lines: {seconds(line, count):.1f} CPU s\n")


if __name__ == "__main__":
    main()
