"""Names bodies by counting up from the sacrum; where no sacrum is in view, or it is in doubt, they stay unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.spine import Level
from trabecula.segmentation.naming.anchor import Anchor
from trabecula.segmentation.naming.last_ribs import LastRibs
from trabecula.segmentation.naming.ribs import Sides, contradiction
from trabecula.segmentation.network.instances import Instances, StackBody

COUNTED = "counted from the sacrum"
UNKNOWN = "unknown: no sacrum in view"
CONTRADICTED = "unknown: ribs contradict the count from the sacrum"
FROM_RIBS = "counted from the last pair of ribs"
DOUBTED = "unknown: the last body above the sacrum may be L5 or S1"

_PITCH_MM = (16.0, 58.0)
_GAP_RATIO, _NEAR_RATIO = 1.55, 1.25
"""The largest gap, as a share of the usual distance, and of the larger of its neighbours on both sides (the last two
and the next one): a crushed body that was not outlined leaves 1.3 of these, 41 real spines and crops have 1.07 at most
(to one side alone up to 1.47), 72 phantoms 1.18."""
_LEAST_RATIO, _CLOSE_RATIO = 0.62, 0.85
_TWO_BODIES, _TWO_AREAS, _PART_OF_ONE = 1.75, 1.45, 0.5
_BARE_MM = 55.0
"""Bone beside T12 that reaches farther from the middle than a transverse process does may be a short rib: then T11's
ribs as the last long ones contradict nothing."""
_ONE_MISSING = (1.8, 2.25)
"""A gap of so many usual distances holds exactly one body that was not outlined: a fractured one leaves less, two more
(distances of neighbouring bodies of 29 real spines differ by at most a fifth)."""


@dataclass(frozen=True)
class Naming:
    """The level of each body from head to foot (None: unknown), in words how, and what to say about it."""

    levels: tuple[Level | None, ...]
    how: str
    reasons: tuple[Reason, ...]


def name_bodies(
    instances: Instances,
    anchor: Anchor | None,
    side_mm: float,
    poor: Sequence[bool] | None = None,
    doubt: str = "",
) -> Naming:
    """Name bodies upward from the anchor until a gap in the row; what lies beyond a gap stays unknown.

    A gap that holds exactly one body is counted across, and that body's level said to be missing. Everything from a
    ``poor`` outline on stays unknown, where those are told: nobody can count across what is not seen. With a ``doubt``
    about S1 nothing is named.
    """
    bodies = instances.bodies
    if doubt and bodies:
        return Naming((None,) * len(bodies), DOUBTED, (_ambiguous(doubt), _transitional(doubt)))
    if anchor is None or not bodies or _lies_within(bodies, anchor):
        return Naming((None,) * len(bodies), UNKNOWN, (_ambiguous("no sacrum in view"),) if bodies else ())
    above = [k for k, body in enumerate(bodies) if body.centre[1] < anchor.centre[1]]
    if _is_part_of_s1(bodies, above, anchor):
        above.pop()
    return _count_up(bodies, above, anchor, side_mm, poor)


def _count_up(
    bodies: Sequence[StackBody], above: Sequence[int], anchor: Anchor, side_mm: float, poor: Sequence[bool] | None
) -> Naming:
    levels: list[Level | None] = [None] * len(bodies)
    scale = np.array([side_mm, 1.0, 1.0])
    former = np.array(anchor.centre) * scale
    pitches: list[float] = []
    missing, reasons = [], []
    label = Level.L5.label
    for k in reversed(above):
        place = np.array(bodies[k].centre) * scale
        gap = float(np.linalg.norm((place - former)[1:]))
        across = label > Level.T1.label and _lacks_one(bodies, k, gap, pitches)
        if across:
            gap /= 2
        doubt = _doubt(bodies, k, gap, pitches, k - 1)
        doubt = doubt or ("more bodies than levels" if label < Level.T1.label else "")
        doubt = "an outline too poor to count across" if poor and poor[k] and not bodies[k].edge else doubt
        if doubt:
            reasons.append(_ambiguous(doubt))
            break
        if across:
            missing.append(Level(label))
            label -= 1
        levels[k] = Level(label)
        pitches.append(gap)
        former, label = place, label - 1
    if all(level is None for level in levels):
        return Naming(tuple(levels), UNKNOWN, tuple(reasons))
    skipped = ", ".join(str(level) for level in missing)
    detail = f"across {skipped}, which was not outlined" if skipped else ""
    said = Reason(code=ReasonCode.LEVELS_ASSUMED, blocking=False, detail=detail)
    return Naming(tuple(levels), COUNTED, (said, *reasons))


def _lacks_one(bodies: Sequence[StackBody], k: int, gap: float, pitches: Sequence[float]) -> bool:
    """True where exactly one body is missing between body ``k``, a whole one, and the last one named."""
    if len(pitches) < 2 or bodies[k].edge or _is_part(bodies, k):
        return False
    usual = float(np.median(pitches[-3:]))
    return _ONE_MISSING[0] * usual <= gap <= _ONE_MISSING[1] * usual


def _ambiguous(detail: str) -> Reason:
    return Reason(code=ReasonCode.NUMBERING_AMBIGUOUS, blocking=False, detail=detail)


def _transitional(detail: str) -> Reason:
    return Reason(code=ReasonCode.TRANSITIONAL, blocking=False, detail=detail)


def with_last_ribs(naming: Naming, instances: Instances, last: LastRibs | None, side_mm: float) -> Naming:
    """The naming with what the last pair of ribs of a CT says.

    Names from T12 where no sacrum is in view; none where ribs and a seen sacrum contradict each other by one body. By
    more they cannot: what reaches so far beside a lower body is a long process, and says nothing.
    """
    if last is None or naming.how in (DOUBTED, CONTRADICTED):
        return naming
    if any(level is not None for level in naming.levels):
        level, counted = naming.levels[last.body], [naming.levels[body] for body in last.bodies]
        if level not in (Level.T11, Level.L1) or Level.T12 in counted:
            return naming
        if level is Level.T11 and last.next_mm > _BARE_MM:
            return naming
        by_ribs = Level.L5.label - level.label
        return _withdrawn(naming, f"the last pair of ribs beside the body counted as {level}", by_ribs)
    return _from_t12(instances.bodies, last, side_mm) if last.whole and len(last.bodies) == 1 else naming


def _from_t12(bodies: Sequence[StackBody], last: LastRibs, side_mm: float) -> Naming:
    """Names upward and downward from the body that bears the last pair of ribs, each way until a gap."""
    levels: list[Level | None] = [None] * len(bodies)
    levels[last.body] = Level.T12
    reach = " and ".join(f"{reach:.0f}" for reach in last.reach_mm)
    reasons = [Reason(code=ReasonCode.RIBS, blocking=False, detail=f"seen whole, {reach} mm from the middle")]
    scale = np.array([side_mm, 1.0, 1.0])
    for step in (1, -1):
        pitches: list[float] = []
        k = last.body + step
        while 0 <= k < len(bodies):
            gap = float(np.linalg.norm(((np.array(bodies[k].centre) - bodies[k - step].centre) * scale)[1:]))
            label = Level.T12.label + k - last.body
            doubt = _doubt(bodies, k, gap, pitches, k + step)
            if doubt or not Level.T1.label <= label <= Level.L5.label:
                reasons += [_ambiguous(doubt)] if doubt else []
                break
            levels[k] = Level(label)
            pitches.append(gap)
            k += step
    return Naming(tuple(levels), FROM_RIBS, tuple(reasons))


def check_ribs(naming: Naming, ribs: Sequence[Sides]) -> Naming:
    """Take all names back where ribs contradict them: then the spine may have four or six lumbar vertebrae."""
    found = contradiction(naming.levels, ribs)
    if found is None:
        return naming
    return _withdrawn(naming, found.sign, found.by_ribs)


def with_squared_s1(naming: Naming) -> Naming:
    """The naming with the finding of an S1 that is formed as a lumbar body: names stay, as they count from S1; nothing
    is added where there are none, or where the last ribs named them."""
    if naming.how != COUNTED:
        return naming
    finding = "S1 is formed as a lumbar body, with a disc below it; 5 lumbar vertebrae counted above it, 6 with it"
    return Naming(naming.levels, naming.how, (*naming.reasons, _transitional(finding)))


def _withdrawn(naming: Naming, sign: str, by_ribs: int) -> Naming:
    """No names, and the finding with both counts."""
    finding = f"{sign}; {by_ribs} lumbar vertebrae by the ribs, 5 counted from the sacrum"
    return Naming((None,) * len(naming.levels), CONTRADICTED, (_ambiguous(sign), _transitional(finding)))


def _lies_within(bodies: Sequence[StackBody], anchor: Anchor) -> bool:
    """True where a body of usual size lies clearly below what looks like S1: then it is not S1."""
    usual = float(np.median([body.volume_mm3 for body in bodies]))
    return any(
        body.centre[1] > anchor.centre[1] + _PITCH_MM[0] and body.volume_mm3 > _PART_OF_ONE * usual for body in bodies
    )


def _doubt(bodies: Sequence[StackBody], k: int, gap: float, pitches: Sequence[float], beyond: int) -> str:
    """Why body ``k``, ``gap`` mm from the last named one, cannot be counted; "" where it can. ``beyond`` is the next
    body (which may be none)."""
    usual = float(np.median(pitches)) if pitches else 36.0
    least = _LEAST_RATIO * usual if len(pitches) > 1 else 0.0
    if (
        gap > max(_GAP_RATIO * usual, 30.0)
        or _stands_out(bodies, k, gap, pitches, beyond)
        or not max(_PITCH_MM[0], least) <= gap <= _PITCH_MM[1]
    ):
        return f"a gap of {gap:.0f} mm between bodies"
    if _may_hold_two(bodies, k):
        return "an outline that may hold two bodies"
    if not bodies[k].edge and _is_part(bodies, k) and gap < _CLOSE_RATIO * usual:
        return "an outline that may be a part of a body"
    return ""


def _stands_out(bodies: Sequence[StackBody], k: int, gap: float, pitches: Sequence[float], beyond: int) -> bool:
    """True where a gap is larger than both the last two and the next one by more than distances of bodies differ."""
    if len(pitches) < 2 or not 0 <= beyond < len(bodies) or bodies[k].edge or bodies[beyond].edge:
        return False
    next_gap = float(np.linalg.norm((np.array(bodies[beyond].centre) - bodies[k].centre)[1:]))
    return gap > _NEAR_RATIO * max(*pitches[-2:], next_gap)


def _neighbours(bodies: Sequence[StackBody], k: int) -> list[StackBody]:
    """Up to two whole bodies on either side."""
    near = range(max(k - 2, 0), min(k + 3, len(bodies)))
    return [bodies[j] for j in near if j != k and not bodies[j].edge]


def _may_hold_two(bodies: Sequence[StackBody], k: int) -> bool:
    """True where a body is far larger than the largest near it (a fair measure where others are crushed): by volume, or
    by its largest slice, which grows less from L1 to L5, so that two small ones stand out beside a large one. Slices
    are compared with those of the four nearest whole bodies, on one side only at the end of a row."""
    others = _neighbours(bodies, k)
    if others and bodies[k].volume_mm3 > _TWO_BODIES * max(body.volume_mm3 for body in others):
        return True
    by_distance = sorted(range(len(bodies)), key=lambda j: abs(j - k))
    nearest = [bodies[j].area_mm2 for j in by_distance if j != k and not bodies[j].edge][:4]
    return bool(nearest) and bodies[k].area_mm2 > _TWO_AREAS * max(nearest)


def _is_part(bodies: Sequence[StackBody], k: int) -> bool:
    others = [body.volume_mm3 for body in _neighbours(bodies, k)]
    return bool(others) and bodies[k].volume_mm3 < _PART_OF_ONE * float(np.median(others))


def _is_part_of_s1(bodies: Sequence[StackBody], above: Sequence[int], anchor: Anchor) -> bool:
    """True where the lowest body is small and so near to S1 that it is a piece of it."""
    if len(above) < 3:
        return False
    rows = [bodies[k].centre[1] for k in above]
    pitch = float(np.median(np.diff(rows)))
    near = anchor.centre[1] - rows[-1] < _LEAST_RATIO * pitch
    return near and _is_part(bodies, above[-1])
