"""The networks: EfficientNet-B4 and ResNet-50 by MONAI, EfficientNetV2-S, and a small one that a processor can train.

Each maps ``[crop, 1, row, column]`` in 0-1 to one logit for each crop, ``[crop, 1]``. None comes with weights.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
from monai.networks.nets.efficientnet import EfficientNetBN
from monai.networks.nets.resnet import resnet50
from torch import Tensor, nn

from trabecula_training.cnn.efficientnet_v2 import EfficientNetV2S
from trabecula_training.errors import WeightsUnusable
from trabecula_training.features.table import UNREADABLE


class Network(StrEnum):
    """Networks by the name that reports and commands use."""

    EFFICIENTNET_B4 = "EfficientNet-B4"
    EFFICIENTNET_V2 = "EfficientNetV2-S"
    RESNET_50 = "ResNet-50"
    SMALL = "small"


MEAN, SD = 0.45, 0.25
"""Centre and spread that crops in 0-1 are brought to, the same for every network."""


class OneLogit(nn.Module):
    """A network on standardised crops, the grey channel repeated as often as ``channels`` says."""

    def __init__(self, body: nn.Module, channels: int) -> None:
        super().__init__()
        self.body = body
        self.channels = channels

    def forward(self, image: Tensor) -> Tensor:
        standard = (image - MEAN) / SD
        result: Tensor = self.body(standard.expand(-1, self.channels, -1, -1))
        return result


class SmallNet(nn.Sequential):
    """Five 3x3 convolutions, each halving the picture; mean over the rest; about 120,000 parameters."""

    def __init__(self, widths: tuple[int, ...] = (16, 32, 48, 64, 96), dropout: float = 0.3) -> None:
        layers: list[nn.Module] = []
        incoming = 1
        for width in widths:
            layers += [
                nn.Conv2d(incoming, width, 3, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
            incoming = width
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(incoming, 1))


def _efficientnet_b4() -> nn.Module:
    body = EfficientNetBN("efficientnet-b4", pretrained=False, spatial_dims=2, num_classes=1)
    body.set_swish(memory_efficient=False)  # the memory-efficient form cannot be exported
    return OneLogit(body, 3)


def _resnet_50() -> nn.Module:
    return OneLogit(resnet50(pretrained=False, spatial_dims=2, n_input_channels=3, num_classes=1), 3)


_MAKERS: dict[Network, Callable[[], nn.Module]] = {
    Network.EFFICIENTNET_B4: _efficientnet_b4,
    Network.EFFICIENTNET_V2: lambda: OneLogit(EfficientNetV2S(), 3),
    Network.RESNET_50: _resnet_50,
    Network.SMALL: lambda: OneLogit(SmallNet(), 1),
}


def make_network(network: Network, weights: Path | None = None) -> nn.Module:
    """Return a fresh network from torch's random state; ``weights`` is a site's own state dictionary to start
    from, a NumPy archive (.npz) of arrays by name: no pickle is read.

    Raises WeightsUnusable where the file is no state dictionary of this network (its last layer may differ).
    """
    made = _MAKERS[network]()
    if weights is not None:
        _start_from(made, weights)
    return made


def _start_from(network: nn.Module, path: Path) -> None:
    """Load every tensor of the file that fits; only those of the last layer may be left out."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            given = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except UNREADABLE as error:
        raise WeightsUnusable(f"{path.name} holds no arrays by name ({type(error).__name__})") from error
    own = network.state_dict()
    fitting = {key: value for key, value in given.items() if key in own and value.shape == own[key].shape}
    absent = [key for key in own if key not in fitting]
    last = list(own)[-2:]
    if any(key not in last for key in absent):
        raise WeightsUnusable(f"{path.name} lacks {len(absent)} tensors of the network, the first {absent[0]}")
    network.load_state_dict(fitting, strict=False)


def parameter_count(network: nn.Module) -> int:
    """Return the number of trainable weights."""
    return sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
