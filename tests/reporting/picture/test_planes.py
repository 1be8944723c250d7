"""The three-plane picture: panels by what the image has, bodies in their colours where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.regions.drawn_bodies import single_slice
from tests.segmentation.drawn_spines import draw_spine, spine_grid, spine_volume
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.segmentation import SegmentationVerdict, SegmenterIdentity
from trabecula.domain.spine import Level
from trabecula.domain.volume import Volume
from trabecula.reporting.picture.planes import draw_three_planes, level_colour, write_three_planes
from trabecula.segmentation.foreign.labelled import LabelSource, segmentation_of

SOURCE = LabelSource(identity=SegmenterIdentity("drawn", "1"), numbering="drawn", quality=0.9)


NOTHING = SegmentationVerdict((), dict.fromkeys(range(256), ()))
"""Nothing to be told of any body."""


def coloured(image: Image.Image, label: int) -> np.ndarray:
    return np.argwhere((np.asarray(image) == level_colour(label)).all(axis=-1))


@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal"])
@pytest.mark.parametrize("modality", list(Modality))
def test_every_body_is_outlined_in_order_from_the_top(plane: str, modality: Modality) -> None:
    geometry = spine_grid(plane, (3.0, 1.5, 1.5))
    volume = spine_volume(geometry, modality)

    image = draw_three_planes(volume, segmentation_of(draw_spine(geometry)[0], geometry, SOURCE), NOTHING)

    rows = [coloured(image, level.label)[:, 0].mean() for level in (Level.L3, Level.L4, Level.L5)]
    assert rows == sorted(rows)
    assert image.width > image.height


def test_a_single_slice_gives_one_panel() -> None:
    geometry = spine_grid("sagittal", (4.0, 1.5, 1.5))
    _, one_geometry = single_slice(draw_spine(geometry)[0] > 0, geometry)
    volume = spine_volume(geometry)
    flat = Volume(array=volume.array[geometry.shape[0] // 2][None], geometry=one_geometry, modality=Modality.MR)
    labels = draw_spine(geometry)[0][geometry.shape[0] // 2][None]

    image = draw_three_planes(flat, segmentation_of(labels, one_geometry, SOURCE), NOTHING)

    assert len(coloured(image, Level.L4.label)) > 100
    assert image.width <= image.height


def test_an_image_without_bodies_is_drawn_whole(tmp_path: Path) -> None:
    geometry = spine_grid("axial", (3.0, 1.5, 1.5))
    empty = segmentation_of(np.zeros(geometry.shape, dtype=np.uint8), geometry, SOURCE)

    write_three_planes(tmp_path / "deep" / "planes.png", spine_volume(geometry), empty, NOTHING)

    with Image.open(tmp_path / "deep" / "planes.png") as image:
        assert image.format == "PNG"
        assert np.asarray(image).std() > 5


def test_reasons_that_every_body_has_do_not_widen_the_picture() -> None:
    geometry = spine_grid("axial", (3.0, 1.5, 1.5))
    plain = segmentation_of(draw_spine(geometry)[0], geometry, SOURCE)
    reasons = tuple(Reason(code=code, blocking=True) for code in list(ReasonCode)[:8])
    doubtful = SegmentationVerdict((), {body.label: reasons for body in plain.bodies})
    volume = spine_volume(geometry)

    first, second = (draw_three_planes(volume, plain, each) for each in (NOTHING, doubtful))

    assert second.size == first.size
    head = [np.asarray(image)[60:80].astype(int) for image in (first, second)]
    assert np.abs(head[1] - head[0]).max() > 100


def test_the_planes_follow_a_curved_spine() -> None:
    geometry = spine_grid("axial", (2.0, 1.5, 1.5))
    labels = draw_spine(geometry)[0]
    bent = np.zeros_like(labels)
    for index in range(labels.shape[0]):
        bent[index] = np.roll(labels[index], round(0.6 * (index - labels.shape[0] / 2)), axis=1)

    image = draw_three_planes(spine_volume(geometry), segmentation_of(bent, geometry, SOURCE), NOTHING)

    for level in (Level.L3, Level.L4, Level.L5):
        assert len(coloured(image, level.label)) > 200
