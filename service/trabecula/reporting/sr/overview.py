"""Where the numbers of the whole study are drawn: one contour around L1-L4 on a slice that no level's contour lies on.

A viewer prints a group's numbers beside its first contour. On a level's own contour they would lie upon the level's
numbers, and a group without any contour is an error to OHIF.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from trabecula.domain.results.analysis import AnalysedVolume
from trabecula.domain.results.result import LevelResult, Outline
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.domain.uids import InstanceUid

_Place = tuple[InstanceUid, int | None]


def overview_outline(levels: Sequence[LevelResult], volume: AnalysedVolume | None) -> Outline:
    """Return the contour of the study's numbers. ``levels`` were measured and have outlines, at least one of them.

    It is the convex hull of the measured bodies on a slice without a level's contour: the slice that shows most of
    L1-L4, of several the one nearest to the first level's contour. Where every slice with a body carries contours, it
    is one with the fewest; without a label map it is the first level's own contour.
    """
    first = levels[0].outlines[0]
    measured = tuple(level for level in levels if level.level in MEASURED_LEVELS) or tuple(levels)
    wanted = [level.level.label for level in measured]
    if volume is None or not volume.volume.source_uids or not np.isin(volume.labels, wanted).any():
        return first
    places = _places(volume)
    drawn = Counter(
        places[(outline.sop_instance_uid, outline.frame_number)]
        for level in levels
        for outline in level.outlines
        if (outline.sop_instance_uid, outline.frame_number) in places
    )
    near = places.get((measured[0].outlines[0].sop_instance_uid, measured[0].outlines[0].frame_number), 0)
    shown = {
        int(index): len(np.intersect1d(volume.labels[index], wanted))
        for index in np.flatnonzero(np.isin(volume.labels, wanted).any(axis=(1, 2)))
    }
    index = min(shown, key=lambda index: (drawn[index], -shown[index], abs(index - near), index))
    uid, frame = next(place for place, number in places.items() if number == index)
    return Outline(uid, hull(np.isin(volume.labels[index], wanted)), frame)


def hull(mask: NDArray[np.bool_]) -> tuple[tuple[float, float], ...]:
    """Return the convex hull of ``mask[row, column]`` along the edges of its pixels, as (column, row).

    (0, 0) is the centre of the first pixel. The mask holds at least one pixel.
    """
    rows, columns = np.nonzero(mask)
    corners = np.concatenate(
        [np.stack([columns + x, rows + y], axis=1) for x in (-0.5, 0.5) for y in (-0.5, 0.5)]
    ).astype(np.float64)
    vertices = corners[ConvexHull(corners).vertices]
    return tuple((float(x), float(y)) for x, y in vertices)


def _places(volume: AnalysedVolume) -> Mapping[_Place, int]:
    frames = volume.volume.source_frames or (None,) * len(volume.volume.source_uids)
    return {place: index for index, place in enumerate(zip(volume.volume.source_uids, frames, strict=True))}
