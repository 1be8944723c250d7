"""Checkpoints of a training run as plain arrays (no pickle): weights, averaged weights, optimiser state, step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import nn

from trabecula.files import whole_file


def save_checkpoint(path: Path, step: int, network: nn.Module, average: nn.Module, optimiser: torch.optim.Adam) -> None:
    """Write a checkpoint; a run killed while writing keeps the former one."""
    arrays = {"step": np.asarray(step)}
    for prefix, module in (("network", network), ("average", average)):
        arrays.update({f"{prefix}/{name}": value.numpy(force=True) for name, value in module.state_dict().items()})
    for k, state in optimiser.state_dict()["state"].items():
        arrays.update(
            {f"optimiser/{k}/{name}": torch.as_tensor(value).numpy(force=True) for name, value in state.items()}
        )
    with whole_file(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_checkpoint(path: Path, network: nn.Module, average: nn.Module, optimiser: torch.optim.Adam | None) -> int:
    """Read a checkpoint into the given objects and return its step."""
    with np.load(path, allow_pickle=False) as arrays:
        for prefix, module in (("network", network), ("average", average)):
            module.load_state_dict(
                {name: torch.from_numpy(np.array(arrays[f"{prefix}/{name}"])) for name in module.state_dict()}
            )
        if optimiser is not None:
            state: dict[int, dict[str, torch.Tensor]] = {}
            for key in arrays.files:
                if key.startswith("optimiser/"):
                    _, k, name = key.split("/")
                    state.setdefault(int(k), {})[name] = torch.from_numpy(np.array(arrays[key]))
            whole = optimiser.state_dict()
            whole["state"] = state
            optimiser.load_state_dict(whole)
        return int(arrays["step"])
