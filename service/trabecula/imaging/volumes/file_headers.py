"""What the headers of volume files mean: affines from sform, qform or pixel sizes, units, and which axis is slices."""

from __future__ import annotations

from typing import Any

import numpy as np

from trabecula.domain.errors import GeometryInvalid
from trabecula.domain.volume import FloatArray

_UNIT_MM = {"meter": 1000.0, "mm": 1.0, "micron": 0.001, "unknown": 1.0}
_DEFAULT_THICKNESS_MM = 4.0
_SLICES_ARE_COARSER = 1.3


def nifti_affine(image: Any) -> tuple[FloatArray, bool]:
    """Return the RAS affine in mm of an image that nibabel loaded, and whether its header names the patient's axes.

    The sform is taken before the qform; where both are absent or unusable, the pixel sizes give a grid without
    orientation.
    """
    header = image.header
    if "sform_code" not in header:
        return np.asarray(image.affine, dtype=np.float64), True
    unit = _UNIT_MM.get(header.get_xyzt_units()[0], 1.0)
    for code, reader in (("sform_code", header.get_sform), ("qform_code", header.get_qform)):
        if int(header[code]) > 0:
            affine = _scaled(reader(), unit)
            if _is_usable(affine) or _is_usable(usable_or_none(affine, 2 if len(image.shape) == 2 else 3)):
                return affine, True
    sizes = np.abs(np.asarray(header["pixdim"][1:4], dtype=np.float64)) * unit
    sizes = np.where(np.isfinite(sizes) & (sizes > 0), sizes, 1.0)
    return np.diag([*sizes, 1.0]), False


def usable_affine(affine: FloatArray, dimensions: int) -> FloatArray:
    """Return an invertible affine; a flat image gets a normal. Raises GeometryInvalid where that cannot be."""
    mended = usable_or_none(affine, dimensions)
    if mended is None:
        raise GeometryInvalid("the header gives no usable position and orientation")
    return mended


def usable_or_none(affine: FloatArray, dimensions: int) -> FloatArray | None:
    """Like ``usable_affine``, None where it cannot."""
    if _is_usable(affine):
        return affine
    if dimensions > 2 or not np.isfinite(affine).all():
        return None
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    if np.linalg.norm(normal) < 1e-9:
        return None
    mended = np.array(affine, dtype=np.float64)
    mended[:3, 2] = normal / np.linalg.norm(normal) * _DEFAULT_THICKNESS_MM
    return mended


def slice_axis(shape: tuple[int, int, int], affine: FloatArray) -> tuple[int, int, int]:
    """Return the file axes for slice, row and column: slices are the single or the coarsest axis, else k."""
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    single = [axis for axis in range(3) if shape[axis] == 1]
    coarsest = int(np.argmax(spacing))
    if single:
        slices = single[-1]
    elif spacing[coarsest] >= _SLICES_ARE_COARSER * np.median(spacing):
        slices = coarsest
    else:
        slices = 2
    columns, rows = (axis for axis in range(3) if axis != slices)
    return (slices, rows, columns)


def _scaled(affine: Any, unit: float) -> FloatArray:
    scaled = np.array(affine, dtype=np.float64)
    scaled[:3] *= unit
    return scaled


def _is_usable(affine: FloatArray | None) -> bool:
    return (
        affine is not None
        and bool(np.isfinite(affine).all())
        and abs(float(np.linalg.det(affine[:3, :3]))) > 1e-9
        and float(np.abs(affine).max()) < 1e6
    )
