"""Compares segmentations with truth: shape Dice, bodies found, names wrong, abstentions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.analysis.gates.outlines import is_trusted
from trabecula.domain.segmentation import Segmentation
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL
from trabecula.domain.volume import Geometry

_FOUND_DICE = 0.5
_BODY_REACH_MM = 6.0
_MIDLINE_MM = 9.0


@dataclass(frozen=True, kw_only=True)
class BodyScore:
    """One true body: its label, the label it was given (0: not found), shape Dice of the whole body and within 9 mm of
    its middle between left and right, and the calibrated quality."""

    label: int
    given: int
    dice: float
    midline: float
    quality: float
    blocked: bool

    @property
    def found(self) -> bool:
        """True where some outline overlaps it by a Dice of at least 0.5."""
        return self.dice >= _FOUND_DICE

    @property
    def named_wrong(self) -> bool:
        """True where it was found and given another level's name (unknown is not wrong)."""
        return self.found and self.given < FIRST_UNKNOWN_LABEL and self.given != self.label


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Figures over many bodies."""

    bodies: int
    dice: float
    midline: float
    found: float
    named: float
    wrong: float
    abstained: float

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return {
            "bodies": self.bodies,
            "shape_dice": round(self.dice, 4),
            "midline_dice": round(self.midline, 4),
            "found": round(self.found, 4),
            "named": round(self.named, 4),
            "wrong": round(self.wrong, 4),
            "abstained": round(self.abstained, 4),
        }


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Overlap of two masks, 0 to 1; two empty masks give 1."""
    total = int(first.sum()) + int(second.sum())
    return 2.0 * int((first & second).sum()) / total if total else 1.0


def best_dice(truth: NDArray[np.integer], outline: NDArray[np.bool_]) -> float:
    """Dice of an outline with the body of a truth map that it overlaps most, however small; 0 where none."""
    overlaps = np.bincount(truth[outline], minlength=2)
    overlaps[0] = 0
    best = int(overlaps.argmax())
    return dice(truth == best, outline) if overlaps[best] else 0.0


def midline_dice(true: NDArray[np.bool_], outline: NDArray[np.bool_], geometry: Geometry) -> float:
    """Dice of what lies within 9 mm of the middle (between left and right) of a true body ``[slice, row, column]``."""
    box = ndimage.find_objects((true | outline).view(np.uint8))[0]
    steps = geometry.affine[0, :3]
    place = sum(
        np.arange(part.start, part.stop).reshape(np.roll((-1, 1, 1), k)) * steps[k] for k, part in enumerate(box)
    )
    assert isinstance(place, np.ndarray)
    inside = place[true[box]]
    near = np.abs(place - (inside.min() + inside.max()) / 2) <= _MIDLINE_MM
    return dice(true[box] & near, outline[box] & near)


def body_of_vertebra(
    vertebra: NDArray[np.bool_], outline: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> NDArray[np.bool_]:
    """The part of a whole-vertebra mask that is its body: in each slice, what lies within 6 mm of the outline's hull.

    Real masks hold pedicles and processes too. Cutting them off 6 mm beyond our outline still counts every voxel of
    body that we missed by less than that, and every voxel we painted too much.
    """
    reach = [max(1, round(_BODY_REACH_MM / step)) for step in spacing_mm[1:]]
    ball = np.hypot(
        *np.meshgrid(
            np.arange(-reach[0], reach[0] + 1) / reach[0], np.arange(-reach[1], reach[1] + 1) / reach[1], indexing="ij"
        )
    )
    near = np.stack([ndimage.binary_dilation(plane, structure=ball <= 1.0) for plane in outline])
    return np.asarray(vertebra & near, dtype=np.bool_)


def score_bodies(
    truth: NDArray[np.integer],
    result: Segmentation,
    geometry: Geometry,
    whole_vertebrae: bool = False,
    least_voxels: int = 30,
) -> tuple[BodyScore, ...]:
    """Score every body of a truth map ``[slice, row, column]`` (labels of domain.spine)."""
    given = {body.label: body for body in result.bodies}
    scores = []
    for label in (int(value) for value in np.unique(truth) if value):
        true = truth == label
        if int(true.sum()) < least_voxels:
            continue
        overlaps = np.bincount(result.labels[true], minlength=256)
        overlaps[0] = 0
        best = int(overlaps.argmax())
        if not overlaps[best]:
            scores.append(BodyScore(label=label, given=0, dice=0.0, midline=0.0, quality=0.0, blocked=False))
            continue
        outline = result.labels == best
        part = body_of_vertebra(true, outline, geometry.spacing_mm) if whole_vertebrae else true
        body = given.get(best)
        scores.append(
            BodyScore(
                label=label,
                given=best,
                dice=dice(part, outline),
                midline=midline_dice(part, outline, geometry),
                quality=body.quality if body else 0.0,
                blocked=body is not None and not is_trusted(result, body),
            )
        )
    return tuple(scores)


def summarise(scores: Mapping[str, tuple[BodyScore, ...]]) -> Summary:
    """Figures over the bodies of many images; Dice over those found."""
    every = [score for group in scores.values() for score in group]
    found = [score for score in every if score.found]
    if not every:
        return Summary(bodies=0, dice=0.0, midline=0.0, found=0.0, named=0.0, wrong=0.0, abstained=0.0)
    count = len(every)
    return Summary(
        bodies=count,
        dice=float(np.mean([score.dice for score in found])) if found else 0.0,
        midline=float(np.mean([score.midline for score in found])) if found else 0.0,
        found=len(found) / count,
        named=sum(score.given < FIRST_UNKNOWN_LABEL for score in found) / count,
        wrong=sum(score.named_wrong for score in every) / count,
        abstained=sum(score.blocked for score in found) / count,
    )
