"""Training of one network as the study states it: Adam, plateau schedule, early stopping, the best checkpoint.

Ho, Lu, Kuo 2026, section 2.3: Adam 1e-4, batch 16, rate halved after 5 epochs without a better validation loss, at
most 100 epochs, stop after 10, weights of the lowest validation loss. The loss is not stated: binary cross entropy,
positives weighted by their rarity.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from numpy.typing import NDArray
from torch import Tensor, nn

from trabecula_training.cnn.augmentation import randomly_varied
from trabecula_training.cnn.networks import Network, make_network

Labels = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """How one network is trained.

    ``size`` is the side of a crop in pixels; ``patience`` and ``stop_after`` count epochs; ``augment`` draws a variant
    of every picture in every epoch; ``weights`` is a site's own file to start from.
    """

    network: Network
    size: int
    rate: float = 1e-4
    batch: int = 16
    epochs: int = 100
    patience: int = 5
    factor: float = 0.5
    stop_after: int = 10
    augment: bool = True
    weights: Path | None = None


@dataclass(frozen=True, eq=False)
class Pictures:
    """Squares ``[crop, 1, size, size]`` with the label of each crop."""

    images: Tensor
    labels: Tensor

    @classmethod
    def of(cls, images: NDArray[np.float32], labels: Labels) -> Pictures:
        """Return squares ``[crop, size, size]`` and labels as tensors on the device that trains."""
        return cls(torch.from_numpy(images)[:, None].to(device()), torch.from_numpy(labels).float().to(device()))


def device() -> torch.device:
    """Return the graphics card where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _ignore(epoch: int, loss: float) -> None:
    """Take no notice of progress."""


def train(
    plan: TrainingPlan,
    seen: Pictures,
    held: Pictures,
    seed: int,
    on_epoch: Callable[[int, float], None] = _ignore,
) -> nn.Module:
    """Return the network with the weights of the lowest loss on ``held``, ready to predict.

    ``on_epoch`` hears of each epoch and its loss on ``held``. The same seed, machine and threads give the same weights.
    """
    with torch.random.fork_rng(enabled=True):
        torch.manual_seed(seed)
        network = make_network(plan.network, plan.weights).to(device())
        return _trained(plan, network, seen, held, torch.Generator().manual_seed(seed), on_epoch)


def _trained(
    plan: TrainingPlan,
    network: nn.Module,
    seen: Pictures,
    held: Pictures,
    generator: torch.Generator,
    on_epoch: Callable[[int, float], None],
) -> nn.Module:
    weight = _rarity(seen.labels)
    optimiser = torch.optim.Adam(network.parameters(), lr=plan.rate)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=plan.factor, patience=plan.patience)
    best, lowest, waited = copy.deepcopy(network.state_dict()), float("inf"), 0
    for epoch in range(1, plan.epochs + 1):
        _epoch(plan, network, seen, weight, optimiser, generator)
        loss = _loss(network, held, weight)
        on_epoch(epoch, loss)
        schedule.step(loss)
        if loss < lowest:
            best, lowest, waited = copy.deepcopy(network.state_dict()), loss, 0
        else:
            waited += 1
        if waited >= plan.stop_after:
            break
    network.load_state_dict(best)
    return network.eval()


def _rarity(labels: Tensor) -> Tensor:
    """Negatives for each positive."""
    positives = labels.sum()
    return (len(labels) - positives) / positives.clamp(min=1)


def _epoch(
    plan: TrainingPlan,
    network: nn.Module,
    seen: Pictures,
    weight: Tensor,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> None:
    network.train()
    order = torch.randperm(len(seen.labels), generator=generator).to(seen.labels.device)
    for part in torch.split(order, plan.batch):
        if len(part) < 2:
            continue
        images = seen.images[part]
        if plan.augment:
            images = randomly_varied(images, generator)
        loss = functional.binary_cross_entropy_with_logits(network(images)[:, 0], seen.labels[part], pos_weight=weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()


def _loss(network: nn.Module, held: Pictures, weight: Tensor) -> float:
    answers = torch.from_numpy(logits(network, held.images)).to(held.labels)
    return float(functional.binary_cross_entropy_with_logits(answers, held.labels, pos_weight=weight))


def logits(network: nn.Module, images: Tensor, batch: int = 64) -> NDArray[np.float32]:
    """Return the logit of each picture, float32 [crop]."""
    network.eval()
    with torch.no_grad():
        parts = [network(part.to(next(network.parameters()).device))[:, 0].cpu() for part in torch.split(images, batch)]
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)
