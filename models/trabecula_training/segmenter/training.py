"""The training loop: pool, samples, steps, averaged weights, checkpoints; resumable."""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from trabecula_training.segmenter.checkpoint import load_checkpoint, save_checkpoint
from trabecula_training.segmenter.generator import draw_sample
from trabecula_training.segmenter.loss import segmentation_loss
from trabecula_training.segmenter.network import WIDTHS, SpineNet
from trabecula_training.segmenter.pool import Pool, draw_pool, load_pool, save_pool


@dataclass(frozen=True)
class Plan:
    """What a training run does. ``pool`` slabs are drawn once; ``rows`` x ``columns`` is the window at 1 mm."""

    seed: int = 1
    pool: int = 800
    steps: int = 4500
    batch: int = 8
    rows: int = 256
    columns: int = 160
    rate: float = 2.5e-3
    threads: int = 2
    average: float = 0.998
    widths: tuple[int, ...] = WIDTHS

    @classmethod
    def smoke(cls, seed: int = 1) -> Plan:
        """A run of one to two minutes: few spines, small windows, a small network."""
        return cls(seed=seed, pool=40, steps=400, batch=8, rows=128, columns=96, widths=(12, 24, 32, 48, 48, 48))

    def with_steps(self, steps: int) -> Plan:
        """The same plan with another number of steps."""
        return replace(self, steps=steps)


@dataclass(frozen=True)
class Progress:
    """How far a run is: step, smoothed loss, seconds per step."""

    step: int
    loss: float
    step_s: float


class Samples(Dataset[tuple[Tensor, Tensor, Tensor, Tensor]]):
    """The generator as a data set of fixed length: sample k depends on the seed and k only."""

    def __init__(self, pool: Pool, plan: Plan, first: int) -> None:
        self._pool, self._plan, self._first = pool, plan, first

    def __len__(self) -> int:
        return self._plan.steps * self._plan.batch - self._first

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        shape = (self._plan.rows, self._plan.columns)
        sample = draw_sample((self._plan.seed, self._first + index), self._pool, shape)
        return (
            torch.from_numpy(sample.image),
            torch.from_numpy(sample.target.astype(np.int64)),
            torch.from_numpy(sample.phase),
            torch.from_numpy(sample.column.astype(np.float32)),
        )


def prepare_pool(plan: Plan, folder: Path, progress: Callable[[int], None] | None = None) -> Pool:
    """Draw the pool of a plan, or map the one already in the folder."""
    if not (folder / "spacing_mm.npy").exists():
        save_pool(draw_pool(plan.seed, plan.pool, plan.threads, progress), folder)
    return load_pool(folder)


def _rate(plan: Plan, step: int) -> float:
    warm = min(1.0, (step + 1) / min(200, max(1, plan.steps // 10)))
    return plan.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / plan.steps)))


def _follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights toward the current ones (faster in the beginning)."""
    keep = min(decay, (1 + step) / (20 + step))
    with torch.no_grad():
        for slow, fast in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if slow.dtype.is_floating_point:
                slow.lerp_(fast, 1 - keep)
            else:
                slow.copy_(fast)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    plan: Plan, folder: Path, progress: Callable[[Progress], None] | None = None, until: int | None = None
) -> SpineNet:
    """Train from the folder's last checkpoint (or from nothing) and return the averaged network.

    ``until`` stops early at that step, as a kill would, for tests of resuming.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps(asdict(plan), indent=2), encoding="utf-8")
    torch.set_num_threads(plan.threads)
    torch.manual_seed(plan.seed)
    device = _device()
    network = SpineNet(plan.widths).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average: SpineNet = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, weight_decay=1e-4)
    saved, step = folder / "checkpoint.npz", 0
    if saved.exists():
        step = load_checkpoint(saved, network, average, optimiser)
    pool = prepare_pool(plan, folder / "pool")
    samples = Samples(pool, plan, step * plan.batch)
    loader = DataLoader(samples, batch_size=plan.batch, num_workers=1, prefetch_factor=4, drop_last=True)
    stop = plan.steps if until is None else min(until, plan.steps)
    smooth = float("nan")
    batches: Iterator[list[Tensor]] = iter(loader)
    network.train()
    while step < stop:
        begun = time.monotonic()
        for group in optimiser.param_groups:
            group["lr"] = _rate(plan, step)
        loss = _step(network, optimiser, [part.to(device) for part in next(batches)])
        _follow(average, network, plan.average, step)
        step += 1
        smooth = loss if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss
        if progress:
            progress(Progress(step, smooth, time.monotonic() - begun))
        if step % 250 == 0 or step == stop:
            save_checkpoint(saved, step, network, average, optimiser)
    return average.eval()


def _step(network: SpineNet, optimiser: torch.optim.Optimizer, parts: list[Tensor]) -> float:
    image, target, phase, column = parts
    image = image.contiguous(memory_format=torch.channels_last)
    with torch.autocast(image.device.type, torch.bfloat16):
        raw = network(image)
    loss = segmentation_loss(raw, target, phase, column)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimiser.step()
    return float(loss.detach())
