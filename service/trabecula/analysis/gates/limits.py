"""The limits of the gates, from data/gates.toml; each has its source there."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.data import table


@dataclass(frozen=True, kw_only=True)
class MetalLimits:
    """Table ``metal``."""

    voxel_above_hu: float
    within_mm: float
    touching_mm: float
    minimum_mm3: float
    tissue_minimum_mm3: float
    void_minimum_mm3: float
    void_to_marrow: float


@dataclass(frozen=True)
class CementLimits:
    """Table ``cement``."""

    voxel_above_hu: float
    minimum_mm3: float
    margin_mm: float


@dataclass(frozen=True)
class FocalLesionLimits:
    """Table ``focal_lesion``."""

    robust_sd: float
    minimum_mm3: float
    smoothing_mm: float
    minimum_contrast_hu: float


@dataclass(frozen=True, kw_only=True)
class HuSanityLimits:
    """Table ``hu_sanity``."""

    air_search_hu: tuple[float, float]
    fat_search_hu: tuple[float, float]
    soft_search_hu: tuple[float, float]
    seen_fraction: float
    bone_above_hu: float
    bone_fraction: float
    air_hu: tuple[float, float]
    fat_hu: tuple[float, float]
    muscle_native_hu: tuple[float, float]
    muscle_contrast_hu: tuple[float, float]
    tolerance_hu: float


@dataclass(frozen=True, kw_only=True)
class VesselLimits:
    """Table ``vessels``: lengths in mm, attenuation in HU."""

    lowest_hu: float
    highest_hu: float
    alike_hu: float
    core_mm: float
    depth_mm: float
    aside_mm: float
    along_share: float
    bodies: int
    smoothing_mm: float
    step_mm: float


@dataclass(frozen=True, kw_only=True)
class HuShiftLimits:
    """Table ``hu_shift``."""

    air_hu: float
    fat_hu: float
    soft_hu: float
    air_search_hu: tuple[float, float]
    fat_search_hu: tuple[float, float]
    soft_search_hu: tuple[float, float]
    told_hu: float
    refused_hu: float
    flat_hu: float
    place_mm: float
    slices: int
    minimum_pixels: int


@dataclass(frozen=True, kw_only=True)
class PixelSizeLimits:
    """Table ``pixel_size``."""

    oblong_fraction: float
    diameter_fraction: float
    width: float
    depth: float
    height: float
    minimum_bodies: int
    confirmed: float
    refused: float


@dataclass(frozen=True)
class NoiseLimits:
    """Table ``noise``."""

    muscle_sd_above_hu: float
    muscle_hu: tuple[float, float]
    minimum_voxels: int


@dataclass(frozen=True)
class ScoliosisLimits:
    """Table ``scoliosis``."""

    cobb_degrees: float
    sideways_mm: float


@dataclass(frozen=True)
class MarrowLimits:
    """Table ``marrow``."""

    veto_ratio: float


@dataclass(frozen=True, kw_only=True)
class MrValueLimits:
    """Table ``mr_values``."""

    cut_measured_fraction: float
    cut_fraction: float
    negative_told_fraction: float
    negative_refused_fraction: float
    told_fraction: float
    refused_fraction: float
    noise_ratio: float
    dark_fraction: float
    dark_pixels: int


@dataclass(frozen=True, kw_only=True)
class ShadingLimits:
    """Table ``shading``."""

    ratio: float
    marrow_ratio: float
    scale: float
    disc_half_width_mm: float
    disc_minimum_voxels: int


METAL = table("gates.toml", "metal", MetalLimits)
CEMENT = table("gates.toml", "cement", CementLimits)
FOCAL_LESION = table("gates.toml", "focal_lesion", FocalLesionLimits)
HU_SANITY = table("gates.toml", "hu_sanity", HuSanityLimits)
VESSELS = table("gates.toml", "vessels", VesselLimits)
HU_SHIFT = table("gates.toml", "hu_shift", HuShiftLimits)
PIXEL_SIZE = table("gates.toml", "pixel_size", PixelSizeLimits)
NOISE = table("gates.toml", "noise", NoiseLimits)
SCOLIOSIS = table("gates.toml", "scoliosis", ScoliosisLimits)
MARROW = table("gates.toml", "marrow", MarrowLimits)
MR_VALUES = table("gates.toml", "mr_values", MrValueLimits)
SHADING = table("gates.toml", "shading", ShadingLimits)
