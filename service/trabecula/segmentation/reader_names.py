"""A reader's names upon a segmentation: one vertebra is named, the others are counted from it along the spine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.segmentation import Segmentation, SegmentedBody
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, Level
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.volume import Geometry
from trabecula.imaging.acquisition import Frame

_FARTHEST_MM = 15.0
"""A body whose centre lies nearer to the named place than this may be meant, where none holds it (design: about half
of a vertebra's height, so that the next vertebra is never meant)."""
_GAP = 1.6
"""Bodies farther apart than this many usual distances may have one between them that was not found (design)."""
_SPINE: tuple[Level, ...] = tuple(level for level in Level if level is not Level.L6)


@dataclass(frozen=True)
class ReaderNames:
    """A reader's correction at its place in the patient: an LPS point in mm, in one frame of reference.

    The frame of reference is "" where the images name none; then only the series of the image itself is meant.
    """

    correction: LevelCorrection
    point_mm: tuple[float, float, float]
    frame_of_reference_uid: str
    series_uid: str

    @classmethod
    def located(cls, correction: LevelCorrection | None, frames: Sequence[Frame]) -> ReaderNames | None:
        """Return the correction at its place, or None without one or where its image is not among the frames."""
        if correction is None:
            return None
        for frame in frames:
            named = frame.file.sop_instance_uid == correction.sop_instance_uid and frame.number == correction.frame
            if named and frame.position is not None and frame.orientation is not None and frame.pixel_spacing:
                made = frame.acquisition
                point = _lps(frame, correction)
                return cls(correction, point, made.frame_of_reference_uid, made.series_uid)
        return None

    def concern(self, frame: Frame) -> bool:
        """Whether the place means something in the series of a frame."""
        made = frame.acquisition
        if self.frame_of_reference_uid and made.frame_of_reference_uid == self.frame_of_reference_uid:
            return True
        return made.series_uid == self.series_uid

    def upon(self, segmentation: Segmentation, geometry: Geometry) -> Segmentation | None:
        """Return the segmentation with the reader's names, or None where no body of theirs lies at the place.

        Outlines that a reader drew after the names were given keep their own. Names that were counted keep their
        distances; bodies without names are counted from the named one, not past a gap in which one may be missing. What
        was said of the old names is not said again.
        """
        meant = self._meant(segmentation, geometry)
        if meant is None or segmentation.outlined_by != self.correction.outlined_by:
            return None
        levels = dict(_renamed(segmentation.bodies, meant, self.correction.level))
        told = Reason(code=ReasonCode.LEVELS_CORRECTED, blocking=False, detail=self._detail)
        return _relabelled(segmentation, levels, self.correction.words, told)

    @property
    def _detail(self) -> str:
        return f"what the software called {self.correction.called} is {self.correction.level}"

    def _meant(self, segmentation: Segmentation, geometry: Geometry) -> SegmentedBody | None:
        index = np.round(geometry.to_index(np.array(self.point_mm))).astype(int)
        if bool(((index >= 0) & (index < np.array(geometry.shape))).all()):
            label = int(segmentation.labels[tuple(index)])
            held = next((body for body in segmentation.bodies if body.label == label), None)
            if held is not None:
                return held
        distances = [
            float(np.linalg.norm(np.subtract(body.centroid_mm, self.point_mm))) for body in segmentation.bodies
        ]
        nearest = int(np.argmin(distances)) if distances else 0
        return segmentation.bodies[nearest] if distances and distances[nearest] <= _FARTHEST_MM else None


def _lps(frame: Frame, correction: LevelCorrection) -> tuple[float, float, float]:
    """The place of the pixel's centre (PS3.3 C.7.6.2.1.1)."""
    assert frame.position is not None
    assert frame.orientation is not None
    assert frame.pixel_spacing is not None
    row_cosines, column_cosines = np.array(frame.orientation[:3]), np.array(frame.orientation[3:])
    between_rows, between_columns = frame.pixel_spacing
    along = row_cosines * correction.column * between_columns + column_cosines * correction.row * between_rows
    x, y, z = np.array(frame.position) + along
    return float(x), float(y), float(z)


def _renamed(bodies: Sequence[SegmentedBody], meant: SegmentedBody, level: Level) -> Iterator[tuple[int, Level | None]]:
    """The new level of each body by its label; None past the ends of the spine and past a gap.

    L6 counts only where the reader names it: L5 then lies above it and S1 below.
    """
    spine = _SPINE if level is not Level.L6 else tuple(Level)
    ordered = sorted(bodies, key=lambda body: -body.centroid_mm[2])
    steps = list(_steps(ordered))
    start, place = spine.index(level), ordered.index(meant)
    offsets: dict[int, int | None] = {place: 0}
    for way in (1, -1):
        here: int | None = 0
        for number in range(place + way, len(ordered) if way > 0 else -1, way):
            step = steps[min(number, number - way)]
            here = None if here is None or step is None else here + way * step
            offsets[number] = here
    for number, body in enumerate(ordered):
        offset = offsets[number]
        found = None if offset is None else start + offset
        yield body.label, spine[found] if found is not None and 0 <= found < len(spine) else None


def _steps(ordered: Sequence[SegmentedBody]) -> Iterator[int | None]:
    """How many levels lie between each body and the next below it; None where that cannot be known."""
    gaps = [float(np.linalg.norm(np.subtract(one.centroid_mm, next_.centroid_mm))) for one, next_ in pairwise(ordered)]
    usual = float(np.median(gaps)) if gaps else 0.0
    for gap, (one, other) in zip(gaps, pairwise(ordered), strict=True):
        if one.level in _SPINE and other.level in _SPINE:
            yield max(1, _SPINE.index(other.level) - _SPINE.index(one.level))
        else:
            yield 1 if gap <= _GAP * usual else None


def _relabelled(
    segmentation: Segmentation, levels: dict[int, Level | None], numbering: str, told: Reason
) -> Segmentation:
    table = np.arange(256, dtype=np.uint8)
    bodies: list[SegmentedBody] = []
    unknown = 0
    for body in sorted(segmentation.bodies, key=lambda item: -item.centroid_mm[2]):
        level = levels[body.label]
        label = level.label if level is not None else FIRST_UNKNOWN_LABEL + unknown
        unknown += level is None
        table[body.label] = label
        bodies.append(replace(body, label=label, level=level))
    return replace(
        segmentation,
        labels=table[segmentation.labels],
        bodies=tuple(bodies),
        numbering=numbering,
        numbering_reasons=(told,),
    )
