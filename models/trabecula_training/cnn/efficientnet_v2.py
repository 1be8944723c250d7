"""EfficientNetV2-S (Tan and Le 2021, ICML, table 4), which MONAI does not have."""

from __future__ import annotations

from torch import Tensor, nn

STAGES = (
    ("fused", 1, 1, 24, 2),
    ("fused", 4, 2, 48, 4),
    ("fused", 4, 2, 64, 4),
    ("inverted", 4, 2, 128, 6),
    ("inverted", 6, 1, 160, 9),
    ("inverted", 6, 2, 256, 15),
)
"""Kind, expansion, stride of the first block, channels, blocks."""
STEM, HEAD = 24, 1280


def _convolution(incoming: int, outgoing: int, kernel: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """Convolution and batch normalisation."""
    return [
        nn.Conv2d(incoming, outgoing, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outgoing, eps=1e-3),
    ]


class SqueezeExcite(nn.Module):
    """Weighs channels by their means."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.weigh = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, squeezed, 1),
            nn.SiLU(),
            nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = image * self.weigh(image)
        return result


class MobileBlock(nn.Module):
    """A fused or plain inverted bottleneck, with a shortcut where the shape stays."""

    def __init__(self, kind: str, expansion: int, stride: int, incoming: int, outgoing: int) -> None:
        super().__init__()
        wide = incoming * expansion
        if kind == "fused" and expansion == 1:
            layers = [*_convolution(incoming, outgoing, 3, stride), nn.SiLU()]
        elif kind == "fused":
            layers = [*_convolution(incoming, wide, 3, stride), nn.SiLU(), *_convolution(wide, outgoing, 1)]
        else:
            layers = [
                *_convolution(incoming, wide, 1),
                nn.SiLU(),
                *_convolution(wide, wide, 3, stride, groups=wide),
                nn.SiLU(),
                SqueezeExcite(wide, incoming // 4),
                *_convolution(wide, outgoing, 1),
            ]
        self.layers = nn.Sequential(*layers)
        self.shortcut = stride == 1 and incoming == outgoing

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = self.layers(image)
        return image + result if self.shortcut else result


class EfficientNetV2S(nn.Sequential):
    """Maps ``[crop, 3, row, column]`` to ``[crop, 1]``; dropout 0.2 before the last layer."""

    def __init__(self) -> None:
        layers: list[nn.Module] = [*_convolution(3, STEM, 3, 2), nn.SiLU()]
        incoming = STEM
        for kind, expansion, stride, channels, blocks in STAGES:
            for number in range(blocks):
                layers.append(MobileBlock(kind, expansion, stride if number == 0 else 1, incoming, channels))
                incoming = channels
        layers += [*_convolution(incoming, HEAD, 1), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
        super().__init__(*layers, nn.Dropout(0.2), nn.Linear(HEAD, 1))
