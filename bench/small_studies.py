"""Sixty studies of three slices that end NOT_EVALUABLE through one worker: what a study costs in itself."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.builders import write_series

from bench import _latest
from bench._latest import Entry
from bench._service import service

SEED = 1
"""The images' noise is seeded by study, series and number, see tests.builders.image."""
WANTED_PER_MINUTE = 30.0


def main() -> None:
    """Measure from the first study that settled to the last that was done; record studies a minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=60)
    parser.add_argument("--remark", default="", help="what else ran on the machine")
    parser.add_argument("--json", type=Path, default=_latest.LATEST, help=argparse.SUPPRESS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, service(Path(scratch) / "service") as running:
        folder = Path(scratch) / "images"
        series = [write_series(folder / str(study), 3, study=study) for study in range(1, options.studies + 1)]
        files = [path for paths in series for path in paths]
        running.send(files)
        running.wait_for("SELECT count(*) FROM studies WHERE state IN ('DONE', 'FAILED')", options.studies)
        categories = dict(running.rows("SELECT category, count(*) FROM studies GROUP BY category"))
        if categories != {"NOT_EVALUABLE": options.studies}:
            raise RuntimeError(f"expected {options.studies} NOT_EVALUABLE, found {categories}")
        ((seconds,),) = running.rows(
            "SELECT extract(epoch FROM max(at) FILTER (WHERE what = 'DONE') - min(at) FILTER (WHERE what = 'SETTLED')) "
            "FROM events"
        )
        ((child,),) = running.rows(
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (facts ->> 'seconds')::float) FROM events "
            "WHERE what = 'ANALYSED'"
        )
    rate = 60.0 * options.studies / float(seconds)
    print(f"{options.studies} studies in {float(seconds):.1f} s: {rate:.1f} a minute and worker")
    print(f"the analysis of each took {child:.1f} s (median)")
    against = f"at least {WANTED_PER_MINUTE:g} a minute and worker; {options.studies} studies of 3 CT slices"
    _latest.record([Entry("small_studies_per_minute", rate, "1/min", against)], seed=SEED, remark=options.remark)


if __name__ == "__main__":
    main()
