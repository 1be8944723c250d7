"""What training minimises: cross-entropy, overlap of bodies, discs and S1, and the error of the phase.

No class that touches a body weighs more than another: weights move a border toward the lighter class.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from trabecula_training.segmenter.drawing.classes import CLASS_COUNT, NetworkClass
from trabecula_training.segmenter.drawing.closeup_classes import CloseUpClass
from trabecula_training.segmenter.real.partial_targets import ALLOWED

_OVERLAP = (
    (NetworkClass.BODY, NetworkClass.RIM),
    (NetworkClass.BODY,),
    (NetworkClass.RIM,),
    (NetworkClass.S1,),
    (NetworkClass.DISC,),
)
_CLOSE_OVERLAP = ((CloseUpClass.BODY, CloseUpClass.RIM), (CloseUpClass.BODY,))
_RARE = {NetworkClass.METAL: 6.0, NetworkClass.RIB: 6.0}
"""Weights of classes so rare that they would be learned last, or not at all; the others weigh one."""
_SMOOTHING = 50.0


def segmentation_loss(raw: Tensor, target: Tensor, phase: Tensor, column: Tensor) -> Tensor:
    """Loss of raw network output ``[batch, channel, row, column]`` against the generator's targets."""
    logits = raw[:, :CLASS_COUNT].float()
    weights = torch.tensor([_RARE.get(kind, 1.0) for kind in NetworkClass], device=raw.device)
    entropy = functional.cross_entropy(logits, target, weight=weights)
    error = ((raw[:, CLASS_COUNT:].float() - phase) ** 2).sum(dim=1)
    turning = (error * column).sum() / (column.sum() + 1)
    return entropy + 0.2 * overlap_loss(logits, target, _OVERLAP) + 0.25 * turning


def partial_loss(raw: Tensor, target: Tensor, phase: Tensor, column: Tensor) -> Tensor:
    """The loss of ``segmentation_loss`` where some targets allow several classes (``partial_targets``), or all.

    A pixel costs nothing while the answer is among what it allows. It counts in a group's overlap where it is surely
    within or surely without, and nowhere else.
    """
    logits = raw[:, :CLASS_COUNT].float()
    allowed = torch.from_numpy(ALLOWED).to(raw.device)
    weights = torch.tensor([_RARE.get(kind, 1.0) for kind in NetworkClass] + [1.0, 1.0, 0.0], device=raw.device)
    chosen = allowed[target].movedim(-1, 1)
    surprise = -torch.logsumexp(torch.log_softmax(logits, dim=1).masked_fill(~chosen, -1e4), dim=1)
    weight = weights[target]
    entropy = (surprise * weight).sum() / weight.sum().clamp(min=1.0)
    error = ((raw[:, CLASS_COUNT:].float() - phase) ** 2).sum(dim=1)
    turning = (error * column).sum() / (column.sum() + 1)
    return entropy + 0.2 * _partial_overlap(logits, target, allowed) + 0.25 * turning


def _partial_overlap(logits: Tensor, target: Tensor, allowed: Tensor) -> Tensor:
    """``overlap_loss`` over the pixels of which it is known whether they are of a group."""
    member = torch.zeros(len(_OVERLAP), CLASS_COUNT, device=logits.device)
    for row, group in enumerate(_OVERLAP):
        member[row, list(group)] = 1.0
    within = allowed.float() @ member.T
    inside, outside = within == allowed.sum(dim=1, keepdim=True), within == 0
    true = inside.float()[target].movedim(-1, 1)
    known = (inside | outside).float()[target].movedim(-1, 1)
    predicted = functional.conv2d(torch.softmax(logits, dim=1), member[:, :, None, None]) * known
    shared, total = (predicted * true).sum(dim=(0, 2, 3)), predicted.sum(dim=(0, 2, 3)) + true.sum(dim=(0, 2, 3))
    return (1 - (2 * shared + _SMOOTHING) / (total + _SMOOTHING)).sum()


def closeup_loss(raw: Tensor, target: Tensor) -> Tensor:
    """Loss of the refiner's raw output ``[batch, class, row, column]`` against the targets of close-ups."""
    logits = raw.float()
    return functional.cross_entropy(logits, target) + 0.3 * overlap_loss(logits, target, _CLOSE_OVERLAP)


def overlap_loss(logits: Tensor, target: Tensor, groups: Sequence[Sequence[int]]) -> Tensor:
    """Sum over groups of classes of one minus their Dice over the whole batch, with soft predictions."""
    member = torch.zeros(len(groups), logits.shape[1], device=logits.device)
    for row, group in enumerate(groups):
        member[row, list(group)] = 1.0
    predicted = functional.conv2d(torch.softmax(logits, dim=1), member[:, :, None, None])
    true = member.T[target].movedim(-1, 1)
    shared, total = (predicted * true).sum(dim=(0, 2, 3)), predicted.sum(dim=(0, 2, 3)) + true.sum(dim=(0, 2, 3))
    return (1 - (2 * shared + _SMOOTHING) / (total + _SMOOTHING)).sum()
