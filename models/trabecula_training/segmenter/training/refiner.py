"""Trains the refiner, the network that draws the border of one body in close-ups: its plan and its samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from trabecula.segmentation.network.closeups import CHANNELS
from trabecula_training.segmenter.drawing.closeup_classes import CloseUpClass
from trabecula_training.segmenter.drawing.closeup_pool import (
    CloseUps,
    draw_closeups,
    has_closeups,
    load_closeups,
    save_closeups,
)
from trabecula_training.segmenter.drawing.closeup_samples import draw_closeup_sample
from trabecula_training.segmenter.training.loop import Progress, Schedule, fit
from trabecula_training.segmenter.training.loss import closeup_loss
from trabecula_training.segmenter.training.network import RefinerNet


@dataclass(frozen=True, kw_only=True)
class RefinerPlan:
    """What the refiner's training does: close-ups of ``spines`` are drawn once; ``size`` is the window in pixels of
    0.8 mm. One thread trains: the other core draws samples meanwhile, which is faster than two threads that wait."""

    spines: int = 500
    steps: int = 6000
    batch: int = 32
    size: int = 64
    rate: float = 3e-3
    average: float = 0.998
    threads: int = 1
    widths: tuple[int, ...] = (48, 64, 96)

    @classmethod
    def smoke(cls) -> RefinerPlan:
        """A minute of one core: few spines, few steps, a small network that may take large ones."""
        return cls(spines=8, steps=180, batch=16, rate=6e-3, widths=(16, 24, 32))

    def schedule(self, seed: int) -> Schedule:
        """How long and how fast."""
        return Schedule(
            steps=self.steps, batch=self.batch, rate=self.rate, average=self.average, seed=seed, threads=self.threads
        )


class CloseUpSamples(Dataset[tuple[Tensor, ...]]):
    """Close-ups with random contrast, of fixed number: sample k depends on the seed and k only."""

    def __init__(self, pool: CloseUps, plan: RefinerPlan, seed: int, first: int) -> None:
        self._pool, self._plan, self._seed, self._first = pool, plan, seed, first

    def __len__(self) -> int:
        return self._plan.steps * self._plan.batch - self._first

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        sample = draw_closeup_sample((self._seed, self._first + index), self._pool, self._plan.size)
        return torch.from_numpy(sample.image), torch.from_numpy(sample.target.astype(np.int64))


def prepare_closeups(
    plan: RefinerPlan, seed: int, processes: int, folder: Path, progress: Callable[[int], None] | None = None
) -> CloseUps:
    """Draw the close-ups of a plan, or map those already in the folder."""
    if not has_closeups(folder):
        save_closeups(draw_closeups(seed, plan.spines, processes, progress), folder)
    return load_closeups(folder)


def train_refiner(
    plan: RefinerPlan,
    seed: int,
    folder: Path,
    progress: Callable[[Progress], None] | None = None,
    until: int | None = None,
) -> RefinerNet:
    """Train from the folder's last checkpoint (or from nothing) and return the averaged network."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(seed)
    pool = prepare_closeups(plan, seed, plan.threads, folder / "pool")
    return fit(
        RefinerNet(plan.widths, CHANNELS, len(CloseUpClass)),
        lambda first: CloseUpSamples(pool, plan, seed, first),
        loss_of=lambda raw, parts: closeup_loss(raw, parts[0]),
        schedule=plan.schedule(seed),
        saved=folder / "checkpoint.npz",
        progress=progress,
        until=until,
    )
