"""Tests of the reasons about an outline: what blocks, what only warns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.segmentation.network.test_instances import maps
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.spine import Level
from trabecula.domain.volume import Geometry
from trabecula.segmentation.judgement import judge_body, judge_study
from trabecula.segmentation.naming.anchor import find_anchor
from trabecula.segmentation.naming.levels import name_bodies
from trabecula.segmentation.network.inference import Maps
from trabecula.segmentation.network.instances import find_instances
from trabecula.segmentation.network.preprocess import lay_grid, side_step, whole
from trabecula.segmentation.network.quality import features_of
from trabecula.segmentation.network.search import FoundSpine
from trabecula.segmentation.network.stack import axes_of
from trabecula.segmentation.reading import Reading


def reading(image: Maps) -> Reading:
    axes = axes_of(Geometry((3, 280, 90), np.array([[4.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])))
    anchor = find_anchor(image)
    instances = find_instances(image, 4.0, 1.0, anchor is not None)
    naming = name_bodies(instances, anchor, 4.0)
    grid = lay_grid(axes, whole(axes), side_step(axes, Modality.MR))
    finding = FoundSpine(axes, whole(axes), False, True)
    return Reading(
        grid=grid,
        maps=image,
        instances=instances,
        anchor=anchor,
        naming=naming,
        features=features_of(image, instances),
        finding=finding,
        rim_share=0.0,
    )


def judge(read: Reading, place: int, quality: float) -> tuple[Reason, ...]:
    return judge_body(read.instances.bodies[place], Level.L3, quality, read, lambda _, default: default)


def test_a_sure_outline_has_no_reasons() -> None:
    assert judge(reading(maps()), 2, 0.97) == ()


def test_low_quality_blocks_and_middling_quality_warns() -> None:
    read = reading(maps())

    (low,), (middling,) = judge(read, 2, 0.5), judge(read, 2, 0.8)

    assert (low.code, low.blocking, low.value) == (ReasonCode.SEG_QC, True, 0.5)
    assert (middling.code, middling.blocking) == (ReasonCode.SEG_WARNING, False)


def test_metal_blocks() -> None:
    image = maps()
    image.channels[:, 8, 90:100, 30:50] = 0.9

    reasons = [judge(reading(image), place, 0.97) for place in range(4)]

    assert [reason.code for group in reasons for reason in group] == [ReasonCode.METAL]


def test_a_body_cut_by_the_image_blocks() -> None:
    read = reading(maps())
    cut = replace(read.instances.bodies[0], edge=True)

    reasons = judge_body(cut, None, 0.97, read, lambda _, default: default)

    assert [(reason.code, reason.blocking) for reason in reasons] == [(ReasonCode.BORDER, True)]


def test_a_flat_body_only_warns_because_fractures_look_like_that() -> None:
    read = reading(maps())
    flat = replace(read.instances.bodies[2], volume_mm3=0.4 * read.instances.bodies[2].volume_mm3)

    reasons = judge_body(flat, Level.L3, 0.97, read, lambda _, default: default)

    assert [(reason.code, reason.blocking) for reason in reasons] == [(ReasonCode.SEG_WARNING, False)]


def test_the_study_says_when_the_header_was_wrong_the_spine_bent_or_missing() -> None:
    read = reading(maps())
    bent = replace(
        read.instances,
        bodies=tuple(replace(body, centre=(3.0 * k, *body.centre[1:])) for k, body in enumerate(read.instances.bodies)),
    )

    codes = {reason.code for reason in judge_study(bent, read.naming, True, 4.0)}
    nothing = judge_study(replace(read.instances, bodies=()), replace(read.naming, reasons=()), False, 4.0)

    assert {ReasonCode.UPSIDE_DOWN, ReasonCode.SCOLIOSIS, ReasonCode.LEVELS_ASSUMED} <= codes
    assert [(reason.code, reason.blocking) for reason in nothing] == [(ReasonCode.NOT_A_SPINE, True)]
