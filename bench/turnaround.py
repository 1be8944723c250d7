"""From the last image (quiet time apart) to the SR accepted by the PACS, with the share of each step, without a model.

Phantom studies through ``trabecula serve`` with one worker: a two-sequence MR, a CT of 178 images, one of 600.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench import _latest
from bench._latest import Entry
from bench._service import QUIET_SECONDS, Service, result_of, service
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import FULL_CT, ROUTINE_MR, CtProtocol, MrSequence, Weighting, with_sequences
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomStudy

SEED = 2026
MR = with_sequences(
    replace(ROUTINE_MR, localizer=False), MrSequence(weighting=Weighting.T1), MrSequence(weighting=Weighting.T2)
)
CT_178 = replace(FULL_CT, slices=178, thickness_mm=1.5, increment_mm=1.5, scout=False)
STEPS = ("settling", "start of the analysis", "analysis", "report", "delivery")
LIMITS = {"mr": 10.0, "ct": 10.0, "ct600": 30.0}


@dataclass(frozen=True)
class Turnaround:
    """Seconds of one study in all, and by step."""

    seconds: float
    steps: Mapping[str, float]


def study_named(name: str) -> PhantomStudy:
    """Return the phantom study of a name."""
    patient = sample_patient(SEED, 34 if name == "mr" else 37, age_years=71, density_l1=62.0)
    if name == "mr":
        return make_mr_study(MrStudySpec(patient, MR, case="turnaround"))
    protocol: CtProtocol = {"ct": CT_178, "ct600": FULL_CT}[name]
    return make_ct_study(CtStudySpec(patient, protocol, case="turnaround"))


def measured(running: Service, folder: Path, study_uid: str, files: list[Path]) -> Turnaround:
    """Send one study and wait for its end."""
    last_image = running.send(files)
    running.wait_for("SELECT count(*) FROM studies WHERE state IN ('DONE', 'FAILED')", 1)
    trail = {name: at.timestamp() for name, at in running.trail(study_uid).items()}
    analysis = float(result_of(folder)["timings_s"]["total"])
    steps = {
        "settling": trail["SETTLED"] - last_image - QUIET_SECONDS,
        "start of the analysis": trail["ANALYSED"] - trail["SETTLED"] - analysis,
        "analysis": analysis,
        "report": trail["REPORTED"] - trail["ANALYSED"],
        "delivery": trail["SENT SR"] - trail["REPORTED"],
    }
    return Turnaround(trail["SENT SR"] - last_image - QUIET_SECONDS, steps)


def main() -> None:
    """Measure, print a table, record the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", nargs="*", default=["mr", "ct", "ct600"], choices=["mr", "ct", "ct600"])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--remark", default="", help="what else ran on the machine")
    parser.add_argument("--json", type=Path, default=_latest.LATEST, help=argparse.SUPPRESS)
    options = parser.parse_args()
    entries = []
    for name in options.studies:
        runs = []
        with tempfile.TemporaryDirectory() as scratch:
            study = study_named(name)
            files = write_study(study, Path(scratch) / "study")
            for _ in range(options.repeats):
                folder = Path(scratch) / "service"
                with service(folder) as running:
                    runs.append(measured(running, folder, study.study_uid, files))
                shutil.rmtree(folder)
        entries += _entries(name, len(files), runs)
    _latest.record(entries, seed=SEED, remark=options.remark)


def _entries(name: str, images: int, runs: list[Turnaround]) -> list[Entry]:
    seconds = statistics.median(run.seconds for run in runs)
    steps = {step: statistics.median(run.steps[step] for run in runs) for step in STEPS}
    rest = seconds - steps["analysis"]
    print(f"\n{name}: {images} images, {seconds:.1f} s (median of {len(runs)}), {rest:.1f} s of it not analysis")
    for step, share in steps.items():
        print(f"  {step:<24}{share:6.1f} s {100 * share / seconds:5.0f} %")
    against = f"at most {LIMITS[name]:g} s on two quiet cores; a phantom of {images} images, no model active"
    told = "; ".join(f"{step} {share:.1f}" for step, share in steps.items())
    return [
        Entry(f"turnaround_{name}_seconds", seconds, "s", f"{against}; {told}"),
        Entry(f"turnaround_{name}_rest_seconds", rest, "s", "at most 3 s: everything that is not analysis"),
    ]


if __name__ == "__main__":
    main()
