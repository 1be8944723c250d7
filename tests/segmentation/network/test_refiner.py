"""Tests of the refiner: where its fine maps count, and that outlines drawn with it are better than without."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from trabecula.data.bundle_location import find_segmenter_bundle
from trabecula.domain.errors import BundleInvalid, SegmenterFailed
from trabecula.domain.volume import Geometry, Volume
from trabecula.segmentation.network.bundle import load_bundle
from trabecula.segmentation.network.closeups import PIXEL_MM
from trabecula.segmentation.network.grids import Grid, axes_of, lay_grid, whole
from trabecula.segmentation.network.mapping import MappedOutline, paint_body
from trabecula.segmentation.network.refiner import FineMaps, Refiner
from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula_training.segmenter.judging.evaluate import score_bodies, summarise
from trabecula_training.segmenter.judging.examinations import ct_examination, examine, mr_examination

RADIUS_MM = 12.3


def disc_maps(side: int = 3) -> FineMaps:
    """Fine maps of a round body around stack sample (32, 32), with a rim of 1.5 mm."""
    place = 32 + PIXEL_MM * (np.arange(64) - 31.5)
    radius = np.hypot(place[:, None] - 32, place[None, :] - 32)
    inside, with_rim = (np.clip((edge - radius) / PIXEL_MM + 0.5, 0, 1) for edge in (RADIUS_MM, RADIUS_MM + 1.5))
    marrow, rim = (np.repeat(part.astype(np.float32)[None], side, axis=0) for part in (inside, with_rim - inside))
    return FineMaps(first=0, rows=place, columns=place, marrow=marrow, rim=rim)


def stack(pixel_mm: float) -> tuple[Geometry, Grid]:
    size = int(65 / pixel_mm)
    affine = np.array([[4.0, 0, 0, 0], [0, 0, pixel_mm, 0], [0, -pixel_mm, 0, 0], [0, 0, 0, 1.0]])
    geometry = Geometry((3, size, size), affine)
    axes = axes_of(geometry)
    return geometry, lay_grid(axes, whole(axes), 4.0)


def painted_area_mm2(fine: FineMaps | None, fine_share: float, rim_share: float) -> float:
    geometry, grid = stack(0.5)
    everything = (slice(0, 3), slice(0, grid.shape[1]), slice(0, grid.shape[2]))
    rough = np.zeros(grid.shape, np.float32)
    rough[:, 22:43, 22:43] = 1.0
    basin = np.zeros(grid.shape, np.bool_)
    basin[:, 12:53, 12:53] = True
    labels = np.zeros(geometry.shape, np.uint8)
    paint_body(
        labels,
        grid,
        MappedOutline(
            box=everything, basin=basin, probability=rough, fine=fine, fine_share=fine_share, rim_share=rim_share
        ),
        20,
    )
    return float((labels == 20).sum()) / 3 * 0.25


def test_a_body_is_painted_as_its_fine_maps_say() -> None:
    assert painted_area_mm2(disc_maps(), 1.0, 0.0) == pytest.approx(np.pi * RADIUS_MM**2, rel=0.02)
    assert painted_area_mm2(disc_maps(), 1.0, 1.0) == pytest.approx(np.pi * (RADIUS_MM + 1.5) ** 2, rel=0.02)


def test_fine_maps_that_do_not_count_change_nothing() -> None:
    rough = painted_area_mm2(None, 1.0, 0.0)

    assert rough == pytest.approx(21 * 21, rel=0.06)
    assert painted_area_mm2(disc_maps(), 0.0, 0.0) == rough


def test_fine_maps_count_inside_and_fade_toward_their_edge() -> None:
    fine = disc_maps()
    places = fine.fine_places(np.array([0.0, 2.0, 5.0]), fine.rows[[0, 2, 32]], fine.columns[[32]])

    weight = fine.weight(places)

    assert weight[:2, :, 0].tolist() == [pytest.approx([0.0, 0.5, 1.0])] * 2
    assert not weight[2].any()


def test_networks_agree_where_their_outlines_lie_on_each_other() -> None:
    fine = disc_maps()
    row, column = np.meshgrid(np.arange(65) - 32.0, np.arange(65) - 32.0, indexing="ij")
    basin = np.ones((3, 65, 65), np.bool_)

    def rough(radius: float) -> np.ndarray:
        return np.repeat((np.hypot(row, column) <= radius)[None], 3, axis=0)

    same, smaller, none = (fine.agreement(rough(radius), basin) for radius in (RADIUS_MM + 1.5, 9.0, -1.0))

    assert same > 0.97
    assert smaller == pytest.approx(2 * 81 / (81 + (RADIUS_MM + 1.5) ** 2), abs=0.03)
    assert none == 0.0


def test_what_belongs_to_another_body_says_nothing_of_this_one() -> None:
    fine = disc_maps()
    basin = np.zeros((3, 65, 65), np.bool_)
    basin[:, :32] = True

    assert fine.agreement(np.ones_like(basin), basin) < 0.6
    assert fine.agreement(np.zeros_like(basin), ~np.ones_like(basin)) == 0.0


@pytest.fixture(scope="module")
def shipped() -> Path:
    return find_segmenter_bundle()


@pytest.mark.parametrize("examination", [mr_examination("T1"), mr_examination("T2"), ct_examination()])
def test_outlines_are_better_with_the_refiner_than_without(shipped: Path, examination: object) -> None:
    segmenter = NetworkSegmenter(shipped)
    case = examine(6200, examination)  # type: ignore[arg-type]
    reading = segmenter.read(case.volume)

    figures = [
        summarise({"": score_bodies(case.truth, result, case.volume.geometry, least_voxels=2000)})
        for result in (segmenter.finish(case.volume, read) for read in (reading, replace(reading, fine=())))
    ]

    assert figures[0].bodies >= 5
    assert figures[0].dice > figures[1].dice
    assert figures[0].dice > 0.95


def test_a_body_in_noise_alone_is_refined_without_a_fault(shipped: Path) -> None:
    segmenter = NetworkSegmenter(shipped)
    case = examine(6201, mr_examination("T2", slices=3))
    rng = np.random.default_rng(3)
    reading = segmenter.read(case.volume)
    noise = Volume(array=rng.normal(0, 1, case.volume.array.shape).astype(np.float32), geometry=case.volume.geometry,
                   modality=case.volume.modality)  # fmt: skip

    result = segmenter.finish(noise, reading)

    assert len(result.bodies) >= 5


def test_changed_weights_of_the_refiner_are_refused(shipped: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(shipped, tmp_path / "segmenter-9.0.0"))
    weights = bytearray((copy / "refiner.onnx").read_bytes())
    weights[500] ^= 1
    (copy / "refiner.onnx").write_bytes(bytes(weights))

    with pytest.raises(BundleInvalid) as caught:
        load_bundle(copy)

    assert "refiner.onnx" in caught.value.sentence


@pytest.mark.parametrize(
    "entry",
    [{"file": "other.onnx", "classes": ["body", "rim", "s1"]}, {"file": "refiner.onnx", "classes": ["body"]}, 7],
)
def test_a_refiner_that_does_not_fit_its_manifest_is_refused(shipped: Path, tmp_path: Path, entry: object) -> None:
    copy = Path(shutil.copytree(shipped, tmp_path / "segmenter-9.0.0"))
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "refiner": entry}))

    with pytest.raises(BundleInvalid):
        load_bundle(copy)


def test_both_networks_make_the_identity(shipped: Path) -> None:
    bundle = load_bundle(shipped)
    files = json.loads((shipped / "manifest.json").read_text())["files"]

    assert bundle.refiner is not None
    assert bundle.weights_sha256 not in files.values()


def test_weights_that_are_no_network_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "refiner.onnx").write_bytes(b"not a network")

    with pytest.raises(SegmenterFailed):
        Refiner(tmp_path / "refiner.onnx", ("body", "rim", "s1"), 1)
