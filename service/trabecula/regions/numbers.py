"""The numbers of the region definitions, from ``data/regions.toml``; each version is a table of its own there."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.data import table


@dataclass(frozen=True, kw_only=True)
class TrabecularNumbers:
    """Table ``trab_v1``."""

    wall_mm: float
    endplate_mm: float
    height_fraction: float
    anterior_fraction: float
    minimum_cm3: float


@dataclass(frozen=True)
class MedullaryNumbers:
    """Table ``medullary_v1``."""

    border_mm: float
    midline_mm: float
    anterior_fraction: float
    minimum_voxels: int


@dataclass(frozen=True, kw_only=True)
class CsfNumbers:
    """Table ``csf_v1``."""

    border_mm: float
    half_height_mm: float
    lateral_mm: float
    minimum_voxels: int
    maximum_cv: float
    lowest_share: float
    spread: float


@dataclass(frozen=True)
class HeightNumbers:
    """Table ``heights_v1``."""

    slab_mm: float
    trim_fraction: float
    thick_slice_mm: float


@dataclass(frozen=True)
class RimNumbers:
    """Table ``rim_v1``."""

    rim_mm: float


TRAB_V1 = table("regions.toml", "trab_v1", TrabecularNumbers)
MEDULLARY_V1 = table("regions.toml", "medullary_v1", MedullaryNumbers)
CSF_V1 = table("regions.toml", "csf_v1", CsfNumbers)
HEIGHTS_V1 = table("regions.toml", "heights_v1", HeightNumbers)
RIM_V1 = table("regions.toml", "rim_v1", RimNumbers)
