"""Tests of the whole segmenter with the shipped weights: phantoms of every kind, and images that hold no spine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from trabecula.data.bundle_location import find_segmenter_bundle
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, Level
from trabecula.domain.volume import TISSUE_LABELS, Geometry, Tissue, Volume
from trabecula.phantom.anatomy import Sex, SpineOptions, render_anatomy, sample_spine
from trabecula.segmentation.network import search
from trabecula.segmentation.network_segmenter import NetworkSegmenter

LUMBAR = (Level.L1, Level.L2, Level.L3, Level.L4, Level.L5)
HEALTHY = SpineOptions(healthy=True, lumbar_count=5, scoliosis_deg=0.0)
T2_LOOK = {"AIR": 10, "MUSCLE": 180, "BODY_CORTEX": 40, "SACRUM_CORTEX": 40, "ANNULUS": 120, "CSF": 900, "LIGAMENT": 60}
CT_LOOK = {"AIR": -1000, "BODY_CORTEX": 700, "SACRUM_CORTEX": 600, "POSTERIOR_CORTEX": 800, "ILIUM_CORTEX": 700}


@pytest.fixture(scope="module")
def segmenter() -> NetworkSegmenter:
    return NetworkSegmenter(find_segmenter_bundle())


def sagittal(slices: int, apart: float, rows: int = 250, columns: int = 190) -> Geometry:
    x = -apart * (slices - 1) / 2
    return Geometry(
        (slices, rows, columns), np.array([[apart, 0, 0, x], [0, 0, 1, -85], [0, -1, 0, 115], [0, 0, 0, 1.0]])
    )


def axial(slices: int, apart: float) -> Geometry:
    affine = np.array([[0, 0, 1.0, -60], [0, 1.0, 0, -60], [-apart, 0, 0, 115], [0, 0, 0, 1.0]])
    return Geometry((slices, 150, 120), affine)


def phantom(geometry: Geometry, modality: Modality, seed: int = 11) -> tuple[Volume, np.ndarray]:
    """A smooth phantom with plain contrast and its bodies (rim included on CT)."""
    spine = sample_spine(np.random.default_rng(seed), sex=Sex.MALE, age_years=50.0, options=HEALTHY)
    anatomy = render_anatomy(spine, geometry)
    from trabecula.phantom.anatomy.tissue import PhantomTissue

    table = np.full(len(PhantomTissue), 450.0 if modality is Modality.MR else 40.0, dtype=np.float32)
    for tissue in PhantomTissue:
        name = tissue.name
        if modality is Modality.MR:
            table[tissue] = T2_LOOK.get(name, 700.0 if "FAT" in name else 400.0 if "MARROW" in name else 250.0)
        else:
            table[tissue] = CT_LOOK.get(name, -100.0 if "FAT" in name else 180.0 if "MARROW" in name else 45.0)
    noise = np.random.default_rng(1).normal(0, 12, geometry.shape)
    truth = anatomy.body_labels()
    if modality is Modality.MR:
        truth[anatomy.tissue == PhantomTissue.BODY_CORTEX] = 0
    return Volume(array=(table[anatomy.tissue] + noise).astype(np.float32), geometry=geometry, modality=modality), truth


def overlap(labels: np.ndarray, truth: np.ndarray, level: Level) -> float:
    first, second = labels == level.label, truth == level.label
    return 2.0 * float((first & second).sum()) / float(first.sum() + second.sum())


@pytest.mark.parametrize(
    ("geometry", "modality", "least"),
    [
        (sagittal(11, 4.4), Modality.MR, 0.93),
        (sagittal(15, 3.0), Modality.CT, 0.93),
        (axial(128, 2.0), Modality.CT, 0.92),
    ],
    ids=["MR sagittal", "CT sagittal", "CT axial"],
)
def test_lumbar_bodies_are_outlined_and_named(
    segmenter: NetworkSegmenter, geometry: Geometry, modality: Modality, least: float
) -> None:
    volume, truth = phantom(geometry, modality)

    result = segmenter.segment(volume)

    assert [overlap(result.labels, truth, level) for level in LUMBAR] == pytest.approx([1.0] * 5, abs=1 - least)
    assert result.numbering == "counted from the sacrum"
    assert result.body(Level.S1) is not None
    assert result.tissues is not None
    assert (result.tissues == TISSUE_LABELS[Tissue.CANAL]).any()
    assert result.segmenter.weights_sha256 == segmenter.bundle.weights_sha256


def test_every_body_knows_its_place_and_size(segmenter: NetworkSegmenter) -> None:
    volume, truth = phantom(sagittal(11, 4.4), Modality.MR)

    body = segmenter.segment(volume).body(Level.L3)

    assert body is not None
    centre = volume.geometry.to_lps(np.argwhere(truth == Level.L3.label).mean(axis=0))
    assert body.centroid_mm == pytest.approx(tuple(centre), abs=3.0)
    assert body.volume_mm3 == pytest.approx(
        (truth == Level.L3.label).sum() * volume.geometry.voxel_volume_mm3, rel=0.12
    )
    assert body.complete
    assert 0.8 < body.quality <= 1.0


@pytest.mark.parametrize("axes", [(0,), (1,), (2,), (0, 1, 2)])
def test_reversed_arrays_with_a_right_header_give_the_same_bodies(
    segmenter: NetworkSegmenter, axes: tuple[int, ...]
) -> None:
    volume, truth = phantom(sagittal(7, 4.4), Modality.MR)
    affine = volume.geometry.affine.copy()
    for axis in axes:
        affine[:3, 3] += affine[:3, axis] * (volume.geometry.shape[axis] - 1)
        affine[:3, axis] *= -1
    turned = Volume(
        array=np.ascontiguousarray(np.flip(volume.array, axes)),
        geometry=Geometry(volume.geometry.shape, affine),
        modality=Modality.MR,
    )

    labels = np.flip(segmenter.segment(turned).labels, axes)

    assert all(overlap(labels, truth, level) > 0.9 for level in LUMBAR)


def test_a_header_that_is_upside_down_is_noticed(segmenter: NetworkSegmenter) -> None:
    volume, truth = phantom(sagittal(7, 4.4), Modality.MR)
    wrong = replace(volume, array=np.ascontiguousarray(volume.array[:, ::-1]))

    result = segmenter.segment(wrong)

    assert result.against_header
    assert all(overlap(result.labels[:, ::-1], truth, level) > 0.85 for level in LUMBAR)


def test_one_slice_is_enough(segmenter: NetworkSegmenter) -> None:
    volume, truth = phantom(sagittal(1, 4.4), Modality.MR)

    result = segmenter.segment(volume)

    assert all(overlap(result.labels, truth, level) > 0.9 for level in LUMBAR)


def test_a_crop_without_sacrum_has_bodies_but_no_names(segmenter: NetworkSegmenter) -> None:
    volume, _ = phantom(sagittal(7, 4.4), Modality.MR)
    crop = Volume(
        array=volume.array[:, 40:150], geometry=Geometry((7, 110, 190), volume.geometry.affine), modality=Modality.MR
    )

    result = segmenter.segment(crop)

    assert len(result.bodies) >= 2
    assert all(body.level is None and body.label >= FIRST_UNKNOWN_LABEL for body in result.bodies)
    assert ReasonCode.NUMBERING_AMBIGUOUS in [reason.code for reason in result.numbering_reasons]
    assert [body.label for body in result.bodies] == sorted(body.label for body in result.bodies)


@pytest.mark.parametrize("kind", ["constant", "noise", "tiny"])
def test_an_image_without_a_spine_gives_no_bodies(segmenter: NetworkSegmenter, kind: str) -> None:
    shape = (1, 5, 4) if kind == "tiny" else (3, 120, 100)
    array = np.zeros(shape, np.float32)
    if kind == "noise":
        array += np.random.default_rng(1).normal(100, 20, shape).astype(np.float32)
    affine = np.array([[4.0, 0, 0, 0], [0, 0, 1, 0], [0, -1, 0, 0], [0, 0, 0, 1]])

    result = segmenter.segment(Volume(array=array, geometry=Geometry(shape, affine), modality=Modality.MR))

    assert not result.bodies
    assert not result.labels.any()
    assert not result.numbering_reasons


def test_the_same_volume_gives_the_same_bytes(segmenter: NetworkSegmenter) -> None:
    volume, _ = phantom(sagittal(3, 4.4), Modality.MR)

    first, second = segmenter.segment(volume), segmenter.segment(volume)

    assert (first.labels == second.labels).all()
    assert first.bodies == second.bodies


def test_large_maps_are_halved_and_outline_the_same(
    segmenter: NetworkSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    volume, _ = phantom(axial(100, 2.0), Modality.CT)

    single = segmenter.read(volume)
    monkeypatch.setattr("trabecula.segmentation.network.inference._SINGLE_PRECISION_SAMPLES", 0)
    half = segmenter.read(volume)

    assert (single.maps.channels.dtype, half.maps.channels.dtype) == (np.float32, np.float16)
    assert single.naming.levels == half.naming.levels
    first, second = (segmenter.finish(volume, reading).labels for reading in (single, half))
    assert (first != second).sum() <= 0.001 * (first > 0).sum()


@pytest.mark.parametrize("upside_down", [False, True])
def test_other_directions_are_tried_only_where_the_sacrum_does_not_stand_as_the_header_says(
    segmenter: NetworkSegmenter, monkeypatch: pytest.MonkeyPatch, upside_down: bool
) -> None:
    volume, _ = phantom(sagittal(7, 4.4), Modality.MR)
    array = volume.array[:, ::-1] if upside_down else volume.array
    tried = []
    plain = search._upright_plane
    monkeypatch.setattr(search, "_upright_plane", lambda *given: tried.append(given) or plain(*given))

    result = segmenter.segment(replace(volume, array=np.ascontiguousarray(array)))

    assert bool(tried) == upside_down
    assert result.against_header == upside_down
