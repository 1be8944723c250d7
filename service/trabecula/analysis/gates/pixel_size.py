"""Gate of oblong pixels: whether Pixel Spacing means what it says, or has rows and columns exchanged.

Reconstruction Diameter tells; where there is none, the shape of the vertebral bodies does.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.limits import PIXEL_SIZE
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.volume import Plane


def pixel_size(context: GateContext) -> Iterator[Reason]:
    """PIXEL_SPACING where pixels are oblong: blocking where exchanged spacings fit better, a warning where nothing
    tells, nothing where header or anatomy confirm them. Limits: [pixel_size] of gates.toml."""
    bounds = PIXEL_SIZE
    _, row, column = context.volume.geometry.spacing_mm
    if max(row, column) <= (1 + bounds.oblong_fraction) * min(row, column):
        return
    spacing = f"Pixel Spacing {row:.3g}\\{column:.3g} mm"
    by_header = _by_diameter(context)
    if by_header is not None:
        if not by_header:
            detail = f"{spacing}; Reconstruction Diameter fits only with rows and columns exchanged"
            yield context.reason(ReasonCode.PIXEL_SPACING, detail=detail)
        return
    better = _better_as_it_is(context)
    if better is None or abs(better) < bounds.confirmed:
        detail = f"{spacing}, which nothing confirms; heights are not graded"
        yield context.reason(ReasonCode.PIXEL_SPACING, blocking=False, detail=detail)
    elif better < 0:
        detail = f"{spacing}; the vertebral bodies have their shape only with rows and columns exchanged"
        yield context.reason(ReasonCode.PIXEL_SPACING, blocking=better <= -bounds.refused, detail=detail)


def _by_diameter(context: GateContext) -> bool | None:
    """Whether Reconstruction Diameter (0018,1100) is the larger side of the image; False where it is that of the image
    with exchanged spacings only, None where it says nothing. Reformats keep the diameter of their source."""
    diameter = context.made.reconstruction_diameter_mm
    if not diameter or (context.made.modality == "CT" and context.volume.geometry.plane is not Plane.AXIAL):
        return None
    _, rows, columns = context.volume.geometry.shape
    _, row, column = context.volume.geometry.spacing_mm
    tolerance = PIXEL_SIZE.diameter_fraction * diameter
    if abs(max(rows * row, columns * column) - diameter) <= tolerance:
        return True
    return False if abs(max(rows * column, columns * row) - diameter) <= tolerance else None


def _better_as_it_is(context: GateContext) -> float | None:
    """By how much (logarithm) the bodies' sides along rows and columns fit their usual ratio better as they are than
    with exchanged spacings; None without whole bodies."""
    bounds = PIXEL_SIZE
    usual = (bounds.width, bounds.depth, bounds.height)
    _, row, column = context.volume.geometry.spacing_mm
    misses = []
    for body in context.bodies:
        if body.cut_in_plane:
            continue
        frame = body.frame
        sizes = (frame.width_mm, frame.depth_mm, frame.height_mm)
        along_columns, along_rows = (
            int(np.argmax(np.abs(frame.axes @ context.volume.geometry.directions[:, axis]))) for axis in (1, 2)
        )
        if along_columns != along_rows and min(sizes[along_columns], sizes[along_rows]) > 0:
            expected = usual[along_columns] / usual[along_rows]
            misses.append(math.log(sizes[along_columns] / sizes[along_rows] / expected))
    if len(misses) < bounds.minimum_bodies:
        return None
    found = float(np.median(misses))
    return abs(found + 2 * math.log(column / row)) - abs(found)
