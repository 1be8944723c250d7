"""The networks: small U-Nets over neighbouring sagittal slices, inside on blocks of 2 x 2 pixels."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from trabecula_training.segmenter.drawing.classes import CHANNEL_COUNT, CLASS_COUNT

WIDTHS = (32, 64, 96, 128, 128)
_BLOCK = 2
MULTIPLE = _BLOCK * 2 ** (len(WIDTHS) - 1)
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


class UNet(nn.Module):
    """A U-Net from ``[batch, incoming, row, column]`` to ``outgoing`` raw channels; ``widths`` from fine to coarse."""

    def __init__(self, widths: Sequence[int], incoming: int, outgoing: int) -> None:
        super().__init__()
        self.down = nn.ModuleList(Block(incoming if k == 0 else widths[k - 1], width) for k, width in enumerate(widths))
        self.up = nn.ModuleList(Block(widths[k] + widths[k + 1], widths[k]) for k in range(len(widths) - 1))
        self.head = nn.Conv2d(widths[0], outgoing, 1)

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


class BlockNet(nn.Module):
    """A U-Net over blocks of 2 x 2 pixels: ``[batch, slice, row, column]`` to raw channels of the same pixels.

    The blocks' pixels are channels inside, so nothing of the finest detail is lost, while every layer works on a
    quarter of the pixels: twice the weights in the same time.
    """

    def __init__(self, widths: Sequence[int], slices: int, channels: int) -> None:
        super().__init__()
        self.slices, self.multiple = slices, _BLOCK * 2 ** (len(widths) - 1)
        self.inner = UNet(widths, slices * _BLOCK**2, channels * _BLOCK**2)

    def forward(self, image: Tensor) -> Tensor:
        return functional.pixel_shuffle(self.inner(functional.pixel_unshuffle(image, _BLOCK)), _BLOCK)


class SpineNet(BlockNet):
    """Finds and names bodies: three slices in 0-1 at 1 mm to the logits of the classes, then cosine and sine of the
    phase."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__(widths, 3, CHANNEL_COUNT)


class RefinerNet(BlockNet):
    """Draws the border of one body: the channels of a close-up to the logits of the close-up classes."""


class Deployed(nn.Module):
    """What is exported: class probabilities (softmax) and the raw phase channels, in one tensor."""

    def __init__(self, network: SpineNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        raw = self.network(image)
        return torch.cat([torch.softmax(raw[:, :CLASS_COUNT], dim=1), raw[:, CLASS_COUNT:]], dim=1)


class DeployedRefiner(nn.Module):
    """What is exported of the refiner: class probabilities (softmax)."""

    def __init__(self, network: RefinerNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        return torch.softmax(self.network(image), dim=1)
