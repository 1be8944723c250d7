"""Originals: the images of a series, and derived or lossy copies of them that lie at the same places in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.imaging.acquisition import Frame
from trabecula.imaging.limits import GEOMETRY
from trabecula.imaging.stacks.left_out import LeftOut
from trabecula.imaging.stacks.scans import along_normal


def originals(frames: Sequence[Frame]) -> tuple[list[Frame], tuple[LeftOut, ...]]:
    """Return the frames without copies, and the copies: alike, parallel and placed frames of one series.

    Copies are compressed with loss where others are not, or derived where others are original (Image Type, value 1),
    and most of them lie upon such a one. All of them go, also those that have no original, so that nothing mixes; where
    the originals are fewer than half as many, they go instead.
    """
    for is_copy, words in _KINDS:
        copies = [frame for frame in frames if is_copy(frame)]
        firsts = [frame for frame in frames if not is_copy(frame)]
        if not copies or not firsts or _share_upon(copies, firsts, frames) < 0.5:
            continue
        kept, rest = (firsts, copies) if 2 * len(firsts) >= len(copies) else (copies, firsts)
        detail = f"{words} copies beside the originals" if rest is copies else f"a few originals beside {words} images"
        reason = Reason(
            code=ReasonCode.COPIES, blocking=False, series_uid=frames[0].acquisition.series_uid, detail=detail
        )
        further, more = originals(kept)
        return further, (LeftOut(tuple(rest), reason), *more)
    return list(frames), ()


def _lossy(frame: Frame) -> bool:
    return frame.lossy


def _derived(frame: Frame) -> bool:
    kinds = frame.acquisition.image_type
    return bool(kinds) and kinds[0].strip().upper() == "DERIVED"


_KINDS = ((_lossy, "lossy"), (_derived, "derived"))


def _share_upon(copies: Sequence[Frame], firsts: Sequence[Frame], frames: Sequence[Frame]) -> float:
    """The share of the smaller part that lies at a place of the other."""
    nearest = GEOMETRY.duplicate_distance_mm
    place = dict(zip(map(id, frames), along_normal(frames), strict=True))
    few, many = sorted((copies, firsts), key=len)
    held = np.sort([place[id(frame)] for frame in many])
    places = np.array([place[id(frame)] for frame in few])
    right = np.searchsorted(held, places)
    before, behind = held[np.clip(right - 1, 0, len(held) - 1)], held[np.clip(right, 0, len(held) - 1)]
    return float(np.mean(np.minimum(np.abs(places - before), np.abs(behind - places)) <= nearest))
