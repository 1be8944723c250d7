"""Bodies from label images: whole vertebrae are cut by shape, borders, pieces and unknown levels are told."""

from __future__ import annotations

import numpy as np
import pytest

from tests.regions.drawn_bodies import single_slice
from tests.segmentation.drawn_spines import LEVELS, dice, draw_spine, spine_grid
from trabecula.domain.segmentation import SegmenterIdentity
from trabecula.domain.spine import Level
from trabecula.domain.volume import TISSUE_LABELS, Tissue
from trabecula.segmentation.foreign.labelled import LabelSource, segmentation_of
from trabecula.segmentation.foreign.whole_vertebrae import body_of_vertebra, largest_piece

SOURCE = LabelSource(identity=SegmenterIdentity("drawn", "1"), numbering="drawn", quality=0.9)


@pytest.mark.parametrize(
    ("plane", "spacing"), [("axial", (1.5, 1.0, 1.0)), ("sagittal", (4.0, 0.9, 0.9)), ("axial", (3.0, 0.9, 0.9))]
)
def test_whole_vertebrae_are_cut_to_their_bodies(plane: str, spacing: tuple[float, float, float]) -> None:
    geometry = spine_grid(plane, spacing)
    bodies, whole, _ = draw_spine(geometry)

    for level in LEVELS:
        cut = body_of_vertebra(whole == level.label, geometry)

        assert dice(cut, bodies == level.label) > 0.95
        assert not (cut & (whole != level.label)).any()


def test_a_body_that_is_one_already_stays() -> None:
    geometry = spine_grid()
    bodies, _, _ = draw_spine(geometry)

    cut = body_of_vertebra(bodies == Level.L4.label, geometry)

    assert dice(cut, bodies == Level.L4.label) > 0.98


def test_a_single_slice_loses_its_spinous_process() -> None:
    geometry = spine_grid("sagittal", (4.0, 0.9, 0.9))
    bodies, whole, _ = draw_spine(geometry)
    one, slice_geometry = single_slice(whole == Level.L4.label, geometry)
    body, _ = single_slice(bodies == Level.L4.label, geometry)

    assert dice(body_of_vertebra(one, slice_geometry), body) > 0.97


def test_nothing_stays_nothing_and_a_speck_a_speck() -> None:
    geometry = spine_grid()
    empty = np.zeros(geometry.shape, dtype=bool)
    speck = empty.copy()
    speck[10, 10, 10] = True

    assert not body_of_vertebra(empty, geometry).any()
    assert body_of_vertebra(speck, geometry).sum() == 1
    assert not largest_piece(empty).any()


def test_a_segmentation_tells_places_sizes_and_tissues() -> None:
    geometry = spine_grid()
    bodies, whole, canal = draw_spine(geometry)
    tissues = np.where(canal, TISSUE_LABELS[Tissue.CANAL], 0).astype(np.uint8)

    result = segmentation_of(
        whole,
        geometry,
        LabelSource(identity=SOURCE.identity, numbering="drawn", quality=0.9, whole_vertebrae=True),
        tissues,
    )

    assert [body.level for body in result.bodies] == list(LEVELS)
    l4 = result.body(Level.L4)
    assert l4 is not None
    assert l4.centroid_mm == pytest.approx((0, -10, 0), abs=1.5)
    assert l4.volume_mm3 == pytest.approx((bodies == Level.L4.label).sum() * geometry.voxel_volume_mm3, rel=0.05)
    assert l4.quality == result.quality == 0.9
    assert result.tissues is not None
    assert set(np.unique(result.tissues)) == {
        0,
        *(TISSUE_LABELS[tissue] for tissue in (Tissue.BODY, Tissue.CANAL, Tissue.POSTERIOR)),
    }


def test_unknown_levels_are_numbered_from_the_top() -> None:
    geometry = spine_grid()
    bodies, _, _ = draw_spine(geometry)
    table = np.arange(256, dtype=np.uint8)
    table[[Level.L3.label, Level.L4.label, Level.L5.label]] = [140, 117, 203]

    result = segmentation_of(table[bodies], geometry, SOURCE)

    assert [body.label for body in result.bodies] == [101, 102, 103]
    assert all(body.level is None for body in result.bodies)
    assert np.array_equal(result.labels == 101, bodies == Level.L3.label)


def test_a_body_at_the_border_is_incomplete() -> None:
    geometry = spine_grid()
    bodies, _, _ = draw_spine(geometry)
    cut = bodies.copy()
    middle = np.argwhere(bodies == Level.L3.label)[:, 0].mean()
    cropped = cut[: int(middle)]

    affine = geometry.affine
    result = segmentation_of(cropped, type(geometry)(cropped.shape, affine), SOURCE)

    l3, l4 = result.body(Level.L3), result.body(Level.L4)
    assert l3 is not None
    assert l4 is not None
    assert not l3.complete
    assert l4.complete


def test_specks_are_dropped_and_pieces_told() -> None:
    geometry = spine_grid()
    bodies, _, _ = draw_spine(geometry)
    bodies[bodies == Level.L5.label] = 0
    bodies[2, 2, 2] = Level.L5.label
    l3 = bodies == Level.L3.label
    rows = np.argwhere(l3)[:, 1]
    split = int(np.quantile(rows, 0.3))
    bodies[:, split : split + 2][l3[:, split : split + 2]] = 0

    result = segmentation_of(bodies, geometry, SOURCE)

    assert result.body(Level.L5) is None
    assert (result.labels == Level.L5.label).sum() == 0
    pieces = result.body(Level.L3)
    assert pieces is not None
    assert pieces.main_share == pytest.approx(0.65, abs=0.1)


def test_no_body_is_no_error() -> None:
    geometry = spine_grid()

    result = segmentation_of(np.zeros(geometry.shape, dtype=np.uint8), geometry, SOURCE)

    assert result.bodies == ()
    assert result.quality == 0.0
