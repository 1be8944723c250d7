"""Finds S1, from which levels are counted, and settles what the network calls half a body and half S1.

Where S1 has a disc below it, the network may outline a part of S1 as the last body and count S2 as S1: every name is
then one level too high, in silence. What gives it away is that the two touch without a disc between them, that the
last "body" is partly S1 in the network's own words, and that it is far smaller than those above.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.segmentation.naming.sacral_shape import SQUARED, Shape, has_disc_below, lower_depth, shape_of
from trabecula.segmentation.network.inference import Maps
from trabecula.segmentation.network.instances import Instances, StackBody

_S1_AREA_MM2 = 180.0
_SACRUM_AREA_MM2 = 60.0
_S1_SURE = 0.7
_RIVAL_SHARE = 0.6
_STACKED_MM, _STACKED_AREA_MM2, _STACKED_SURE = (6.0, 48.0), 400.0, 0.8
"""S1 and S2 both called S1: how far apart their centres lie from head to foot, and how large and sure both must be.
Both stand in one of 24 real spines with a tall disc between them."""
_TORN_SHARE, _TORN_TOUCH = 0.02, 0.02
"""Mean probability of S1 within the last body, and voxels of S1 within 2 mm of it as a share of its own. Of 29 real
spines the two whose S1 was outlined as L5 have 0.030, 0.026 and 0.038, 0.051; of the others one has 0.014, 0.017, the
rest at most 0.004, 0.005."""
_CUT_BODY = 0.10
"""Mean probability of body within an S1 that the lower edge of the image cuts: more than this, and it is L5 cut by it.
Real spines cut at L5 and S1: S1 0.005-0.082, L5 0.126; phantoms: S1 0.005, L5 0.143."""
_LUMBAR_DEPTH = 0.72
"""Depth of a lower end, as a share of that of the bodies above: L5 has more, S1 less. On 12 real spines and 70 variants
of them (cropped, turned, thinned out, of other contrast) S1 outlined as a body has 0.52-0.60, L5 0.87 and more."""
_PART_OF_S1 = 0.7
"""A torn last body smaller than this share of the usual volume is S1 or a piece of it (0.59-0.60 in the two; true L5 of
the 29: 0.72 and more)."""


@dataclass(frozen=True, eq=False)
class Anchor:
    """S1 on the stack: its voxels, centre (stack index), how sure the network is of it, and the classes it is of."""

    mask: NDArray[np.bool_]
    centre: tuple[float, float, float]
    sureness: float
    classes: tuple[str, ...] = ("s1",)


@dataclass(frozen=True, eq=False)
class Junction:
    """S1 and the bodies above it after both were compared; ``doubt`` says why nothing can be counted from this S1."""

    anchor: Anchor | None
    instances: Instances
    doubt: str = ""


def find_anchor(maps: Maps) -> Anchor | None:
    """Find S1's body with sacrum behind or below it; None where it is not clearly there.

    Of two large pieces one above the other, as where S2 looks like another S1, the upper is S1 and the lower sacrum.
    """
    s1 = maps.probability("s1")
    named, count = ndimage.label(s1 > 0.5)
    if not count:
        return None
    sizes = ndimage.sum_labels(named > 0, named, np.arange(1, count + 1))
    order = np.argsort(-sizes)
    first = _anchor_of(named == order[0] + 1, s1)
    below = 0.0
    if count > 1 and sizes[order[1]] > _RIVAL_SHARE * sizes[order[0]]:
        second = _anchor_of(named == order[1] + 1, s1)
        third = sizes[order[2]] if count > 2 else 0.0
        if third > _RIVAL_SHARE * sizes[order[0]] or not _stacked(first, second):
            return None
        first, second = sorted((first, second), key=lambda anchor: anchor.centre[1])
        below = _largest_section(second.mask)
    top = int(np.flatnonzero(first.mask.any(axis=(0, 2)))[0])
    sacrum = maps.probability("sacrum")[:, top:] > 0.5
    if max(below, _largest_section(sacrum)) < _SACRUM_AREA_MM2 or _is_body_cut(maps, first.mask):
        return None
    return first if _largest_section(first.mask) >= _S1_AREA_MM2 and first.sureness >= _S1_SURE else None


def _is_body_cut(maps: Maps, mask: NDArray[np.bool_]) -> bool:
    """True where the lower edge of the image cuts what is called S1 and part of it may as well be a body."""
    return bool(mask[:, -1].any()) and float(maps.probability("body", "rim")[mask].mean()) > _CUT_BODY


def settle_junction(maps: Maps, instances: Instances, anchor: Anchor | None) -> Junction:
    """Give S1 what of it was outlined as the last body; where that body may as well be L5, say that nobody can count.

    A last body that is torn between body and S1, smaller than L5 can be and no lumbar body by its shape is S1, and what
    was called S1 is its lower part or S2. One sign alone gives no name to anything.
    """
    above = [body for body in instances.bodies if anchor is not None and body.centre[1] < anchor.centre[1]]
    if anchor is None or len(above) < 2:
        return Junction(anchor, instances)
    last = above[-1]
    mask = (instances.basins == last.number) & (maps.probability("body", "rim") > 0.5)
    if not mask.any():
        return Junction(anchor, instances)
    usual = float(np.median([body.volume_mm3 for body in above[:-1] if not body.edge] or [above[-2].volume_mm3]))
    small, torn = last.volume_mm3 < _PART_OF_S1 * usual, _is_torn(mask, maps.probability("s1"))
    depth = _lower_depth(maps, instances, above)
    wedge = depth is not None and depth < _LUMBAR_DEPTH
    if torn and small and (wedge or depth is None):
        left = tuple(body for body in instances.bodies if body is not last)
        return Junction(_joined(anchor, mask, maps), replace(instances, bodies=left))
    if torn or wedge:
        return Junction(anchor, instances, "the last body may be L5 or S1, and the one above it L4 or L5")
    return Junction(anchor, instances)


def is_squared(maps: Maps, junction: Junction) -> bool:
    """Whether S1 is formed as a lumbar body, with a whole disc below it: lumbarised, or one more lumbar vertebra.

    Nothing is said of an S1 that the image's lower edge cuts, or where too little is outlined.
    """
    anchor = junction.anchor
    if anchor is None or anchor.mask[:, -1].any():
        return False
    above = [body for body in junction.instances.bodies if body.centre[1] < anchor.centre[1] and not body.edge]
    others = _shapes(maps, junction.instances, above[-3:])
    own = shape_of(maps, anchor.mask, anchor.centre[0])
    if own is None or not others or lower_depth(own, others) < SQUARED:
        return False
    return has_disc_below(maps, anchor.mask, anchor.centre[0], own.lower_mm)


def _lower_depth(maps: Maps, instances: Instances, above: list[StackBody]) -> float | None:
    """The depth of the last body's lower end beside those of up to three whole bodies above it; None where it is cut by
    the image's edge or too little is outlined."""
    last = [] if above[-1].edge else _shapes(maps, instances, above[-1:])
    others = _shapes(maps, instances, [body for body in above[-4:-1] if not body.edge])
    return lower_depth(last[0], others) if last and others else None


def _shapes(maps: Maps, instances: Instances, bodies: list[StackBody]) -> list[Shape]:
    """The shapes of those bodies of which enough is outlined."""
    marrow = maps.probability("body", "rim") > 0.5
    found = [shape_of(maps, (instances.basins == body.number) & marrow, body.centre[0]) for body in bodies]
    return [shape for shape in found if shape is not None]


def _is_torn(mask: NDArray[np.bool_], s1: NDArray[np.float32]) -> bool:
    near = np.stack([ndimage.binary_dilation(plane, iterations=2) if plane.any() else plane for plane in mask])
    touch = float((near & (s1 > 0.5)).sum()) / float(mask.sum())
    return float(s1[mask].mean()) >= _TORN_SHARE and touch >= _TORN_TOUCH


def _joined(anchor: Anchor, mask: NDArray[np.bool_], maps: Maps) -> Anchor:
    """S1 with a part of it that was outlined as a body."""
    joined = _anchor_of(anchor.mask | mask, maps.probability("s1", "body", "rim"))
    return replace(joined, sureness=min(anchor.sureness, joined.sureness), classes=("s1", "body", "rim"))


def _anchor_of(mask: NDArray[np.bool_], probability: NDArray[np.float32]) -> Anchor:
    centre = ndimage.center_of_mass(mask)
    return Anchor(mask, (float(centre[0]), float(centre[1]), float(centre[2])), float(probability[mask].mean()))


def _stacked(first: Anchor, second: Anchor) -> bool:
    """True where two pieces of S1 are whole and sure, the one above the other."""
    apart = abs(first.centre[1] - second.centre[1])
    whole = all(
        _largest_section(piece.mask) >= _STACKED_AREA_MM2 and piece.sureness >= _STACKED_SURE
        for piece in (first, second)
    )
    return whole and _STACKED_MM[0] <= apart <= _STACKED_MM[1]


def _largest_section(mask: NDArray[np.bool_]) -> float:
    return float(mask.sum(axis=(1, 2)).max()) if mask.size else 0.0
