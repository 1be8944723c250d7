"""The limits by which a series may be measured, from data/gates.toml; each has its source there."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.data import table


@dataclass(frozen=True, kw_only=True)
class SeriesLimits:
    """Table ``series``."""

    minimum_slices: int
    minimum_extent_mm: float
    sagittal_maximum_angle_degrees: float
    mr_maximum_angle_degrees: float
    ct_axial_maximum_thickness_mm: float
    ct_reformat_maximum_thickness_mm: float
    ct_shape_maximum_thickness_mm: float
    shape_edge_mm: float
    mr_maximum_thickness_mm: float
    mr_maximum_distance_mm: float
    preferred_ct_thickness_mm: float


@dataclass(frozen=True)
class RepeatLimits:
    """Table ``repeats``."""

    distance_mm: float
    angle_degrees: float
    size_fraction: float


@dataclass(frozen=True, kw_only=True)
class SequenceLimits:
    """Table ``mr_physics``."""

    t1_tr_ms: tuple[float, float]
    t1_te_ms: tuple[float, float]
    t1_ir_ti_ms: tuple[float, float]
    t1_ir_tr_ms: tuple[float, float]
    t1_ir_te_ms: tuple[float, float]
    t2_te_ms: tuple[float, float]
    t2_tr_ms: tuple[float, float]
    t2_3d_tr_ms: tuple[float, float]
    pd_te_ms: tuple[float, float]
    pd_tr_ms: tuple[float, float]
    stir_ti_ms: tuple[float, float]
    myelography_te_ms: float
    spin_echo_flip_degrees: float


SERIES = table("gates.toml", "series", SeriesLimits)
REPEATS = table("gates.toml", "repeats", RepeatLimits)
MR_PHYSICS = table("gates.toml", "mr_physics", SequenceLimits)
