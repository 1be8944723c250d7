"""Crop definitions: how the picture of one vertebral body is cut out, read from ``data/crops/`` with their digest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from trabecula.data import data_file, digest

DEFINITION_NAMES = ("midsagittal_v1", "midsagittal_sharpened_v1")


@dataclass(frozen=True, kw_only=True)
class CropDefinition:
    """A versioned definition of a crop.

    ``margin_fraction`` of the box is added on each side. ``percentiles`` of the box's pixels become 0 and 1.
    ``laplacian`` times the four-neighbour Laplacian is taken from the picture; 0 does not sharpen.
    """

    name: str
    margin_fraction: float
    percentiles: tuple[float, float]
    laplacian: float
    sha256: str


@cache
def load_crop_definition(name: str) -> CropDefinition:
    """Return a pinned definition. Raises KeyError for a name that is none of DEFINITION_NAMES."""
    if name not in DEFINITION_NAMES:
        raise KeyError(name)
    file = f"crops/{name}.toml"
    document = data_file(file)
    low, high = document["intensity"]["percentiles"]
    return CropDefinition(
        name=document["name"],
        margin_fraction=float(document["box"]["margin_fraction"]),
        percentiles=(float(low), float(high)),
        laplacian=float(document["sharpening"]["laplacian"]),
        sha256=digest(file),
    )


def crop_definition_of(sha256: str) -> CropDefinition | None:
    """Return the definition whose digest a bundle states, or None when this version of the program has none such."""
    return next((found for found in map(load_crop_definition, DEFINITION_NAMES) if found.sha256 == sha256), None)
