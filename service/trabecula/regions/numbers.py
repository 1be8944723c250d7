"""The numbers of the region definitions, read once from ``data/regions.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def region_numbers(name: str) -> Mapping[str, float]:
    """Return the numbers of one versioned region, e.g. ``trab_v1``. Raises KeyError for an unknown name."""
    document = tomllib.loads(files("trabecula.data").joinpath("regions.toml").read_text(encoding="utf-8"))
    return {key: float(value) for key, value in document[name].items() if key != "source"}
