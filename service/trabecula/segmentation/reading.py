"""What the network says of a volume on the stack, taken apart but not yet carried back to the volume's voxels."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.segmentation.naming.anchor import Anchor
from trabecula.segmentation.naming.levels import Naming
from trabecula.segmentation.network.grids import Grid
from trabecula.segmentation.network.inference import Maps
from trabecula.segmentation.network.instances import Instances
from trabecula.segmentation.network.quality import BodyFeatures
from trabecula.segmentation.network.refiner import FineMaps
from trabecula.segmentation.network.search import FoundSpine


@dataclass(frozen=True, eq=False, kw_only=True)
class Reading:
    """Everything the networks say of a volume before it is carried back: for evaluation and calibration.

    ``rim_share`` is the part of the rim that counts as body. ``fine`` holds the refiner's maps of every body, from head
    to foot; nothing without a refiner.
    """

    grid: Grid
    maps: Maps
    instances: Instances
    anchor: Anchor | None
    naming: Naming
    features: tuple[BodyFeatures, ...]
    finding: FoundSpine
    rim_share: float
    fine: tuple[FineMaps | None, ...] = ()
