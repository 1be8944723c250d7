"""What training minimises: cross-entropy, overlap of bodies, discs and S1, and the error of the phase.

No class that touches a body weighs more than another: weights move a border toward the lighter class.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from trabecula_training.segmenter.classes import CLASS_COUNT, NetworkClass
from trabecula_training.segmenter.closeup_classes import CloseUpClass

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
