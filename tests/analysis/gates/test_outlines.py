"""Tests of how outlines are judged: what blocks, what only warns, whichever program made them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trabecula.analysis.gates.outlines import is_trusted, judge
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import Level

L3 = Level.L3.label


def segmentation(**l3: object) -> Segmentation:
    """Sound bodies T12 to L5 and S1, of which L3 has these facts instead."""
    levels = (Level.T12, Level.L1, Level.L2, Level.L3, Level.L4, Level.L5, Level.S1)
    bodies = [
        SegmentedBody(
            label=level.label,
            level=level,
            quality=0.5 if level is Level.S1 else 0.95,
            volume_mm3=30_000.0,
        )
        for level in levels
    ]
    changed = tuple(replace(body, **l3) if body.label == L3 else body for body in bodies)  # type: ignore[arg-type]
    return Segmentation(
        labels=np.zeros((1, 1, 1), np.uint8),
        bodies=changed,
        segmenter=SegmenterIdentity("test", "1"),
        quality=0.95,
        numbering="counted from the sacrum",
    )


def test_sound_outlines_have_no_reasons_and_s1_is_not_judged() -> None:
    verdict = judge(segmentation())

    assert verdict.all_codes == frozenset()
    assert not any(verdict.is_blocked(label) for label in verdict.by_label)


@pytest.mark.parametrize(
    ("facts", "code", "blocking"),
    [
        ({"quality": 0.749}, ReasonCode.SEG_QC, True),
        ({"quality": 0.8}, ReasonCode.SEG_WARNING, False),
        ({"complete": False}, ReasonCode.BORDER, True),
        ({"metal_share": 0.05}, ReasonCode.METAL, True),
        ({"main_share": 0.8}, ReasonCode.SEG_WARNING, False),
        ({"volume_mm3": 12_000.0}, ReasonCode.SEG_WARNING, False),
    ],
)
def test_each_fact_is_judged_once_and_names_its_level(
    facts: dict[str, object], code: ReasonCode, blocking: bool
) -> None:
    found = segmentation(**facts)

    verdict = judge(found)

    (reason,) = verdict.by_label[L3]
    assert (reason.code, reason.blocking, reason.level) == (code, blocking, Level.L3)
    assert verdict.is_blocked(L3) is blocking
    assert verdict.all_codes == {code}
    assert [is_trusted(found, body) for body in found.bodies if body.label == L3] == [not blocking]


def test_a_poor_outline_tells_its_quality_and_the_limit() -> None:
    (reason,) = judge(segmentation(quality=0.5)).by_label[L3]

    assert (reason.value, reason.limit) == (0.5, 0.75)


def test_a_small_body_that_the_image_cuts_is_only_cut() -> None:
    (reason,) = judge(segmentation(volume_mm3=12_000.0, complete=False)).by_label[L3]

    assert reason.code is ReasonCode.BORDER


def test_the_whole_tells_of_names_of_a_wrong_header_and_of_no_spine() -> None:
    doubt = Reason(code=ReasonCode.LEVELS_ASSUMED, blocking=False)
    found = replace(segmentation(), numbering_reasons=(doubt,), against_header=True)
    nothing = replace(segmentation(), bodies=())

    assert [reason.code for reason in judge(found).reasons] == [ReasonCode.LEVELS_ASSUMED, ReasonCode.UPSIDE_DOWN]
    assert [(reason.code, reason.blocking) for reason in judge(nothing).reasons] == [(ReasonCode.NOT_A_SPINE, True)]
