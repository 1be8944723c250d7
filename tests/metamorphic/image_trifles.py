"""Trifles of files and pixels: order, copies, odd images, encodings, orientations and stored types."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from tests.metamorphic.register import COMMON, CT, Random, Slices, new_uid, normal_of, some, trifle
from tests.metamorphic.scans import Slice

# --- files ------------------------------------------------------------------------------------------------------------


@trifle(COMMON)
def file_order(slices: Slices, random: Random) -> Slices:
    """Files come in any order and under any name."""
    names = [f"{number:08x}" for number in random.permutation(len(slices))]
    return [replace(item, name=name) for item, name in zip(slices, names, strict=True)]


@trifle(COMMON)
def files_twice(slices: Slices, random: Random) -> Slices:
    """Some files lie there twice, byte for byte."""
    odd = some(slices, random, 1.0)
    return [*slices, *(replace(slices[index], name=f"copy{index:04d}") for index in sorted(odd))]


@trifle(COMMON)
def slices_again_under_new_uids(slices: Slices, random: Random) -> Slices:
    """The archive's copies of all slices with SOP Instance UIDs of their own, up to 0.02 mm away."""
    shift = float(random.choice([0.0, 0.01, 0.02]))
    copies = []
    for item in slices:
        place = [
            float(value) + shift * axis
            for value, axis in zip(item.get("ImagePositionPatient"), normal_of(item), strict=True)
        ]
        copies.append(
            replace(new_uid(item, "again").put(ImagePositionPatient=[f"{value:.5f}" for value in place]), name="")
        )
    named = [replace(item, name="") for item in slices]
    return [*named, *copies]


@trifle(COMMON)
def pictures_without_position(slices: Slices, random: Random) -> Slices:
    """Screenshots stored as images of the series, without a position."""
    count = int(random.integers(1, 4))
    shots = [
        replace(
            new_uid(slices[index], "shot").put(ImagePositionPatient=None, InstanceNumber=900 + index),
            name=f"shot{index}",
        )
        for index in range(count)
    ]
    return [*slices, *shots]


@trifle(COMMON)
def one_image_of_another_matrix(slices: Slices, random: Random) -> Slices:
    """A key image of another matrix inside the series."""
    item = slices[int(random.integers(0, len(slices)))]
    odd = replace(new_uid(item, "matrix"), values=item.values[:-8], name="matrix")
    return [*slices, odd]


# --- pixels -----------------------------------------------------------------------------------------------------------

_SYNTAXES = (
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEG2000Lossless,
    JPEGLSLossless,
)


@trifle(COMMON)
def transfer_syntaxes(slices: Slices, random: Random) -> Slices:
    """One syntax for all, or several in one series."""
    several = random.random() < 0.4
    chosen = str(random.choice(_SYNTAXES))
    return [replace(item, syntax=str(random.choice(_SYNTAXES)) if several else chosen) for item in slices]


@trifle(COMMON)
def other_order_of_rows_and_columns(slices: Slices, random: Random) -> Slices:
    """The same image stored mirrored or turned, with the header that says so."""
    flip_rows, flip_columns, turned = (bool(value) for value in random.integers(0, 2, 3))
    return [_stored_otherwise(item, flip_rows, flip_columns, turned) for item in slices]


def _stored_otherwise(item: Slice, flip_rows: bool, flip_columns: bool, turned: bool) -> Slice:
    along = [float(value) for value in item.get("ImageOrientationPatient")]
    columns, rows = np.array(along[:3]), np.array(along[3:])
    row_mm, column_mm = (float(value) for value in item.get("PixelSpacing"))
    place = np.array([float(value) for value in item.get("ImagePositionPatient")])
    values = item.values
    if flip_rows:
        place, rows, values = place + rows * row_mm * (values.shape[0] - 1), -rows, values[::-1]
    if flip_columns:
        place, columns, values = place + columns * column_mm * (values.shape[1] - 1), -columns, values[:, ::-1]
    if turned:
        rows, columns, row_mm, column_mm, values = columns, rows, column_mm, row_mm, values.T
    return replace(
        item.put(
            ImageOrientationPatient=[f"{value:.7f}" for value in (*columns, *rows)],
            ImagePositionPatient=[f"{value:.5f}" for value in place],
            PixelSpacing=[f"{row_mm:.6f}", f"{column_mm:.6f}"],
        ),
        values=np.ascontiguousarray(values),
    )


@trifle(CT)
def stored_types(slices: Slices, random: Random) -> Slices:
    """Signed and unsigned, 12 and 16 bits, intercept -1024, 0 or odd, for the whole series or slice by slice."""
    several = random.random() < 0.4
    kinds = (("<i2", 16, 0.0), ("<u2", 16, -1024.0), ("<u2", 12, -1024.0), ("<i2", 16, -1024.0), ("<u2", 16, -2048.0))
    chosen = kinds[int(random.integers(0, len(kinds)))]
    changed = []
    for item in slices:
        dtype, bits, intercept = kinds[int(random.integers(0, len(kinds)))] if several else chosen
        changed.append(replace(item, dtype=dtype, bits_stored=bits, intercept=intercept, slope=1.0))
    return changed


@trifle(COMMON)
def slope_of_its_own(slices: Slices, random: Random) -> Slices:
    """Slope (and on CT intercept) differ from slice to slice; no value moves by more than half a unit."""
    ct = slices[0].get("Modality") == "CT"
    changed = []
    for item in slices:
        slope = float(random.choice([0.25, 0.5, 1.0]))
        intercept = -1024.0 - float(random.integers(0, 9)) if ct else 0.0
        changed.append(replace(item, slope=slope, intercept=intercept, dtype="<u2", bits_stored=16, rescale=True))
    return changed


@trifle(CT)
def rescale_type_words(slices: Slices, random: Random) -> Slices:
    """Rescale Type HU, US or absent."""
    kind = random.choice(["HU", "US", ""])
    return [item.put(RescaleType=kind) for item in slices]
