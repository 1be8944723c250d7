"""The coil's shading on T1w: estimated from what marrow, fluid and discs share along the spine, and told.

No tissue knows the coil, but what lies at one height is shaded alike: a course along the spine that marrow, fluid and
discs have in common is the coil's. Toward the canal the marrow itself shows it, from the front to the back of a body.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trabecula.analysis.biomarkers.vbq import LevelSignal
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.limits import SHADING
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.volume import TISSUE_LABELS, FloatArray, Tissue
from trabecula.regions import CsfRegion
from trabecula.regions.bodies import Body
from trabecula.regions.csf import csf_beside

Points = Sequence[tuple[float, float]]
"""Height along the spine (mm, LPS z) and signal there."""
_HEIGHT_MM = 100.0


@dataclass(frozen=True)
class Course:
    """The common course of the signal along the spine: a parabola of its logarithm over the height."""

    linear: float
    curved: float
    middle_mm: float

    def at(self, heights_mm: FloatArray) -> FloatArray:
        """Return the logarithm of the sensitivity at heights, 0 at the middle."""
        offset = (np.asarray(heights_mm, dtype=np.float64) - self.middle_mm) / _HEIGHT_MM
        return np.asarray(self.linear * offset + self.curved * offset**2)


def shading(
    context: GateContext, signals: Mapping[Level, LevelSignal], counted: Sequence[Level], csf: CsfRegion | None
) -> Iterator[Reason]:
    """Tell a difference of the coil's sensitivity between the places that VBQ compares: the counted levels and the
    fluid. ``signals`` are those of every level that was measured."""
    bodies = {body.level: body for body in context.bodies if body.level in signals and signals[body.level].mean > 0}
    compared = [level for level in counted if level in bodies]
    if context.role is not SeriesRole.T1W or csf is None or len(compared) < 2 or len(bodies) < 3:
        return
    numbers = SHADING
    heights = {level: float(body.frame.centre_mm[2]) for level, body in bodies.items()}
    marrow = [(heights[level], signals[level].mean) for level in bodies]
    places = np.array([heights[level] for level in compared])
    middle = float(np.mean(list(heights.values())))
    shared = common_course([marrow, _fluid(context, bodies), _discs(context, bodies)], middle)
    behind = _toward_canal(context, signals, bodies, csf)
    at = [*shared.at(places), float(shared.at(np.array([heights.get(csf.level, middle)]))[0]) + behind]
    share = _share(at)
    if share >= numbers.ratio - 1.0:
        yield _told(context, "estimated from marrow, fluid and discs", share, numbers.ratio)
        return
    course = common_course([marrow], middle).at(places)
    steady = bool(np.all(np.diff(course) > 0) or np.all(np.diff(course) < 0))
    if steady and _share(course) >= numbers.marrow_ratio - 1.0:
        detail = "marrow alone, steadily from level to level"
        yield _told(context, detail, _share(course), numbers.marrow_ratio)


def _share(logarithms: Iterable[float]) -> float:
    """The largest over the smallest of some sensitivities, less one."""
    values = list(logarithms)
    return float(np.exp(max(values) - min(values)) - 1.0)


def _told(context: GateContext, detail: str, share: float, ratio: float) -> Reason:
    value, limit = round(100 * share), round(100 * (ratio - 1.0))
    return context.reason(
        ReasonCode.SHADING, blocking=False, detail=detail, value=float(value), limit=float(limit), unit="%"
    )


def common_course(tissues: Sequence[Points], middle_mm: float) -> Course:
    """Return the parabola that the logarithms of all tissues share, each with a brightness of its own.

    Points far from it count less (Huber's weights with a scale from ``gates.toml``).
    """
    numbers = SHADING
    rows, values = [], []
    used = [points for points in tissues if len(points) >= 2]
    for tissue, points in enumerate(used):
        for height, signal in points:
            offset = (height - middle_mm) / _HEIGHT_MM
            rows.append([*(float(tissue == other) for other in range(len(used))), offset, offset**2])
            values.append(np.log(signal))
    design, seen = np.array(rows), np.array(values)
    weights, found = np.ones(len(seen)), np.zeros(design.shape[1])
    for _ in range(5):
        root = np.sqrt(weights)
        found = np.linalg.lstsq(design * root[:, None], seen * root, rcond=None)[0]
        weights = 1.0 / np.maximum(1.0, np.abs(seen - design @ found) / numbers.scale)
    return Course(float(found[-2]), float(found[-1]), middle_mm)


def _fluid(context: GateContext, bodies: Mapping[Level, Body]) -> list[tuple[float, float]]:
    """The fluid beside every body where there is a reliable region."""
    found = []
    for level, body in bodies.items():
        region = csf_beside(context.segmentation, context.volume, level, body.frame)
        if isinstance(region, CsfRegion):
            found.append((float(body.frame.centre_mm[2]), region.mean))
    return found


def _discs(context: GateContext, bodies: Mapping[Level, Body]) -> list[tuple[float, float]]:
    """The median signal of the disc between each two neighbouring bodies, near the midline."""
    if context.segmentation.tissues is None:
        return []
    voxels = np.argwhere(context.segmentation.tissues == TISSUE_LABELS[Tissue.DISC])
    if not len(voxels):
        return []
    places = context.volume.geometry.to_lps(voxels.astype(np.float64))
    signal = context.volume.array[tuple(voxels.T)]
    numbers, found = SHADING, []
    for upper, lower in ((one, two) for one in bodies for two in bodies if two.value == one.value + 1):
        above, below = bodies[upper].frame.centre_mm, bodies[lower].frame.centre_mm
        inside = (places[:, 2] < above[2]) & (places[:, 2] > below[2])
        inside &= np.abs(places[:, 0] - (above[0] + below[0]) / 2) < numbers.disc_half_width_mm
        value = float(np.median(signal[inside])) if int(inside.sum()) >= numbers.disc_minimum_voxels else 0.0
        if value > 0:
            found.append((float(above[2] + below[2]) / 2, value))
    return found


def _toward_canal(
    context: GateContext, signals: Mapping[Level, LevelSignal], bodies: Mapping[Level, Body], csf: CsfRegion
) -> float:
    """Logarithm of the sensitivity at the fluid over that in the middle of the body before it."""
    slopes = [signals[level].backward_slope for level in bodies if level in MEASURED_LEVELS]
    body = bodies.get(csf.level)
    if body is None or not slopes:
        return 0.0
    centre = context.volume.geometry.to_lps(np.argwhere(csf.mask).mean(axis=0))
    return float(np.median(slopes)) * float(body.frame.to_frame(centre[None])[0, 1])
