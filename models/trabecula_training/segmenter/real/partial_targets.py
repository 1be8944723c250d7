"""Targets known in part: what a real volume with outlined bodies says of each pixel, and what it leaves open.

Whoever outlined bodies said nothing of discs, sacrum or processes, nor of bodies above the uppermost outline. Such
pixels allow several classes, or all; training asks only that the answer is among those allowed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.domain.spine import Level
from trabecula_training.segmenter.drawing.classes import CLASS_COUNT, NetworkClass

NOT_BODY, VERTEBRA, UNKNOWN = CLASS_COUNT, CLASS_COUNT + 1, CLASS_COUNT + 2
"""Codes beyond the classes: anything but a body and its rim; any part of a lumbar or thoracic vertebra; anything."""
CODES = CLASS_COUNT + 3

_BORDER_MM = 2
"""Pixels of 1 mm on either side of an outline that stay open: readers differ there, and the rim is not outlined."""


def _allowed() -> NDArray[np.bool_]:
    table = np.zeros((CODES, CLASS_COUNT), dtype=np.bool_)
    table[:CLASS_COUNT] = np.eye(CLASS_COUNT, dtype=np.bool_)
    table[NOT_BODY] = True
    table[NOT_BODY, [NetworkClass.BODY, NetworkClass.RIM]] = False
    table[VERTEBRA, [NetworkClass.BODY, NetworkClass.RIM, NetworkClass.POSTERIOR]] = True
    table[UNKNOWN] = True
    return table


ALLOWED: NDArray[np.bool_] = _allowed()
"""``[code, class]``: True where a pixel of this code may be of this class."""


def targets_of(
    truth: NDArray[np.uint8], padding: NDArray[np.bool_], whole_vertebrae: bool = False
) -> NDArray[np.uint8]:
    """Codes of a stack ``[slice, row, column]`` (pixels of 1 mm, head up) with the labels of domain.spine.

    Inside an outline is body (S1 where that is outlined), or some part of a vertebra where whole ones were outlined.
    No body lies between the middle of the uppermost outline and the lowest one, and none below it if that is the last
    of the lumbar spine. Above, and along every outline, all is open. What was not measured is background.
    """
    result = np.full(truth.shape, UNKNOWN, dtype=np.uint8)
    bodies = (truth >= Level.T1.label) & (truth <= Level.L6.label)
    if bodies.any():
        upper, lower = int(truth[bodies].min()), int(truth[bodies].max())
        first = round(float(np.nonzero(truth == upper)[1].mean()))
        rows = np.nonzero(truth == lower)[1]
        last = truth.shape[1] if lower >= Level.L5.label else round(float(rows.mean()))
        result[:, first:last] = NOT_BODY
    outlined = truth > 0
    beside = ndimage.binary_dilation(outlined, structure=np.ones((3, 1, 1), dtype=bool))
    for k, plane in enumerate(truth):
        near = ndimage.binary_dilation(beside[k], iterations=_BORDER_MM) if beside[k].any() else beside[k]
        result[k][near] = UNKNOWN
        for label in (int(value) for value in np.unique(plane) if value):
            inside = ndimage.binary_erosion(plane == label, iterations=_BORDER_MM)
            kind = NetworkClass.S1 if label == Level.S1.label else NetworkClass.BODY
            result[k][inside] = VERTEBRA if whole_vertebrae else kind
    result[padding] = NetworkClass.BACKGROUND
    return result
