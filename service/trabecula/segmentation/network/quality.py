"""How far to trust an outline: features of the network's maps, calibrated on phantoms to the expected Dice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.segmentation.network.inference import Maps
from trabecula.segmentation.network.instances import Instances

FEATURES = ("certainty", "ambiguous", "phase", "edge_certainty", "agreement")


@dataclass(frozen=True)
class BodyFeatures:
    """What the quality of one body is read from, each 0 to 1.

    ``certainty``: mean probability of body inside the outline; ``ambiguous``: voxels between 0.2 and 0.8 as a part of
    all over 0.2; ``phase``: mean length of the phase vector inside; ``edge_certainty``: mean of the best class's
    probability within 3 mm of the outline; ``agreement``: Dice of the outlines of the network and of the refiner (1
    without a refiner).
    """

    certainty: float
    ambiguous: float
    phase: float
    edge_certainty: float
    agreement: float = 1.0

    def vector(self) -> NDArray[np.float64]:
        """The features in the order of FEATURES."""
        return np.array([getattr(self, name) for name in FEATURES], dtype=np.float64)


def features_of(maps: Maps, instances: Instances) -> tuple[BodyFeatures, ...]:
    """Features of every body, from head to foot."""
    body = maps.probability("body", "rim")
    best = maps.channels[:, : len(maps.classes)].max(axis=1).astype(np.float32)
    length = np.hypot(maps.cosine, maps.sine)
    result = []
    for item in instances.bodies:
        basin = instances.basins == item.number
        p = body[basin]
        inside = p > 0.5
        seen = p > 0.2
        if not inside.any():
            result.append(BodyFeatures(0.0, 1.0, 0.0, 0.0))
            continue
        result.append(
            BodyFeatures(
                certainty=float(p[inside].mean()),
                ambiguous=float((p[seen] < 0.8).mean()),
                phase=float(np.clip(length[basin][inside].mean(), 0, 1)),
                edge_certainty=float(best[basin].mean()),
            )
        )
    return tuple(result)


def calibrated(features: BodyFeatures, calibration: Mapping[str, Any]) -> float:
    """Expected Dice (0 to 1): a weighted sum of features mapped by a monotone curve, both from the bundle.

    A bundle without calibration gives the certainty itself; a feature without a weight does not count.
    """
    if not calibration:
        return float(np.clip(features.certainty, 0, 1))
    weights = np.array([calibration["weights"].get(name, 0.0) for name in FEATURES], dtype=np.float64)
    score = float(features.vector() @ weights + calibration["intercept"])
    return float(np.clip(np.interp(score, calibration["score"], calibration["dice"]), 0, 1))
