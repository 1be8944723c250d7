"""A reader's names upon bodies: counted from the one that was named, to the ends of the spine, never past a gap."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, Level
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.volume import Geometry
from trabecula.segmentation.reader_names import ReaderNames

STEP = 30
GEOMETRY = Geometry((4, 300, 20), np.array([[4.0, 0, 0, 0], [0, 0, 1.0, 0], [0, -1.0, 0, 0], [0, 0, 0, 1]]))


def found(names: str, gaps: dict[int, int] | None = None) -> Segmentation:
    """Bodies from head to foot with these names (``?`` for none); ``gaps`` adds mm below a body."""
    labels = np.zeros(GEOMETRY.shape, dtype=np.uint8)
    bodies = []
    row, unknown = 10, 0
    for number, name in enumerate(names.split()):
        level = Level[name] if name != "?" else None
        label = level.label if level else FIRST_UNKNOWN_LABEL + unknown
        unknown += level is None
        labels[:, row : row + 20, 5:15] = label
        centre = GEOMETRY.to_lps(np.argwhere(labels == label).mean(axis=0))
        place = (float(centre[0]), float(centre[1]), float(centre[2]))
        bodies.append(SegmentedBody(label=label, level=level, quality=0.9, centroid_mm=place))
        row += STEP + (gaps or {}).get(number, 0)
    doubt = Reason(code=ReasonCode.NUMBERING_AMBIGUOUS)
    return Segmentation(
        labels=labels,
        bodies=tuple(bodies),
        segmenter=SegmenterIdentity("drawn", "1"),
        quality=0.9,
        numbering="counted from the sacrum",
        numbering_reasons=(doubt,),
    )


def renamed(before: Segmentation, number: int, level: Level, off_mm: float = 0.0) -> str:
    """The names from head to foot after the body of this number was named."""
    body = before.bodies[number]
    correction = LevelCorrection(
        sop_instance_uid="1.2", frame=None, row=0, column=0, level=level, called=str(body.level or "#1")
    )
    x, y, z = body.centroid_mm
    after = ReaderNames(correction, (x, y + off_mm, z), "1.9", "1.8").upon(before, GEOMETRY)
    if after is None:
        return "none"
    for old, new in zip(before.bodies, after.bodies, strict=True):
        assert np.array_equal(before.labels == old.label, after.labels == new.label)
    assert [reason.code for reason in after.numbering_reasons] == [ReasonCode.LEVELS_CORRECTED]
    return " ".join(str(item.level or "?") for item in after.bodies)


@pytest.mark.parametrize(
    ("before", "number", "level", "after"),
    [
        ("T12 L1 L2 L3 L4 L5 S1", 1, Level.T12, "T11 T12 L1 L2 L3 L4 L5"),
        ("L1 L2 L3 L4 L5 S1", 4, Level.S1, "L2 L3 L4 L5 S1 ?"),
        ("T12 L1 L2 L3 L4 L5 S1", 5, Level.L6, "L1 L2 L3 L4 L5 L6 S1"),
        ("? ? ? ?", 2, Level.L3, "L1 L2 L3 L4"),
        ("C1 C2", 1, Level.C1, "? C1"),
        ("L1 L3 L4 L5", 2, Level.L3, "T12 L2 L3 L4"),
    ],
)
def test_the_others_are_counted_from_the_named_one(before: str, number: int, level: Level, after: str) -> None:
    assert renamed(found(before), number, level) == after


def test_unnamed_bodies_are_not_counted_past_a_gap() -> None:
    assert renamed(found("? ? ? ? ?", {1: STEP}), 3, Level.L4) == "? ? L3 L4 L5"


def test_a_place_beside_a_body_means_the_nearest_within_half_a_vertebra() -> None:
    assert renamed(found("L1 L2 L3"), 1, Level.L1, off_mm=10.0) == "T12 L1 L2"
    assert renamed(found("L1 L2 L3"), 1, Level.L1, off_mm=40.0) == "none"


def test_a_correction_is_kept_as_json() -> None:
    correction = LevelCorrection(sop_instance_uid="1.2", frame=7, row=3, column=4, level=Level.L6, called="#2")
    assert LevelCorrection.from_json(correction.to_json()) == correction
    assert LevelCorrection.from_json(replace(correction, frame=None).to_json()).frame is None
