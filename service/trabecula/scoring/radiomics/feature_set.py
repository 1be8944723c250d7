"""Feature sets: pinned extraction settings read from ``data/radiomics/``, with their digest and feature names."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import Any

from trabecula.data import content
from trabecula.domain.modality import Modality

SET_NAMES = ("xue2022_ct", "jiang2026_mr", "radscore_mr")


class ScaleOver(StrEnum):
    """Which voxels the percentiles of the intensity scale are taken over."""

    BODIES = "bodies"
    """The bodies that are measured."""
    SURROUNDINGS = "surroundings"
    """The box of those bodies and ``surroundings_mm`` around it."""


@dataclass(frozen=True, kw_only=True)
class FeatureSet:
    """Extraction settings of one recipe.

    ``spacing_mm`` is the grid along (z, y, x) of the patient, 0 keeping the acquired spacing. ``in_plane`` keeps
    filters and textures within sagittal slices; ``slices`` > 0 takes that many of them around the middle of the body.
    ``classes`` maps a feature class to its features, in order.
    """

    name: str
    modality: Modality
    region: str
    percentiles: tuple[float, float]
    scale: tuple[float, float]
    over: ScaleOver
    surroundings_mm: float
    spacing_mm: tuple[float, float, float]
    in_plane: bool
    slices: int
    margin_mm: int
    bin_width: float
    distances: tuple[int, ...]
    log_sigma_mm: tuple[float, ...]
    wavelet: str
    shape_classes: tuple[str, ...]
    texture_classes: tuple[str, ...]
    classes: Mapping[str, tuple[str, ...]]
    sha256: str

    @cached_property
    def images(self) -> tuple[str, ...]:
        """Names of the original and filtered images, as pyradiomics names them."""
        dimension = "2D" if self.in_plane else "3D"
        logs = [f"log-sigma-{str(sigma).replace('.', '-')}-mm-{dimension}" for sigma in self.log_sigma_mm]
        return ("original", *logs, *(f"wavelet-{name}" for name in _decompositions(2 if self.in_plane else 3)))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all features: shape, then every image with every texture class."""
        shape = [f"original_{kind}_{name}" for kind in self.shape_classes for name in self.classes[kind]]
        texture = [
            f"{image}_{kind}_{name}"
            for image in self.images
            for kind in self.texture_classes
            for name in self.classes[kind]
        ]
        return (*shape, *texture)


def _decompositions(axes: int) -> tuple[str, ...]:
    """LLH, LHL, ... with the approximation (all L) last."""
    words = [format(number, f"0{axes}b").replace("0", "L").replace("1", "H") for number in range(1, 2**axes)]
    return (*words, "L" * axes)


@cache
def load_feature_set(name: str) -> FeatureSet:
    """Return a pinned feature set. Raises KeyError for a name that is none of SET_NAMES."""
    if name not in SET_NAMES:
        raise KeyError(name)
    settings, features = (content(f"radiomics/{file}.toml") for file in (name, "features"))
    document: dict[str, Any] = tomllib.loads(settings.decode())
    known: Mapping[str, Sequence[str]] = tomllib.loads(features.decode())["classes"]
    shape, texture = (tuple(document["features"][key]) for key in ("shape", "texture"))
    grid = document["grid"]
    return FeatureSet(
        name=document["name"],
        modality=Modality(document["modality"]),
        region=document["region"],
        percentiles=(document["intensity"]["percentiles"][0], document["intensity"]["percentiles"][1]),
        scale=(document["intensity"]["scale"][0], document["intensity"]["scale"][1]),
        over=ScaleOver(document["intensity"]["over"]),
        surroundings_mm=document["intensity"]["surroundings_mm"],
        spacing_mm=(grid["spacing_mm"][0], grid["spacing_mm"][1], grid["spacing_mm"][2]),
        in_plane=grid["in_plane"],
        slices=grid["slices"],
        margin_mm=grid["margin_mm"],
        bin_width=document["texture"]["bin_width"],
        distances=tuple(document["texture"]["distances"]),
        log_sigma_mm=tuple(document["filters"]["log_sigma_mm"]),
        wavelet=document["filters"]["wavelet"],
        shape_classes=shape,
        texture_classes=texture,
        classes={kind: tuple(known[kind]) for kind in (*shape, *texture)},
        sha256=hashlib.sha256(settings + features).hexdigest(),
    )


def feature_set_of(sha256: str) -> FeatureSet | None:
    """Return the pinned set whose digest a bundle states, or None when this version of the program has no such set."""
    return next((found for found in map(load_feature_set, SET_NAMES) if found.sha256 == sha256), None)
