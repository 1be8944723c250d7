"""Pixel cells whose High Bit is not the last of the Bits Stored: which of their bits hold the value (PS3.5 8.1.1)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import RLELossless

_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
_OVERLAY_BIT_POSITION = 0x0102


class BitsContradict(ValueError):
    """High Bit and Bits Stored contradict each other, and the pixels do not tell which is meant."""


def apart(dataset: Dataset) -> bool:
    """Whether the header places the stored bits elsewhere than at the low end of each cell.

    Compressed streams know their own bits; run lengths hold the cells as they are.
    """
    meta = getattr(dataset, "file_meta", None)
    syntax = meta.get("TransferSyntaxUID") if meta is not None else None
    if syntax is None or (syntax.is_encapsulated and syntax != RLELossless) or dataset.get("HighBit") is None:
        return False
    stored, allocated = int(dataset.BitsStored), int(dataset.BitsAllocated)
    return allocated in (8, 16) and 0 < stored <= int(dataset.HighBit) < allocated


def values_of_cells(dataset: Dataset) -> NDArray[np.int32]:
    """Return the stored values of a data set whose bits are ``apart``, of all frames. Raises BitsContradict.

    The value lies at the High Bit, as such headers were once meant, where the bits below it are unused; at the low end
    of the cell where it fits in there and the bits below are used: then High Bit is wrong.
    """
    bits, signed = int(dataset.BitsStored), int(dataset.get("PixelRepresentation", 0) or 0) == 1
    shift = int(dataset.HighBit) + 1 - bits
    width = int(dataset.BitsAllocated)
    cells = _cells(dataset, width)
    below = ((1 << shift) - 1) & ~_overlays(dataset)
    if not (cells & below).any():
        return _signed((cells >> shift) & ((1 << bits) - 1), bits, signed)
    values = _signed(cells, width, signed)
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if signed else (0, 1 << bits)
    if low <= int(values.min()) and int(values.max()) < high:
        return values
    if not (cells >> bits).any():
        return _signed(cells, bits, signed)
    raise BitsContradict(f"High Bit {dataset.HighBit} contradicts Bits Stored {bits}, and the pixels use more bits")


def _cells(dataset: Dataset, width: int) -> NDArray[np.int32]:
    """The cells with all their bits, as numbers that are not negative."""
    stored = dataset.BitsStored
    dataset.BitsStored = width
    try:
        raw: NDArray[Any] = pixel_array(dataset, raw=True)
    finally:
        dataset.BitsStored = stored
    return np.asarray(raw.astype(np.int32) & ((1 << width) - 1))


def _signed(values: NDArray[np.int32], bits: int, signed: bool) -> NDArray[np.int32]:
    """Two's complement of so many bits, where the values are signed."""
    return np.asarray(values - ((values >> (bits - 1)) << bits)) if signed else values


def _overlays(dataset: Dataset) -> int:
    """The bits of a cell that hold overlays (retired: Overlay Bit Position above 0)."""
    mask = 0
    for group in _OVERLAY_GROUPS:
        element = dataset.get((group, _OVERLAY_BIT_POSITION))
        position = int(element.value or 0) if element is not None else 0
        mask |= 1 << position if position > 0 else 0
    return mask
