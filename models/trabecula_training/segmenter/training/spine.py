"""Trains the network that finds and names bodies: its plan, its pool and its samples."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from trabecula.files import whole_file
from trabecula_training.errors import RunFolderTaken
from trabecula_training.segmenter.drawing.generator import draw_sample
from trabecula_training.segmenter.drawing.pool import Pool, draw_pool, has_pool, load_pool, save_pool
from trabecula_training.segmenter.real.plan import RealPlan
from trabecula_training.segmenter.real.samples import RealSlab, draw_real_sample
from trabecula_training.segmenter.training.loop import Progress, Schedule, fit
from trabecula_training.segmenter.training.loss import partial_loss, segmentation_loss
from trabecula_training.segmenter.training.network import WIDTHS, SpineNet
from trabecula_training.segmenter.training.refiner import RefinerPlan
from trabecula_training.segmenter.training.start import Start, spread_norms, unfold

__all__ = ["Plan", "Progress", "claim_folder", "prepare_pool", "train"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a training run does. ``pool`` slabs are drawn once; ``rows`` x ``columns`` is the window at 1 mm; ``real``
    volumes take part only where they are given, and a bundle to ``start`` from likewise."""

    seed: int = 1
    pool: int = 750
    steps: int = 5250
    batch: int = 8
    rows: int = 256
    columns: int = 160
    rate: float = 2.5e-3
    threads: int = 2
    average: float = 0.998
    widths: tuple[int, ...] = WIDTHS
    refiner: RefinerPlan = field(default_factory=RefinerPlan)
    real: RealPlan | None = None
    start: Start | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """The plan for JSON; of real volumes and of a start it says nothing where there are none."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def smoke(cls, seed: int = 1) -> Plan:
        """A run of three to four minutes of one core: few spines, small windows, small networks."""
        return cls(
            seed=seed,
            pool=40,
            steps=400,
            batch=8,
            rows=128,
            columns=96,
            threads=1,
            widths=(24, 32, 48, 48, 48),
            refiner=RefinerPlan.smoke(),
        )

    def started(self, start: Start) -> Plan:
        """The same plan from a bundle's weights: it moves them with few, small steps on few drawn spines, and keeps
        the bundle's refiner."""
        return replace(self, start=start, pool=min(self.pool, 250), steps=min(self.steps, 600), rate=6e-4)

    def with_steps(self, steps: int) -> Plan:
        """The same plan with another number of steps."""
        return replace(self, steps=steps)

    @property
    def schedule(self) -> Schedule:
        """How long and how fast."""
        return Schedule(
            steps=self.steps,
            batch=self.batch,
            rate=self.rate,
            average=self.average,
            seed=self.seed,
            threads=self.threads,
        )


_FROM_REAL = 20263


class Samples(Dataset[tuple[Tensor, ...]]):
    """The generator as a data set of fixed length, mixed with real slabs where the plan says so: sample k depends on
    the seed and k only."""

    def __init__(self, pool: Pool, plan: Plan, first: int, slabs: Sequence[RealSlab] = ()) -> None:
        self._pool, self._plan, self._first, self._slabs = pool, plan, first, slabs

    def __len__(self) -> int:
        return self._plan.steps * self._plan.batch - self._first

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        shape = (self._plan.rows, self._plan.columns)
        number, real = self._first + index, self._plan.real
        if real and np.random.default_rng((self._plan.seed, number, _FROM_REAL)).random() < real.share:
            sample = draw_real_sample((self._plan.seed, number, _FROM_REAL + 1), self._slabs, shape)
        else:
            sample = draw_sample((self._plan.seed, number), self._pool, shape)
        return (
            torch.from_numpy(sample.image),
            torch.from_numpy(sample.target.astype(np.int64)),
            torch.from_numpy(sample.phase),
            torch.from_numpy(sample.column.astype(np.float32)),
        )


_MEASURED_SAMPLES = 64
"""Samples on which an unfolded network's layers are measured."""


def _started(plan: Plan, bundle: Path, samples: Samples) -> SpineNet:
    network = unfold(bundle, plan.widths)
    count = min(_MEASURED_SAMPLES, len(samples))
    spread_norms(network, torch.stack([samples[place][0] for place in range(count)]))
    return network


def claim_folder(plan: Plan, folder: Path) -> None:
    """Write the plan into the run's folder, once and whole; raises RunFolderTaken where a run of another plan was begun
    there, whose spines and weights must not be taken for this one's."""
    note, text = folder / "plan.json", json.dumps(plan.facts, indent=2)
    if note.exists():
        if note.read_text(encoding="utf-8") != text:
            raise RunFolderTaken(str(folder))
        return
    folder.mkdir(parents=True, exist_ok=True)
    with whole_file(note) as file:
        file.write(text.encode("utf-8"))


def prepare_pool(plan: Plan, folder: Path, progress: Callable[[int], None] | None = None) -> Pool:
    """Draw the pool of a plan, or map the one already in the folder."""
    if not has_pool(folder):
        save_pool(draw_pool(plan.seed, plan.pool, plan.threads, progress), folder)
    return load_pool(folder)


def train(
    plan: Plan,
    folder: Path,
    progress: Callable[[Progress], None] | None = None,
    until: int | None = None,
    slabs: Sequence[RealSlab] = (),
    bundle: Path | None = None,
) -> SpineNet:
    """Train from the folder's last checkpoint (or from the plan's start) and return the averaged network.

    ``until`` stops early at that step, as a kill would, for tests of resuming; ``slabs`` are the real ones of the plan,
    ``bundle`` is the folder of its start.
    """
    claim_folder(plan, folder)
    torch.manual_seed(plan.seed)
    pool = prepare_pool(plan, folder / "pool")
    loss = partial_loss if plan.real else segmentation_loss
    network = _started(plan, bundle, Samples(pool, plan, 0, slabs)) if bundle else SpineNet(plan.widths)
    return fit(
        network,
        lambda first: Samples(pool, plan, first, slabs),
        loss_of=lambda raw, parts: loss(raw, parts[0], parts[1], parts[2]),
        schedule=plan.schedule,
        saved=folder / "checkpoint.npz",
        progress=progress,
        until=until,
    )
