"""The training loop of both networks: steps, rate, averaged weights, checkpoints; resumable."""

from __future__ import annotations

import contextlib
import copy
import ctypes
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from trabecula_training.segmenter.drawing.workers import use_one_thread
from trabecula_training.segmenter.training.checkpoint import load_checkpoint, save_checkpoint

Samples = Dataset[tuple[Tensor, ...]]
Trained = TypeVar("Trained", bound=nn.Module)
LossOf = Callable[[Tensor, list[Tensor]], Tensor]
"""Loss of raw network output against the further parts of a batch."""


_MALLOPT = {-3: 1 << 25, -1: 1 << 30, -2: 1 << 28}
"""M_MMAP_THRESHOLD, M_TRIM_THRESHOLD and M_TOP_PAD of <malloc.h>, bytes."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast: ``rate`` is the highest, ``average`` the decay of the averaged weights."""

    steps: int
    batch: int
    rate: float
    average: float
    seed: int
    threads: int


@dataclass(frozen=True)
class Progress:
    """How far a run is: step, smoothed loss, seconds per step."""

    step: int
    loss: float
    step_s: float


def fit(
    network: Trained,
    samples_from: Callable[[int], Samples],
    loss_of: LossOf,
    schedule: Schedule,
    saved: Path,
    progress: Callable[[Progress], None] | None = None,
    until: int | None = None,
) -> Trained:
    """Train from the checkpoint ``saved`` (or from nothing) and return the averaged network.

    ``samples_from`` gives the samples from a number on, each a picture and what the loss needs. ``until`` stops early
    at that step, as a kill would, for tests of resuming.
    """
    torch.set_num_threads(schedule.threads)
    _keep_freed_memory()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    average: Trained = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=schedule.rate, weight_decay=1e-4)
    step = load_checkpoint(saved, network, average, optimiser) if saved.exists() else 0
    samples = samples_from(step * schedule.batch)
    loader = DataLoader(
        samples, schedule.batch, num_workers=1, prefetch_factor=4, drop_last=True, worker_init_fn=use_one_thread
    )
    stop = schedule.steps if until is None else min(until, schedule.steps)
    smooth = float("nan")
    batches: Iterator[list[Tensor]] = iter(loader)
    network.train()
    while step < stop:
        begun = time.monotonic()
        for group in optimiser.param_groups:
            group["lr"] = _rate(schedule, step)
        loss = _step(network, optimiser, [part.to(device) for part in next(batches)], loss_of)
        _follow(average, network, schedule.average, step)
        step += 1
        smooth = loss if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss
        if progress:
            progress(Progress(step, smooth, time.monotonic() - begun))
        if step % 250 == 0 or step == stop:
            save_checkpoint(saved, step, network, average, optimiser)
    return average.eval()


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for 16-bit floats; where a processor has none, they are emulated, and a step
    takes seven times as long as in single precision (measured on a processor that ends at AVX2)."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    found = torch.cpu.get_capabilities()
    return any(found.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def _keep_freed_memory() -> None:
    """Let glibc keep what a step frees for the next one, where it is glibc: asking the system for the same pages at
    every step took 7 % of the larger network's time (``man mallopt``)."""
    with contextlib.suppress(OSError, AttributeError):
        library = ctypes.CDLL("libc.so.6")
        for setting, value in _MALLOPT.items():
            library.mallopt(setting, value)


def _rate(schedule: Schedule, step: int) -> float:
    warm = min(1.0, (step + 1) / min(200, max(1, schedule.steps // 10)))
    return schedule.rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / schedule.steps)))


def _follow(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move the averaged weights toward the current ones (faster in the beginning)."""
    keep = min(decay, (1 + step) / (20 + step))
    with torch.no_grad():
        for slow, fast in zip(average.state_dict().values(), network.state_dict().values(), strict=True):
            if slow.dtype.is_floating_point:
                slow.lerp_(fast, 1 - keep)
            else:
                slow.copy_(fast)


def _step(network: nn.Module, optimiser: torch.optim.Optimizer, parts: list[Tensor], loss_of: LossOf) -> float:
    image, *rest = parts
    image = image.contiguous(memory_format=torch.channels_last)
    with torch.autocast(image.device.type, torch.bfloat16, enabled=computes_in_bfloat16(image.device)):
        raw = network(image)
    loss = loss_of(raw, rest)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 2.0)
    optimiser.step()
    return float(loss.detach())
