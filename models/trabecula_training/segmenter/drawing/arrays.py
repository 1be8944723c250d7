"""Arrays on disk that training maps into memory: written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.files import whole_file


def save_arrays(folder: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write one plain file for each array; a run killed meanwhile leaves no file that is not whole."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        with whole_file(folder / f"{name}.npy") as file:
            np.save(file, array, allow_pickle=False)


def has_arrays(folder: Path, names: Iterable[str]) -> bool:
    """True where every array was written."""
    return all((folder / f"{name}.npy").exists() for name in names)


def map_arrays(folder: Path, names: Iterable[str]) -> dict[str, NDArray[Any]]:
    """Map saved arrays into memory, by name."""
    return {name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in names}
