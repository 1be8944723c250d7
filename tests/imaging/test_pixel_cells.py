"""Cells whose High Bit is not the last of the Bits Stored: read as the pixels are, or refused with the true cause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.uid import UID, RLELossless

from tests.imaging.drawn_series import CT_TAGS, axial, write_stack
from trabecula.domain.errors import PixelDataUndecodable
from trabecula.imaging.headers.frames import read_headers, scan_folder
from trabecula.imaging.stacks.geometry_gate import RegularStack, check_geometry
from trabecula.imaging.stacks.split import split
from trabecula.imaging.volumes.dicom import load_volume

GEOMETRY = axial((5, 8, 8), (3.0, 1.0, 1.0))
UNSIGNED = np.random.default_rng(3).integers(0, 4096, GEOMETRY.shape)
SIGNED = UNSIGNED - 2048


def volume_with(
    folder: Path,
    values: NDArray[np.int64],
    cells: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    *,
    syntax: UID | None = None,
    overlay_bit: int | None = None,
) -> NDArray[np.float32]:
    """Write ``values`` as cells of 16 bits under a header of 12 Bits Stored and High Bit 15, and load them."""
    signed = bool(values.min() < 0)
    write_stack(folder, values, GEOMETRY, CT_TAGS)
    for index, path in enumerate(sorted(folder.iterdir())):
        dataset: Dataset = dcmread(path)
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 15, int(signed)
        dataset.PixelData = (cells(values[index]) & 0xFFFF).astype("<u2").tobytes()
        if overlay_bit is not None:
            dataset.add_new((0x6000, 0x0102), "US", overlay_bit)
        if syntax is not None:
            dataset.compress(syntax, generate_instance_uid=False)
        dataset.save_as(path)
    regular = check_geometry(split(read_headers(scan_folder(folder))[0])[0])
    assert isinstance(regular, RegularStack)
    return load_volume(regular).array


@pytest.mark.parametrize("values", [UNSIGNED, SIGNED])
@pytest.mark.parametrize("cells", [lambda a: a << 4, lambda a: a, lambda a: a & 0xFFF])
@pytest.mark.parametrize("syntax", [None, RLELossless])
def test_values_are_read_where_the_pixels_hold_them(
    tmp_path: Path,
    values: NDArray[np.int64],
    cells: Callable[[NDArray[np.int64]], NDArray[np.int64]],
    syntax: UID | None,
) -> None:
    found = volume_with(tmp_path, values, cells, syntax=syntax)
    assert np.array_equal(found, np.where(values <= -1500, -1024, values))


def test_overlays_in_the_low_bits_are_no_part_of_the_value(tmp_path: Path) -> None:
    found = volume_with(tmp_path, UNSIGNED, lambda a: (a << 4) | ((a & 1) << 2), overlay_bit=2)
    assert np.array_equal(found, UNSIGNED)


def test_pixels_that_use_all_bits_are_refused_with_the_true_cause(tmp_path: Path) -> None:
    with pytest.raises(PixelDataUndecodable) as error:
        volume_with(tmp_path, UNSIGNED, lambda a: 16 * a + 5)
    assert "High Bit 15 contradicts Bits Stored 12" in error.value.detail
