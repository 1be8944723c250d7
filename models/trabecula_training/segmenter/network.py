"""The network: a small U-Net over three neighbouring sagittal slices at 1 mm."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from trabecula_training.segmenter.classes import CHANNEL_COUNT, CLASS_COUNT

WIDTHS = (16, 32, 64, 96, 128, 128)
MULTIPLE = 2 ** (len(WIDTHS) - 1)
"""Rows and columns of an image must be multiples of this."""


class Block(nn.Module):
    """Two 3x3 convolutions with batch normalisation."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(incoming, outgoing, 3, padding=1, bias=False),
            nn.BatchNorm2d(outgoing),
            nn.ReLU(inplace=True),
            nn.Conv2d(outgoing, outgoing, 3, padding=1, bias=False),
            nn.BatchNorm2d(outgoing),
            nn.ReLU(inplace=True),
        )

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.layers(image)
        return result


class SpineNet(nn.Module):
    """Maps ``[batch, 3, row, column]`` in 0-1 to logits of the classes and cosine and sine of the phase."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.down = nn.ModuleList(Block(3 if k == 0 else widths[k - 1], width) for k, width in enumerate(widths))
        self.up = nn.ModuleList(Block(widths[k] + widths[k + 1], widths[k]) for k in range(len(widths) - 1))
        self.head = nn.Conv2d(widths[0], CHANNEL_COUNT, 1)

    def forward(self, image: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for k, block in enumerate(self.down):
            image = block(image if k == 0 else functional.max_pool2d(image, 2))
            kept.append(image)
        for k in reversed(range(len(self.up))):
            image = functional.interpolate(image, scale_factor=2.0, mode="nearest")
            image = self.up[k](torch.cat([image, kept[k]], dim=1))
        result: Tensor = self.head(image)
        return result


class Deployed(nn.Module):
    """What is exported: class probabilities (softmax) and the raw phase channels, in one tensor."""

    def __init__(self, network: SpineNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        raw = self.network(image)
        return torch.cat([torch.softmax(raw[:, :CLASS_COUNT], dim=1), raw[:, CLASS_COUNT:]], dim=1)
