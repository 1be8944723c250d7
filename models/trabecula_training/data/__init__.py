"""Data files of training and their one loader: published results, reference limits, checklists and texts.

Every entry has its source. What the service reads as well lies in ``trabecula.data``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def content(name: str) -> str:
    """Return a text file of ``trabecula_training.data``, read once."""
    return files("trabecula_training.data").joinpath(name).read_text(encoding="utf-8")


@cache
def data_file(name: str) -> Mapping[str, Any]:
    """Return a TOML file of ``trabecula_training.data``, read once."""
    return tomllib.loads(content(name))
