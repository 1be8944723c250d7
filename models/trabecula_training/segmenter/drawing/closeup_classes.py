"""The classes the refiner tells apart in close-ups."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from trabecula_training.segmenter.drawing.classes import NetworkClass


class CloseUpClass(IntEnum):
    """Output channels of the refiner. Discs, posterior elements and S1 are told apart from the rest because that helps
    to see where a body ends."""

    OTHER = 0
    BODY = 1
    RIM = 2
    DISC = 3
    POSTERIOR = 4
    S1 = 5


def _of_network_classes() -> NDArray[np.uint8]:
    table = np.zeros(len(NetworkClass), dtype=np.uint8)
    for kind in CloseUpClass:
        if kind is not CloseUpClass.OTHER:
            table[NetworkClass[kind.name]] = kind
    return table


OF_NETWORK_CLASS: NDArray[np.uint8] = _of_network_classes()
"""Index it with network classes to get close-up classes."""
