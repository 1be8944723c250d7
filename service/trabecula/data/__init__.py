"""Versioned data files and their one loader: thresholds, tokens, codes, gates; each entry with its source.

A number with a clinical meaning stands here and nowhere in code. A table is read once; the type that a room makes of
it lives in the room that decides by it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def data_file(name: str) -> Mapping[str, Any]:
    """Return a TOML file of ``trabecula.data``, read once."""
    return tomllib.loads(files("trabecula.data").joinpath(name).read_text(encoding="utf-8"))
