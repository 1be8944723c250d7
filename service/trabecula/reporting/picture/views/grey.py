"""Grey values of the picture: intensities through a window that suits the modality."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.modality import Modality

_CT_WINDOW = (-160.0, 460.0)
"""Bone and soft tissue together (level 150, width 620): trabecular bone shows as grey, cortex as white."""
_MR_SHARES = (1.0, 99.5)
"""Percentiles of what is shown; MR intensities have no unit."""
_WHITE = 235


def windowed(sampled: NDArray[np.float32], modality: Modality) -> NDArray[np.uint8]:
    """Return grey values of ``sampled``; what is no number (outside of the volume) is black."""
    inside = np.isfinite(sampled)
    low, high = _CT_WINDOW
    if modality is Modality.MR and inside.any():
        low, high = (float(value) for value in np.percentile(sampled[inside], _MR_SHARES))
    scaled = (np.where(inside, sampled, low) - low) / max(high - low, 1e-6)
    return np.asarray(np.clip(scaled, 0.0, 1.0) * _WHITE, dtype=np.uint8)
