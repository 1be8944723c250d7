"""Metamorphic tests of reading: header trifles change no voxel, contradictions never give a value without a reason.

``TRABECULA_EXAMPLES`` sets the number of examples (``make metamorphic`` runs the long form). The long form goes on
after a fault and lists every fault and every refusal by kind at its end: refusals are allowed in one of a hundred
examples, faults never. The short form stops at the first of either and shrinks it.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.metamorphic.contradictions import Contradiction, contradictions_of
from tests.metamorphic.scans import Reading, Scan, canonical, ct_study, differences, mr_study, read, scan_of
from tests.metamorphic.trifles import apply, trifles_of
from trabecula.domain.results.result import Category
from trabecula.domain.volume import Volume

EXAMPLES = int(os.environ.get("TRABECULA_EXAMPLES", "60"))
LONG = EXAMPLES > 1000
ROLES = ("CT", "T1", "T2")
REFUSALS: Counter[str] = Counter()
FAULTS: Counter[str] = Counter()
SEEN: Counter[str] = Counter()
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None

CHECKS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=not LONG,
    phases=(Phase.generate,) if LONG else (Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)


def scan(role: str) -> Scan:
    return scan_of(ct_study() if role == "CT" else mr_study(), role)


@st.composite
def varied(draw: st.DrawFn) -> tuple[str, tuple[tuple[str, int], ...]]:
    """A role and up to four trifles, each with the seed of its own chance."""
    role = draw(st.sampled_from(ROLES))
    names = draw(st.lists(st.sampled_from(sorted(trifles_of(role))), min_size=1, max_size=4, unique=True))
    return role, tuple((name, draw(st.integers(0, 2**16))) for name in names)


@given(varied())
@CHECKS
def test_trifles_change_no_voxel(variation: tuple[str, tuple[tuple[str, int], ...]]) -> None:
    role, steps = variation
    fault = _read_otherwise(role, steps)
    assert _stands("trifles", f"{role} {steps}", fault), fault


def _read_otherwise(role: str, steps: tuple[tuple[str, int], ...]) -> str:
    """Return in words what the trifles changed; empty where nothing, and in the long form also where all is refused."""
    original = scan(role)
    slices = apply(role, steps, original.slices)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        reading = read(slices, Path(folder))
    kind = " + ".join(name for name, _ in steps)
    if not reading.volumes:
        refusal = f"{role}: {kind}: {[reason.sentence for reason in reading.result.reasons]}"
        REFUSALS[refusal] += 1
        return "" if LONG else f"refused: {refusal}"
    tolerance = 0.51 if "slope_of_its_own" in kind else 0.01
    found = differences(reading.volumes[0], original.truth, tolerance)
    return f"{role} read otherwise after {kind}: {found}" if found else ""


def test_copies_stored_with_another_slope_are_copies(tmp_path: Path) -> None:
    original = scan("CT")
    steps = (("slices_again_under_new_uids", 1), ("slope_of_its_own", 1))

    reading = read(apply("CT", steps, original.slices), tmp_path)

    assert not differences(reading.volumes[0], original.truth)
    (use,) = reading.result.series_used
    assert (use.images_used, use.images_total) == (len(original.slices), 2 * len(original.slices))


@st.composite
def contradicting(draw: st.DrawFn) -> tuple[str, str, int]:
    role = draw(st.sampled_from(ROLES))
    return role, draw(st.sampled_from(sorted(contradictions_of(role)))), draw(st.integers(0, 2**16))


@given(contradicting())
@CHECKS
def test_contradictions_give_no_value_without_a_reason(variation: tuple[str, str, int]) -> None:
    role, name, seed = variation
    fault = _silent(role, name, seed)
    assert _stands("contradictions", f"{role} {name} {seed}", fault), fault


def _silent(role: str, name: str, seed: int) -> str:
    """Return in words what is wrong with the answer to a contradiction; empty where nothing."""
    made = contradictions_of(role)[name](scan(role), np.random.default_rng(seed))
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        reading = read(made.slices, Path(folder))
    note(f"{[reason.sentence for reason in reading.result.reasons]}")
    note(f"{reading.result.series_used} {reading.result.series_not_used}")
    if not made.measurable and (reading.volumes or reading.result.category is not Category.NOT_EVALUABLE):
        return f"{role} measured although {name}"
    for volume in reading.volumes:
        mixed = _mixed(volume, made)
        if mixed:
            return f"{role}: {name}: {mixed}"
    return "" if _told(reading) - _told(_plain(role)) else f"{role}: {name} left no reason"


def _mixed(volume: Volume, made: Contradiction) -> str:
    """Return how a volume is not what it must be: slices of one and the same truth, at its place, none forbidden."""
    used = set(volume.source_uids) & made.forbidden
    if used:
        return f"{len(used)} images were used that contradict the others"
    matches = [_mismatch(volume, truth) for truth in made.truths]
    return "" if None in matches else f"the volume is no part of one scan ({matches})"


def _mismatch(volume: Volume, truth: Volume) -> str | None:
    array, affine = canonical(volume)
    wanted, place = canonical(truth)
    axis = int({"AXIAL": 0, "CORONAL": 1, "SAGITTAL": 2}[volume.geometry.plane.value])
    step, whole = affine[:3, axis], place[:3, axis]
    if float(np.abs(step - whole).max()) > 0.05:
        return f"slices {np.linalg.norm(step):.2f} mm apart"
    first = float((affine[:3, 3] - place[:3, 3]) @ whole / (whole @ whole))
    if abs(first - round(first)) > 0.05 or array.shape[axis] + round(first) > wanted.shape[axis] or first < -0.05:
        return f"begins at slice {first:.2f}"
    part = np.take(wanted, range(round(first), round(first) + array.shape[axis]), axis=axis)
    if part.shape != array.shape:
        return f"shape {array.shape}"
    wrong = float(np.abs(array - part).max())
    return f"values differ by {wrong:g}" if wrong > 0.51 else None


@cache
def _plain(role: str) -> Reading:
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        return read(scan(role).slices, Path(folder))


def _told(reading: Reading) -> set[tuple[str, str]]:
    uses = (*reading.result.series_used, *reading.result.series_not_used)
    reasons = (*reading.result.reasons, *(reason for use in uses for reason in use.reasons))
    return {(reason.code.name, reason.detail) for reason in reasons}


def _stands(test: str, example: str, fault: str) -> bool:
    """Count an example and return whether its test may go on; the long form writes a fault down for its last test."""
    SEEN[test] += 1
    if LONG and SEEN[test] % 1000 == 0:
        print(SEEN[test], test, sum(FAULTS.values()), "faults,", sum(REFUSALS.values()), "refusals", flush=True)
    if fault:
        FAULTS[f"{example}: {fault}"] += 1
    return LONG or not fault


def test_no_fault_and_few_refusals() -> None:
    for kinds in (FAULTS, REFUSALS):
        for kind, count in kinds.most_common():
            print(count, kind)
    print(dict(SEEN), sum(FAULTS.values()), "faults,", sum(REFUSALS.values()), "refusals")
    assert not FAULTS
    assert sum(REFUSALS.values()) <= 0.01 * SEEN["trifles"]
