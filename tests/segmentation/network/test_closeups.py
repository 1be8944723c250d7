"""Tests of close-ups: what they show, in which pixels, whatever way the volume's array runs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.segmentation.drawn_spines import LEVELS, draw_spine
from trabecula.domain.modality import Modality
from trabecula.domain.volume import Geometry, Volume
from trabecula.segmentation.network.closeups import (
    CHANNELS,
    MULTIPLE,
    NEIGHBOURS,
    PIXEL_MM,
    UNSEEN,
    Camera,
    CloseUp,
    relative,
)
from trabecula.segmentation.network.grids import Grid, Span, axes_of, lay_grid, whole
from trabecula.segmentation.network.inference import Maps
from trabecula.segmentation.network.instances import Instances, StackBody
from trabecula.segmentation.network.preprocess import Intensity

STEP_MM = 4.0
MIDDLE = len(NEIGHBOURS) // 2


def sagittal(slices: int = 15, pixel_mm: float = 0.7) -> Geometry:
    size = int(130 / pixel_mm)
    affine = np.array(
        [
            [STEP_MM, 0, 0, -STEP_MM * (slices - 1) / 2],
            [0, 0, pixel_mm, -55.0],
            [0, -pixel_mm, 0, 65.0],
            [0, 0, 0, 1.0],
        ]
    )
    return Geometry((slices, size, size), affine)


def picture(geometry: Geometry) -> Volume:
    """Marrow at 400, everything else at 100."""
    bodies, _, _ = draw_spine(geometry)
    return Volume(array=np.where(bodies > 0, 400.0, 100.0).astype(np.float32), geometry=geometry, modality=Modality.MR)


def camera_on(volume: Volume, grid: Grid) -> Camera:
    """A camera that knows the bodies of a drawn spine exactly; body 1 is the uppermost."""
    points = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in grid.shape), indexing="ij"), axis=-1)
    lps = grid.points_mm(volume.geometry, points.reshape(-1, 3)).reshape(*grid.shape, 3)
    steps = [lps[1, 0, 0] - lps[0, 0, 0] if grid.shape[0] > 1 else np.array([STEP_MM, 0, 0])]
    steps += [lps[0, 1, 0] - lps[0, 0, 0], lps[0, 0, 1] - lps[0, 0, 0]]
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = np.array(steps).T, lps[0, 0, 0]
    drawn, _, _ = draw_spine(Geometry(grid.shape, affine))
    basins = np.zeros(grid.shape, np.uint8)
    for number, level in enumerate(LEVELS, start=1):
        basins[drawn == level.label] = number
    inside = (basins > 0).astype(np.float32)
    bodies = tuple(
        StackBody(number=n, centre=(0.0, 0.0, 0.0), volume_mm3=1.0, area_mm2=1.0, height_mm=1.0, edge=False)
        for n in range(1, len(LEVELS) + 1)
    )
    maps = Maps(np.stack([1 - inside, inside, np.zeros_like(inside)], axis=1), ("background", "body", "rim"))
    return Camera(volume, grid, maps, Instances(bodies, basins, inside), Intensity(0.0, 500.0))


def taken(volume: Volume, number: int = 2) -> CloseUp:
    axes = axes_of(volume.geometry)
    closeup = camera_on(volume, lay_grid(axes, whole(axes), STEP_MM)).take(number)
    assert closeup is not None
    return closeup


def test_marrow_is_zero_and_pixels_are_fine() -> None:
    closeup = taken(picture(sagittal()))

    shown = closeup.images[len(closeup.images) // 2]
    rows, columns = shown.shape[1:]
    assert closeup.images.shape[1] == CHANNELS
    assert rows % MULTIPLE == 0
    assert columns % MULTIPLE == 0
    assert np.diff(closeup.rows) == pytest.approx(PIXEL_MM)
    assert np.abs(shown[MIDDLE, rows // 2 - 5 : rows // 2 + 5, columns // 2 - 5 : columns // 2 + 5]).max() < 1e-6
    assert shown[MIDDLE, 0, 0] == pytest.approx(-1.0, abs=0.05)


def test_the_outline_so_far_lies_on_the_marrow() -> None:
    closeup = taken(picture(sagittal()))

    for plane in closeup.images[1:-1]:
        marrow, outline = plane[MIDDLE] > -0.5, plane[-1] > 0.5
        height = marrow.shape[0]
        inner = slice(height // 2 - 8, height // 2 + 8)
        assert (marrow == outline)[inner].mean() > 0.95


@pytest.mark.parametrize("flips", [(0,), (1,), (2,), (0, 1, 2)])
def test_the_way_the_array_runs_changes_nothing(flips: tuple[int, ...]) -> None:
    volume = picture(sagittal())
    affine = volume.geometry.affine.copy()
    array = volume.array
    for axis in flips:
        array = np.flip(array, axis)
        affine[:3, 3] += affine[:3, axis] * (volume.geometry.shape[axis] - 1)
        affine[:3, axis] *= -1
    turned = replace(volume, array=np.ascontiguousarray(array), geometry=Geometry(volume.geometry.shape, affine))

    first, second = taken(volume), taken(turned)

    assert first.images.shape == second.images.shape
    assert np.abs(first.images - second.images).mean() < 0.03


def test_an_axial_volume_shows_the_same_body() -> None:
    volume = picture(sagittal(slices=31, pixel_mm=1.0))
    axial = Volume(
        array=np.ascontiguousarray(np.transpose(volume.array, (1, 2, 0))),
        geometry=Geometry((130, 130, 31), volume.geometry.affine[:, [1, 2, 0, 3]]),
        modality=Modality.MR,
    )

    first, second = taken(volume), taken(axial)

    assert np.abs(first.images - second.images).max() < 1e-5


def test_what_lies_beyond_the_volume_is_unseen() -> None:
    volume = picture(sagittal())
    shape = volume.geometry.shape
    low = 75
    affine = volume.geometry.affine.copy()
    affine[:3, 3] += affine[:3, 1] * low
    cut = Volume(
        array=np.ascontiguousarray(volume.array[:, low:]),
        geometry=Geometry((shape[0], shape[1] - low, shape[2]), affine),
        modality=Modality.MR,
    )

    closeup = taken(cut, number=2)

    beyond = closeup.rows < -0.6 * 0.7
    assert beyond.any()
    assert (closeup.images[:, : len(NEIGHBOURS), beyond] == UNSEEN).all()
    assert (closeup.images[:, : len(NEIGHBOURS), ~beyond] > UNSEEN).all()


def test_what_a_program_filled_in_is_unseen() -> None:
    volume = picture(sagittal())
    padding = np.zeros(volume.geometry.shape, np.bool_)
    padding[:, :, :80] = True

    closeup = taken(replace(volume, padding=padding))

    assert (closeup.images[:, MIDDLE] == UNSEEN).any()
    assert (closeup.images[:, MIDDLE] > UNSEEN).any()


def test_the_nearest_slice_stands_for_one_beyond_the_edge() -> None:
    volume = picture(sagittal(slices=5))

    images = taken(volume).images

    assert np.array_equal(images[0, MIDDLE - 1], images[0, MIDDLE])
    assert np.array_equal(images[0, MIDDLE - 2], images[0, MIDDLE])
    assert np.array_equal(images[-1, MIDDLE + 1], images[-1, MIDDLE])
    assert np.array_equal(images[1, MIDDLE - 1], images[0, MIDDLE])


def test_a_single_slice_stands_for_all() -> None:
    volume = picture(sagittal(slices=1))

    images = taken(volume).images

    assert len(images) == 1
    assert all(np.array_equal(images[0, k], images[0, MIDDLE]) for k in range(len(NEIGHBOURS)))


def test_there_is_no_close_up_of_nothing() -> None:
    volume = picture(sagittal())
    axes = axes_of(volume.geometry)
    camera = camera_on(volume, lay_grid(axes, whole(axes), STEP_MM))

    assert camera.take(9) is None


def test_a_grid_that_covers_a_part_of_the_volume_changes_nothing_inside() -> None:
    volume = picture(sagittal())
    axes = axes_of(volume.geometry)
    full = whole(axes)
    part = Span((8.0, full.side[1] - 8.0), (5.0, full.row[1] - 5.0), (7.0, full.column[1]))

    whole_view = camera_on(volume, lay_grid(axes, full, STEP_MM)).take(2)
    part_view = camera_on(volume, lay_grid(axes, part, STEP_MM)).take(2)

    assert whole_view is not None
    assert part_view is not None
    middle = whole_view.images.shape[2] // 2
    assert part_view.images.shape[1:] == whole_view.images.shape[1:]
    assert abs(float(part_view.images[4, MIDDLE, middle].mean() - whole_view.images[4, MIDDLE, middle].mean())) < 0.1


def test_ct_is_relative_in_hounsfield_units() -> None:
    image = np.array([0.3, 0.3 + 0.7, 0.3 - 0.7], dtype=np.float32)

    assert relative(image, 0.3, True, image) == pytest.approx([0.0, 1.0, -1.0])
    assert np.abs(relative(image * 100, 30.0, True, image)).max() == -UNSEEN
