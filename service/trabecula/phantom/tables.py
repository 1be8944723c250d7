"""The phantoms' numbers, read once from data/phantom.toml: every one has a source there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from trabecula.data import data_file
from trabecula.phantom.anatomy.tissue import PhantomTissue

TESLA_HIGH = 3.0
TESLA_MID = 1.5


def entry(*path: str) -> Mapping[str, Any]:
    """Return the table at a path; KeyError names the step that is missing."""
    node: Any = data_file("phantom.toml")
    for step in path:
        node = node[step]
    return dict(node)


def number(*path: str) -> float:
    """Return the ``value`` of the entry at a path."""
    return float(entry(*path)["value"])


@dataclass(frozen=True)
class Relaxation:
    """Proton density (water of a voxel = 1), T1 and T2 in ms, and fat fraction 0 to 1 of a tissue at one field."""

    proton_density: float
    t1_ms: float
    t2_ms: float
    fat_fraction: float


def _at_field(row: Mapping[str, Any], tesla: float) -> tuple[float, float]:
    if tesla >= (TESLA_HIGH + TESLA_MID) / 2:
        return float(row["t1_30"]), float(row["t2_30"])
    t1 = float(row["t1_15"])
    if tesla < TESLA_MID / 2:
        t1 *= (tesla / TESLA_MID) ** number("mr", "low_field_t1_exponent")
    return t1, float(row["t2_15"])


@cache
def relaxation(tissue: PhantomTissue, tesla: float) -> Relaxation | None:
    """Return the relaxation of a tissue that is not marrow at a field strength; None for marrow."""
    row = entry("mr", "tissue").get(tissue.name)
    if row is None:
        return None
    t1, t2 = _at_field(row, tesla)
    return Relaxation(float(row["pd"]), t1, t2, float(row["fat"]))


@cache
def relaxation_of(component: str, tesla: float) -> Relaxation:
    """Return the relaxation of ``fat`` or ``marrow_water``, whose proton densities stand in [mr]."""
    rows = {key: value["value"] for key, value in entry("mr", component).items()}
    t1, t2 = _at_field(rows, tesla)
    density = number("mr", "fat_pd" if component == "fat" else "water_pd")
    return Relaxation(density, t1, t2, 1.0 if component == "fat" else 0.0)
