"""Arrays on disk that training maps into memory: written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def save_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write one plain file for each array; a run killed meanwhile leaves no file that is not whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        temporary = folder / f"{name}.part.npy"
        np.save(temporary, array, allow_pickle=False)
        os.replace(temporary, folder / f"{name}.npy")


def has_arrays(folder: Path, names: Iterable[str]) -> bool:
    """True where every array was written."""
    return all((folder / f"{name}.npy").exists() for name in names)


def map_arrays(folder: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Map saved arrays into memory, by name."""
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names}
