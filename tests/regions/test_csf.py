"""csf_v1: found behind L3, unbiased by noise, roots and fat; a reason where it cannot be trusted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.regions.drawn_bodies import BodyShape, body_coordinates, draw_body, grid, rotation
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.segmentation import Segmentation, SegmentedBody, SegmenterIdentity
from trabecula.domain.spine import Level
from trabecula.domain.volume import TISSUE_LABELS, Tissue, Volume
from trabecula.regions import CsfRegion, csf_v1
from trabecula.regions.csf import fluid_range

CSF, ROOTS, FAT, BONE = 100.0, 180.0, 600.0, 300.0


def lumbar_slab(
    noise: float = 8.0, canal_mm: float = 16.0, level: Level = Level.L3, tissues: bool = True, spacing: float = 0.8
) -> tuple[Segmentation, Volume]:
    """One body with a canal behind it: fluid with roots in the back third and a seam of fat."""
    geometry = grid("sagittal", (4.0, spacing, spacing))
    turn = rotation(10, 0, 0)
    body = draw_body(geometry, BodyShape(), turn, (0, -15, 0))
    u, v, _ = body_coordinates(geometry, turn, (0, -15, 0))
    behind = v - 17
    canal = (behind > 1) & (behind < 1 + canal_mm) & (np.abs(u) < 9)
    image = np.full(geometry.shape, 400.0)
    image[canal] = CSF
    image[canal & (behind > 1 + canal_mm * 0.72)] = ROOTS
    image[canal & (behind < 2.5)] = FAT
    image[body] = BONE
    image += np.random.default_rng(3).normal(0, noise, image.shape)
    labels = np.where(body, level.label, 0).astype(np.uint8)
    tissue_map = np.zeros(labels.shape, dtype=np.uint8)
    tissue_map[body] = TISSUE_LABELS[Tissue.BODY]
    tissue_map[canal] = TISSUE_LABELS[Tissue.CANAL]
    segmentation = Segmentation(
        labels=labels,
        bodies=(SegmentedBody(label=level.label, level=level, quality=0.9),),
        segmenter=SegmenterIdentity("drawn", "1"),
        quality=0.9,
        numbering="drawn",
        tissues=tissue_map if tissues else None,
    )
    return segmentation, Volume(array=image.astype(np.float32), geometry=geometry, modality=Modality.MR)


@pytest.mark.parametrize("noise", [2.0, 8.0, 15.0])
def test_the_fluid_is_measured_without_bias(noise: float) -> None:
    segmentation, volume = lumbar_slab(noise)

    region = csf_v1(segmentation, volume)

    assert isinstance(region, CsfRegion)
    assert region.level is Level.L3
    assert region.mean == pytest.approx(CSF, rel=0.03)
    assert region.cv == pytest.approx(noise / CSF, abs=0.05)
    assert region.voxels == region.mask.sum() >= 30
    canal = segmentation.tissues == TISSUE_LABELS[Tissue.CANAL]
    assert not (region.mask & ~canal).any()


def test_bright_fluid_is_found_on_t2() -> None:
    segmentation, volume = lumbar_slab()
    inverted = volume.with_array(np.float32(1000) - volume.array)

    region = csf_v1(segmentation, inverted, bright=True)

    assert isinstance(region, CsfRegion)
    assert region.mean == pytest.approx(1000 - CSF, rel=0.03)


def test_l2_stands_in_where_l3_is_missing() -> None:
    segmentation, volume = lumbar_slab(level=Level.L2)

    region = csf_v1(segmentation, volume)

    assert isinstance(region, CsfRegion)
    assert region.level is Level.L2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"level": Level.L5}, "not found"),
        ({"tissues": False}, "no spinal canal"),
        ({"canal_mm": 4.0}, "voxels of the canal"),
        ({"noise": 60.0}, "coefficient of variation"),
    ],
)
def test_what_cannot_be_trusted_is_a_reason(changes: dict[str, object], words: str) -> None:
    segmentation, volume = lumbar_slab(**changes)  # type: ignore[arg-type]

    reason = csf_v1(segmentation, volume)

    assert isinstance(reason, Reason)
    assert reason.code is ReasonCode.CSF_ROI
    assert reason.blocking
    assert words in reason.sentence
    assert reason.code.next_step


def test_padding_is_never_fluid() -> None:
    segmentation, volume = lumbar_slab()
    padding = np.ones(volume.array.shape, dtype=bool)

    reason = csf_v1(
        segmentation, Volume(array=volume.array, geometry=volume.geometry, modality=Modality.MR, padding=padding)
    )

    assert isinstance(reason, Reason)
    assert "0 voxels" in reason.sentence


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e5, 1e5, width=32), min_size=30, max_size=200))
def test_any_values_give_an_interval_that_holds_some_of_them(values: list[float]) -> None:
    array = np.array(values)

    low, high = fluid_range(array)

    assert np.isfinite([low, high]).all()
    assert low < high
    assert ((array >= low) & (array <= high)).any()
