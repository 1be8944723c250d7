"""The limits of reading, splitting and looking at images, from data/gates.toml; each has its source there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trabecula.data import table


@dataclass(frozen=True, kw_only=True)
class GeometryLimits:
    """Table ``geometry``."""

    orientation_tolerance_degrees: float
    spacing_tolerance: float
    spacing_tolerance_mm: float
    duplicate_distance_mm: float
    sideways_mm: float
    run_slices: int
    maximum_missing_fraction: float
    maximum_tilt_degrees: float
    roundings_mm: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class StackLimits:
    """Table ``stacks``."""

    pixel_spacing_fraction: float
    time_ms: float
    time_fraction: float
    b_value: float
    voltage_kv: float
    repetition_fraction: float
    closed_gap: float
    part_images: int
    overlap_fraction: float
    pause_s: float
    long_pause_s: float
    ct_apart_s: float
    mr_apart_s: float
    pause_factor: float
    most_sweeps: int
    contested_fraction: float
    rescale_missing_fraction: float
    unreadable_fraction: float
    value_step_hu: float
    copy_step_fraction: float
    image_kinds: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class PatientLimits:
    """Table ``patient``."""

    agreement_years: float
    date_agreement_years: float
    oldest_years: int
    ages_of_all_older: tuple[float, float]
    placeholder_birth_dates: tuple[str, ...]
    doubtful_birth_dates: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AlternationLimits:
    """Table ``alternation``."""

    minimum_slices: int
    window_hu: tuple[float, float]
    amplitude_hu: float
    ratio: float
    jump_hu: float
    jumps_share: float


@dataclass(frozen=True, kw_only=True)
class StepLimits:
    """Table ``steps``."""

    air_hu: tuple[float, float]
    fat_hu: tuple[float, float]
    soft_hu: tuple[float, float]
    minimum_pixels: int
    offset_hu: float
    offset_without_air_hu: float


@dataclass(frozen=True, kw_only=True)
class TurnLimits:
    """Table ``turns``."""

    tissue_fraction: float
    minimum_pixels: int
    chance_below: float
    told_ratio: float
    refused_ratio: float


@dataclass(frozen=True)
class PaddingLimits:
    """Table ``intensity``."""

    padding_below_hu: float
    padding_replacement_hu: float


GEOMETRY = table("gates.toml", "geometry", GeometryLimits)
STACKS = table("gates.toml", "stacks", StackLimits)
PATIENT = table("gates.toml", "patient", PatientLimits)
ALTERNATION = table("gates.toml", "alternation", AlternationLimits)
STEPS = table("gates.toml", "steps", StepLimits)
TURNS = table("gates.toml", "turns", TurnLimits)
PADDING = table("gates.toml", "intensity", PaddingLimits)
