"""What training minimises: cross-entropy, overlap of bodies, discs and S1, and the error of the phase.

No class that touches a body weighs more than another: weights move a border toward the lighter class.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from trabecula_training.segmenter.classes import CLASS_COUNT, NetworkClass

_OVERLAP = (
    (NetworkClass.BODY, NetworkClass.RIM),
    (NetworkClass.BODY,),
    (NetworkClass.RIM,),
    (NetworkClass.S1,),
    (NetworkClass.DISC,),
)
_RARE = {NetworkClass.METAL: 6.0, NetworkClass.RIB: 6.0}
"""Weights of classes so rare that they would be learned last, or not at all; the others weigh one."""


def segmentation_loss(raw: Tensor, target: Tensor, phase: Tensor, column: Tensor) -> Tensor:
    """Loss of raw network output ``[batch, channel, row, column]`` against the generator's targets."""
    logits = raw[:, :CLASS_COUNT].float()
    weights = torch.tensor([_RARE.get(kind, 1.0) for kind in NetworkClass], device=raw.device)
    entropy = functional.cross_entropy(logits, target, weight=weights)
    probability = torch.softmax(logits, dim=1)
    overlap = torch.zeros((), device=raw.device)
    for group in _OVERLAP:
        predicted = probability[:, list(group)].sum(dim=1)
        true = sum((target == kind).float() for kind in group)
        assert isinstance(true, Tensor)
        shared = (predicted * true).sum()
        overlap = overlap + 1 - (2 * shared + 50) / (predicted.sum() + true.sum() + 50)
    error = ((raw[:, CLASS_COUNT:].float() - phase) ** 2).sum(dim=1)
    turning = (error * column).sum() / (column.sum() + 1)
    return entropy + 0.2 * overlap + 0.25 * turning
