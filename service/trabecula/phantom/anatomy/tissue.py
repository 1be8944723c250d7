"""The tissues a digital spine is made of, and which of the network's classes each one counts as."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.volume import TISSUE_LABELS, Tissue


class PhantomTissue(IntEnum):
    """What one voxel of a phantom holds. Physics (HU, PD, T1, T2, fat fraction) is given to these elsewhere."""

    AIR = 0
    SKIN = 1
    SUBCUTANEOUS_FAT = 2
    MUSCLE = 3
    MUSCLE_FAT = 4
    """Fat streaks and fatty infiltration between the bundles of the paraspinal muscles."""
    PSOAS = 5
    VISCERAL_FAT = 6
    BOWEL_WALL = 7
    BOWEL_GAS = 8
    BOWEL_CONTENT = 9
    ORGAN = 10
    """Liver, spleen, uterus: a solid abdominal organ."""
    FLUID = 11
    """Bladder, gall bladder, cysts."""
    AORTA = 12
    IVC = 13
    BODY_MARROW = 14
    BODY_CORTEX = 15
    """Cortical shell and bony endplates of a vertebral body."""
    BASIVERTEBRAL_VEIN = 16
    NUCLEUS = 17
    ANNULUS = 18
    CSF = 19
    CORD = 20
    ROOTS = 21
    """Nerve roots of the cauda equina, in the sac."""
    EPIDURAL_FAT = 22
    POSTERIOR_CORTEX = 23
    POSTERIOR_MARROW = 24
    SACRUM_MARROW = 25
    SACRUM_CORTEX = 26
    ILIUM_MARROW = 27
    """Marrow of the ilium and of ribs."""
    ILIUM_CORTEX = 28
    LIGAMENT = 29
    NERVE = 30
    """Nerve roots and ganglia outside the sac, in the foramina."""
    METAL_SCREW = 31
    METAL_ROD = 32
    CEMENT = 33
    LESION = 34
    """A focal lesion inside a body, e.g. a haemangioma."""
    KIDNEY = 35
    MODIC = 36
    """Marrow changed along an endplate (Modic)."""


BODY_TISSUES: frozenset[PhantomTissue] = frozenset(
    {
        PhantomTissue.BODY_MARROW,
        PhantomTissue.BODY_CORTEX,
        PhantomTissue.BASIVERTEBRAL_VEIN,
        PhantomTissue.CEMENT,
        PhantomTissue.LESION,
        PhantomTissue.MODIC,
    }
)
"""The tissues of vertebral bodies; metal inside a body carries the body's level but is not among them."""

_CLASS_OF: dict[PhantomTissue, Tissue] = {
    **dict.fromkeys(BODY_TISSUES, Tissue.BODY),
    PhantomTissue.BODY_CORTEX: Tissue.RIM,
    PhantomTissue.NUCLEUS: Tissue.DISC,
    PhantomTissue.ANNULUS: Tissue.DISC,
    PhantomTissue.CSF: Tissue.CANAL,
    PhantomTissue.CORD: Tissue.CANAL,
    PhantomTissue.ROOTS: Tissue.CANAL,
    PhantomTissue.EPIDURAL_FAT: Tissue.CANAL,
    PhantomTissue.POSTERIOR_CORTEX: Tissue.POSTERIOR,
    PhantomTissue.POSTERIOR_MARROW: Tissue.POSTERIOR,
    PhantomTissue.SACRUM_MARROW: Tissue.SACRUM,
    PhantomTissue.SACRUM_CORTEX: Tissue.SACRUM,
    PhantomTissue.METAL_SCREW: Tissue.METAL,
    PhantomTissue.METAL_ROD: Tissue.METAL,
}


def _lookup() -> NDArray[np.uint8]:
    table = np.zeros(len(PhantomTissue), dtype=np.uint8)
    for tissue, kind in _CLASS_OF.items():
        table[tissue] = TISSUE_LABELS[kind]
    table.setflags(write=False)
    return table


NETWORK_CLASS: NDArray[np.uint8] = _lookup()
"""Index it with a tissue map to get the integers of domain.volume.TISSUE_LABELS."""
