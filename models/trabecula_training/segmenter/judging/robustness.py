"""The axes along which robustness is measured, and the runs over unseen phantoms."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.segmentation import Segmentation
from trabecula.domain.spine import Level
from trabecula.phantom.anatomy import Fracture, FractureKind, SpineOptions
from trabecula.phantom.defects import Defect
from trabecula.phantom.protocols import ROUTINE_MR, Kernel, Phase
from trabecula.segmentation.network.quality import FEATURES
from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula_training.segmenter.drawing.contrast import Look
from trabecula_training.segmenter.judging.evaluate import BodyScore, Summary, best_dice, score_bodies, summarise
from trabecula_training.segmenter.judging.examinations import Examination, ct_examination, examine, mr_examination
from trabecula_training.segmenter.judging.phantom_cases import CaseOptions, PhantomCase, draw_case

_PLAIN = SpineOptions(lumbar_count=5)
_MR = CaseOptions(spine=_PLAIN)
_CT = CaseOptions(
    look=Look.CT, plane="axial", pixel_mm=0.9, spacing_mm=2.0, field_mm=(230.0, 190.0, 150.0), spine=_PLAIN
)
_ROUTINE = {"pixel_mm": ROUTINE_MR.pixel_mm, "matrix": ROUTINE_MR.matrix, "slices": ROUTINE_MR.slices}
_TALL = (300.0, 190.0, 150.0)
_WORN = SpineOptions(lumbar_count=5, degeneration=0.95)
_FRACTURED = SpineOptions(
    lumbar_count=5,
    fractures=(Fracture(Level.T12, FractureKind.BICONCAVE, 0.25), Fracture(Level.L1, FractureKind.WEDGE, 0.3)),
)
_BROKEN = SpineOptions(
    lumbar_count=5,
    fractures=(
        Fracture(Level.L1, FractureKind.WEDGE, 0.45),
        Fracture(Level.L3, FractureKind.BICONCAVE, 0.4),
        Fracture(Level.L4, FractureKind.CRUSH, 0.4),
    ),
)

Axes = dict[str, dict[str, CaseOptions | Examination]]
"""Axis, then a place on it, then how to acquire it."""

USUAL: Axes = {
    "CT": {
        "2.5 mm": ct_examination(),
        "1 mm": ct_examination(thickness_mm=1.0, increment_mm=1.0),
        "1 mm, portal venous, 100 kVp": ct_examination(thickness_mm=1.0, increment_mm=1.0, phase=Phase.PORTAL, kvp=100),
    },
    "MR 1.5 T": {
        "T1w": mr_examination("T1", **_ROUTINE),
        "T2w": mr_examination("T2", **_ROUTINE),
        "STIR": mr_examination("STIR", **_ROUTINE),
    },
    "MR 3 T": {
        "T1w": mr_examination("T1", scanner="siemens30", **_ROUTINE),
        "T2w": mr_examination("T2", scanner="siemens30", **_ROUTINE),
    },
    "MR 0.3 T": {
        "T1w": mr_examination("T1", scanner="hitachi03", **_ROUTINE),
        "T2w": mr_examination("T2", scanner="hitachi03", **_ROUTINE),
    },
}
"""What a hospital sends every day, from the physics of the phantom examinations."""

AXES: Axes = {
    "image": {
        "T1w": replace(_MR, look=Look.T1),
        "T2w": _MR,
        "STIR": replace(_MR, look=Look.STIR),
        "CT axial 2 mm": _CT,
        "CT sagittal 3 mm": replace(_CT, plane="sagittal", spacing_mm=3.0),
    },
    "plane": {
        "axial MR 3 mm": replace(_MR, plane="axial", spacing_mm=3.0, field_mm=(240.0, 200.0, 120.0)),
        "coronal MR 3 mm": replace(_MR, plane="coronal", spacing_mm=3.0, field_mm=(250.0, 110.0, 120.0)),
        "coronal CT 2 mm": replace(_CT, plane="coronal"),
    },
    "handedness": {
        "array reversed in two axes": replace(_MR, flips=(0, 1)),
        "array reversed in one axis": replace(_CT, flips=(2,)),
        "header upside down": replace(_MR, wrong_header=(1,)),
        "header front to back": replace(_MR, wrong_header=(2,)),
    },
    "resolution": {
        "0.4 mm pixels": replace(_MR, pixel_mm=0.4, field_mm=(240.0, 170.0, 40.0)),
        "1.5 mm pixels": replace(_MR, pixel_mm=1.5),
        "2 mm pixels": replace(_MR, pixel_mm=2.0),
        "thin slices 6 mm apart (gaps)": replace(_MR, spacing_mm=6.0, fill=0.2),
        "6 mm thick slices": mr_examination("T2", thickness_mm=6.0, gap_mm=0.0, slices=11),
        "CT 0.7 mm slices": replace(_CT, spacing_mm=0.7, field_mm=(150.0, 130.0, 80.0)),
        "CT 0.6 mm slices": ct_examination(thickness_mm=0.6, increment_mm=0.6),
        "CT 5 mm slices": ct_examination(thickness_mm=5.0, increment_mm=5.0),
        "CT thin slices 5 mm apart": replace(_CT, spacing_mm=5.0, fill=0.2),
    },
    "position": {
        "tilted 15 degrees": replace(_MR, turn_deg=(15.0, 0.0, 0.0)),
        "leaning 10, turned 10 degrees": replace(_CT, turn_deg=(0.0, 10.0, 10.0)),
        "scoliosis 30 degrees": replace(_MR, spine=replace(_PLAIN, scoliosis_deg=30.0), field_mm=(270.0, 220.0, 90.0)),
    },
    "field of view": {
        "crop without sacrum": replace(_MR, field_mm=(120.0, 110.0, 50.0), shift_mm=25.0),
        "crop with sacrum": replace(_MR, field_mm=(150.0, 120.0, 50.0), shift_mm=-45.0),
        "one slice": replace(_MR, field_mm=(270.0, 220.0, 4.4)),
        "thoracic only": replace(_CT, field_mm=(100.0, 150.0, 120.0), shift_mm=115.0),
    },
    "noise": {
        "noisy MR": replace(_MR, noise=3.0),
        "noisy CT": replace(_CT, noise=3.0),
    },
    "scanner": {
        "MR 0.3 T, T1w": mr_examination("T1", scanner="hitachi03"),
        "MR 0.3 T, T2w": mr_examination("T2", scanner="hitachi03"),
        "MR 1.5 T, T1w": mr_examination("T1"),
        "MR 3 T, T2w": mr_examination("T2", scanner="siemens30"),
        "MR half the signal": mr_examination("T2", snr_factor=0.5),
        "CT sharp kernel": ct_examination(kernel=Kernel.SHARP),
        "CT 80 kVp": ct_examination(kvp=80),
    },
    "contrast agent": {
        "CT arterial": ct_examination(phase=Phase.ARTERIAL),
        "CT portal venous": ct_examination(phase=Phase.PORTAL),
        "MR T1w with gadolinium": mr_examination("T1", Defect.GADOLINIUM),
    },
    "disease": {
        "collapsed discs, osteophytes": replace(_MR, spine=_WORN),
        "the same on CT": replace(_CT, spine=_WORN),
        "fractures of T12 and L1": replace(_MR, spine=_FRACTURED),
        "the same fractures on CT": replace(_CT, spine=_FRACTURED),
        "three severe fractures": replace(_MR, spine=_BROKEN),
        "three severe fractures on CT": replace(_CT, spine=_BROKEN),
        "screws and rods": replace(_MR, spine=replace(_PLAIN, screws=(Level.L4, Level.L5))),
        "screws and rods on CT": replace(_CT, spine=replace(_PLAIN, screws=(Level.L4, Level.L5))),
    },
    "nothing to find": {
        "abdomen beside the spine, MR": replace(_MR, side_mm=105.0),
        "abdomen beside the spine, CT": replace(_CT, side_mm=125.0),
        "no spine at all, CT": ct_examination(Defect.NO_SPINE),
        "air and noise": replace(_CT, side_mm=900.0),
    },
    "variants": {
        "4 lumbar vertebrae": replace(_MR, spine=SpineOptions(lumbar_count=4)),
        "6 lumbar vertebrae": replace(_MR, spine=SpineOptions(lumbar_count=6)),
        "4 lumbar vertebrae, CT": replace(_CT, field_mm=_TALL, spine=SpineOptions(lumbar_count=4)),
        "6 lumbar vertebrae, CT": replace(_CT, field_mm=_TALL, spine=SpineOptions(lumbar_count=6)),
        "disc between S1 and S2": replace(_MR, spine=replace(_PLAIN, sacral_disc=0.8)),
        "disc between S1 and S2, CT": replace(_CT, spine=replace(_PLAIN, sacral_disc=0.8)),
    },
}
"""What goes wrong, and what is rare."""


@dataclass(frozen=True, eq=False)
class CaseResult:
    """What came of one phantom: scores of its true bodies; of what was outlined features (``[body, feature]``) and Dice
    with the true body it overlaps most, fragments at the image's edge too; outlines without a body that counts."""

    scores: tuple[BodyScore, ...]
    features: NDArray[np.float64]
    dice: NDArray[np.float64]
    false_bodies: int


def make_case(number: int, options: CaseOptions | Examination) -> PhantomCase:
    """Draw one phantom."""
    return examine(number, options) if isinstance(options, Examination) else draw_case(number, options)


def score_case(case: PhantomCase, result: Segmentation) -> tuple[BodyScore, ...]:
    """Compare a segmentation with a phantom's truth. A true body counts from a third of the usual size on."""
    sizes = np.bincount(case.truth.ravel(), minlength=256)[1:]
    least = int(0.33 * np.median(sizes[sizes > 0])) if sizes.any() else 1
    return score_bodies(case.truth, result, case.volume.geometry, least_voxels=max(least, 30))


def run_case(segmenter: NetworkSegmenter, number: int, options: CaseOptions | Examination) -> CaseResult:
    """Draw one phantom, segment it and compare."""
    case = make_case(number, options)
    reading = segmenter.read(case.volume)
    result = segmenter.finish(case.volume, reading)
    scores = score_case(case, result)
    hit = {score.given for score in scores}
    extra = sum(1 for body in result.bodies if body.label not in hit and body.label != Level.S1.label)
    rows, dices = [], []
    by_place = [body for body in result.bodies if body.label != Level.S1.label]
    for body, features in zip(by_place, reading.features, strict=False):
        rows.append(features.vector())
        dices.append(best_dice(case.truth, result.labels == body.label))
    return CaseResult(scores, np.array(rows).reshape(-1, len(FEATURES)), np.array(dices), extra)


Result = TypeVar("Result")
Task = Callable[[NetworkSegmenter, int, CaseOptions | Examination], Result]
"""What is done with one phantom: its number and how it is acquired."""

_held: list[NetworkSegmenter] = []
"""The segmenter of a worker process."""


def _start(bundle: Path) -> None:
    _held[:] = [NetworkSegmenter(bundle)]


def _run(task: Task[Result], number: int, options: CaseOptions | Examination) -> Result:
    return task(_held[0], number, options)


def run_cases(
    bundle: Path, work: Sequence[tuple[int, CaseOptions | Examination]], processes: int, task: Task[Result]
) -> Iterator[Result]:
    """Do ``task`` (a function of a module) for many cases (number, options) in several processes; results come in the
    order of ``work``."""
    numbers, options = [item[0] for item in work], [item[1] for item in work]
    with ProcessPoolExecutor(processes, get_context("spawn"), _start, (bundle,)) as workers:
        yield from workers.map(_run, [task] * len(work), numbers, options)


def run_axes(bundle: Path, axes: Axes, phantoms: range, processes: int) -> Iterator[tuple[str, str, Summary, float]]:
    """Run every place of every axis over the phantoms of these numbers; with the figures, false bodies per image."""
    places = [(axis, place, options) for axis, row in axes.items() for place, options in row.items()]
    work = [(number, options) for _, _, options in places for number in phantoms]
    results = run_cases(bundle, work, processes, run_case)
    for axis, place, _ in places:
        group = [next(results) for _ in phantoms]
        scores = {str(k): result.scores for k, result in enumerate(group)}
        yield axis, place, summarise(scores), sum(result.false_bodies for result in group) / len(phantoms)


def mixed_options(number: int) -> CaseOptions:
    """A random acquisition for calibration: every kind of image and disease, some of it bad on purpose."""
    rng = np.random.default_rng([31, number])
    look = Look(str(rng.choice([Look.T1, Look.T2, Look.STIR, Look.CT, Look.RANDOM], p=[0.25, 0.3, 0.1, 0.25, 0.1])))
    noise = float(rng.choice([1.0, 1.0, 3.0, 6.0, 10.0]))
    if look is Look.CT:
        return replace(_CT, noise=noise, spacing_mm=float(rng.choice([1.5, 3.0, 5.0])), spine=SpineOptions())
    single = rng.random() < 0.35
    return replace(
        _MR,
        look=look,
        noise=noise,
        pixel_mm=float(rng.uniform(0.6, 1.6)),
        spacing_mm=float(rng.uniform(3.3, 6.0)),
        field_mm=(float(rng.uniform(120, 290)), float(rng.uniform(110, 240)), 5.0 if single else 46.0),
        shift_mm=float(rng.uniform(-40, 40)),
        spine=SpineOptions(),
    )
