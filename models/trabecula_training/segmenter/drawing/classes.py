"""The classes the network tells apart, and how a phantom's tissues and levels become its targets."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.spine import Level
from trabecula.domain.volume import Tissue
from trabecula.phantom.anatomy.tissue import PhantomTissue


class NetworkClass(IntEnum):
    """Output channels 0-10 of the network; two further channels hold cosine and sine of the phase along the spine."""

    BACKGROUND = 0
    BODY = 1
    RIM = 2
    S1 = 3
    SACRUM = 4
    DISC = 5
    CANAL = 6
    POSTERIOR = 7
    METAL = 8
    ILIUM = 9
    RIB = 10


CLASS_COUNT = len(NetworkClass)
CHANNEL_COUNT = CLASS_COUNT + 2

TISSUE_OF_CLASS: tuple[Tissue, ...] = (
    Tissue.BACKGROUND,
    Tissue.BODY,
    Tissue.RIM,
    Tissue.SACRUM,
    Tissue.SACRUM,
    Tissue.DISC,
    Tissue.CANAL,
    Tissue.POSTERIOR,
    Tissue.METAL,
    Tissue.BACKGROUND,
    Tissue.BACKGROUND,
)
"""What each network class counts as in the tissue map; ilium and ribs are background there."""

MARK = 64
"""Added to a sacral tissue's integer where the voxel belongs to S1's body, and to the ilium's where it is a rib's."""


def codes_of(tissue: NDArray[np.uint8], level: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pack tissue and "belongs to S1" or "is a rib" into one integer per voxel.

    Phantoms draw ribs as flat bone like the ilium, which has no level.
    """
    sacral = (tissue == PhantomTissue.SACRUM_MARROW) | (tissue == PhantomTissue.SACRUM_CORTEX)
    flat = (tissue == PhantomTissue.ILIUM_MARROW) | (tissue == PhantomTissue.ILIUM_CORTEX)
    marked = (sacral & (level == Level.S1.label)) | (flat & (level > 0))
    return np.where(marked, tissue + MARK, tissue).astype(np.uint8)


def _targets() -> NDArray[np.uint8]:
    kinds = {
        NetworkClass.BODY: ("BODY_MARROW", "BASIVERTEBRAL_VEIN", "CEMENT", "LESION", "MODIC"),
        NetworkClass.RIM: ("BODY_CORTEX",),
        NetworkClass.SACRUM: ("SACRUM_MARROW", "SACRUM_CORTEX"),
        NetworkClass.DISC: ("NUCLEUS", "ANNULUS"),
        NetworkClass.CANAL: ("CSF", "CORD", "ROOTS", "EPIDURAL_FAT"),
        NetworkClass.POSTERIOR: ("POSTERIOR_MARROW", "POSTERIOR_CORTEX"),
        NetworkClass.METAL: ("METAL_SCREW", "METAL_ROD"),
        NetworkClass.ILIUM: ("ILIUM_MARROW", "ILIUM_CORTEX"),
    }
    table = np.zeros(256, dtype=np.uint8)
    for kind, names in kinds.items():
        for name in names:
            table[PhantomTissue[name]] = kind
    for name in ("SACRUM_MARROW", "SACRUM_CORTEX"):
        table[MARK + PhantomTissue[name]] = NetworkClass.S1
    for name in ("ILIUM_MARROW", "ILIUM_CORTEX"):
        table[MARK + PhantomTissue[name]] = NetworkClass.RIB
    return table


TARGET_OF_CODE: NDArray[np.uint8] = _targets()
"""Index it with codes to get network classes."""
