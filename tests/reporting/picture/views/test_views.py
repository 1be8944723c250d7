"""The views of the page: bodies where they lie, smooth borders, the measured region, an axial slice, refused series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.reporting.builders import Study, ct_study, not_evaluable_result
from tests.reporting.picture.pages import not_used
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.reporting.picture.palette import level_colour
from trabecula.reporting.picture.views.axial import axial_view, drawn_axial
from trabecula.reporting.picture.views.contours import Cut, line_opacity, sampled_distance, softened
from trabecula.reporting.picture.views.measured import measured_regions
from trabecula.reporting.picture.views.refused import look_at_refused
from trabecula.reporting.picture.views.spine import drawn, sagittal_view


@pytest.mark.parametrize("name", ["ct", "mr"])
def test_the_view_shows_every_body_where_it_lies(name: str, request: pytest.FixtureRequest) -> None:
    study: Study = request.getfixturevalue(name)

    view = sagittal_view(study.volume, 320, 440)

    assert set(view.masks) == {level.label for level in (*MEASURED_LEVELS, Level.L5)}
    rows = [float(np.nonzero(view.masks[level.label])[0].mean()) for level in (*MEASURED_LEVELS, Level.L5)]
    assert rows == sorted(rows)
    spacing = study.volume.volume.geometry.spacing_mm
    height_mm = 8 * spacing[0] if name == "ct" else 16 * spacing[1]
    mask = view.masks[Level.L2.label]
    assert np.count_nonzero(mask.any(axis=1)) * view.mm == pytest.approx(height_mm, abs=3 * view.mm)
    inside, outside = view.grey[mask].mean(), view.grey[5, view.grey.shape[1] // 2]
    assert inside > outside + 20


def test_front_is_left_and_head_is_up(mr: Study) -> None:
    geometry, labels = mr.volume.volume.geometry, np.zeros_like(mr.volume.labels)
    labels[5, 40:60, 30:50] = Level.L3.label
    array = mr.volume.volume.array.copy()
    array[...] = 0.0
    array[:, :50, :40] = 500.0
    volume = replace(mr.volume, labels=labels, volume=mr.volume.volume.with_array(array))

    view = sagittal_view(volume, 200, 200)

    front_top, back_bottom = view.grey[80, 80], view.grey[120, 120]
    assert front_top > 200
    assert back_bottom < 20
    assert geometry.to_lps(np.array([5.0, 40.0, 30.0]))[2] > geometry.to_lps(np.array([5.0, 60.0, 30.0]))[2]


def test_outlines_are_drawn_in_the_colour_of_their_level(mr: Study) -> None:
    view = sagittal_view(mr.volume, 320, 440)

    image = np.asarray(drawn(view, {Level.L1.label: "3.30"}, frozenset({Level.L2.label})))

    assert (image == np.array(level_colour(Level.L1.label))).all(axis=2).any()
    assert not (image == np.array(level_colour(Level.L2.label))).all(axis=2).any()


def test_a_volume_without_bodies_is_shown_whole(mr: Study) -> None:
    view = sagittal_view(replace(mr.volume, labels=np.zeros_like(mr.volume.labels)), 200, 300)

    assert view.masks == {}
    assert view.grey.max() > 200


def test_a_border_is_round_where_the_body_is_round_and_not_as_its_pixels() -> None:
    """A disc of pixels, drawn ten times as large: no point of the line lies a third of a pixel off the circle."""
    radius, scale = 9.0, 10
    rows, columns = np.mgrid[:30, :30]
    disc = (np.hypot(rows - 14.5, columns - 14.5) <= radius)[None]
    fine = np.mgrid[: 30 * scale, : 30 * scale] / scale
    index = np.stack([np.zeros_like(fine[0]), fine[0], fine[1]])

    distance = softened(sampled_distance(Cut(disc, (0, 0, 0)), (1.0, 1.0, 1.0), index) * scale, scale)

    line = line_opacity(distance, 2.0) > 0.5
    off = np.abs(np.hypot(fine[0][line] - 14.5, fine[1][line] - 14.5) - radius)
    assert off.max() < 0.45
    assert np.hypot(*(fine[axis][line] - 14.5 for axis in (0, 1))).std() < 0.15


@pytest.mark.parametrize("name", ["ct", "mr"])
def test_the_measured_region_lies_within_its_body(name: str, request: pytest.FixtureRequest) -> None:
    study: Study = request.getfixturevalue(name)

    regions = measured_regions(study.volume, (Level.L1, Level.L3))

    assert set(regions) == {Level.L1.label, Level.L3.label}
    for label, region in regions.items():
        place = tuple(slice(first, first + size) for first, size in zip(region.start, region.mask.shape, strict=True))
        body = study.volume.labels[place] == label
        assert region.mask.any()
        assert not (region.mask & ~body).any()
        assert region.mask.sum() < 0.6 * (study.volume.labels == label).sum()


def test_the_measured_region_is_shaded_in_the_view(ct: Study) -> None:
    regions = measured_regions(ct.volume, (Level.L2,))
    plain, shaded = sagittal_view(ct.volume, 320, 440), sagittal_view(ct.volume, 320, 440, regions)

    pictures = [np.asarray(drawn(view, {}, frozenset())).astype(int) for view in (plain, shaded)]

    changed = np.abs(pictures[1] - pictures[0]).max(axis=2) > 10
    assert changed.any()
    assert not (changed & ~plain.masks[Level.L2.label]).any()


def test_the_axial_slice_shows_body_and_region(ct: Study) -> None:
    region = measured_regions(ct.volume, (Level.L1,))[Level.L1.label]

    view = axial_view(ct.volume, Level.L1, region, 240)

    assert view is not None
    body, inner = view.body > 0, view.region > 0
    spacing = ct.volume.volume.geometry.spacing_mm
    assert np.count_nonzero(body.any(axis=0)) * view.mm == pytest.approx(32 * spacing[2], abs=2.0)
    assert inner.any()
    assert not (inner & ~body).any()
    rows = np.nonzero(inner)[0].mean(), np.nonzero(body)[0].mean()
    assert rows[0] < rows[1]
    assert np.asarray(drawn_axial(view)).shape == (240, 240, 3)
    assert axial_view(ct.volume, Level.T12, region, 240) is None


def test_names_and_values_are_never_cut_by_the_edge_of_the_view(ct: Study) -> None:
    view = sagittal_view(ct.volume, 320, 440)
    first = min(int(np.nonzero(mask)[1].min()) for mask in view.masks.values())
    shift = {label: np.roll(distance, 6 - first, axis=1) for label, distance in view.bodies.items()}

    image = np.asarray(
        drawn(replace(view, bodies=shift, grey=np.zeros_like(view.grey)), {Level.L1.label: "1234 HU"}, frozenset())
    )

    rows = np.nonzero(shift[Level.L1.label] > 0)[0]
    beside = image[int(rows.mean()) - 40 : int(rows.mean()) + 45, :2]
    assert beside.max() < 30


def refused(study: Study, code: ReasonCode, **changes: object) -> object:
    use = replace(
        not_used(1)[0],
        series_uid=study.series_uid,
        number=5,
        modality="CT",
        reasons=(Reason(code=code, value=6.5, unit="mm"),),
    )
    return look_at_refused(not_evaluable_result(series_not_used=(*not_used(2), use), **changes), study.files)


def test_the_best_refused_series_is_shown_with_why(tmp_path: object) -> None:
    from pathlib import Path

    import pydicom

    study = ct_study(Path(str(tmp_path)), slices=5, size=24)
    for file in study.files:
        dataset = pydicom.dcmread(file.path)
        dataset.BitsAllocated = dataset.BitsStored = 16
        dataset.HighBit, dataset.PixelRepresentation, dataset.SamplesPerPixel = 15, 1, 1
        dataset.PhotometricInterpretation = "MONOCHROME2"
        dataset.PixelData = (np.arange(24 * 24, dtype=np.int16).reshape(24, 24)).tobytes()
        dataset["PixelData"].VR = "OW"
        dataset.save_as(file.path)

    look = refused(study, ReasonCode.SLICE_THICKNESS)

    assert look is not None
    assert look.caption() == "Series 5, not used: too thick, 6.5 mm"
    assert look.grey.max() > 200
    assert refused(study, ReasonCode.SLICE_THICKNESS, reasons=(Reason(code=ReasonCode.PATIENT_CONFLICT),)) is None


def test_a_series_without_pixels_is_not_shown(ct: Study) -> None:
    assert refused(ct, ReasonCode.SLICE_THICKNESS) is None
