"""The study's augmentation: ten variants of a picture by turns, mirroring and transposition (7,380 = 10 x 738 images).

The study does not list them; ours are the eight turns and mirror images of a square (transposition is one of them) and
two small turns.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as functional
from torch import Tensor

SMALL_TURN_DEG = 10.0
VARIANTS = 10


def variant(images: Tensor, number: int) -> Tensor:
    """Return variant ``number`` (0 is the picture itself) of ``[crop, 1, size, size]``."""
    if number >= 8:
        return _turned(images, SMALL_TURN_DEG if number == 8 else -SMALL_TURN_DEG)
    mirrored = images.flip(-1) if number >= 4 else images
    return torch.rot90(mirrored, number % 4, (-2, -1))


def _turned(images: Tensor, degrees: float) -> Tensor:
    """Turn about the centre; what comes in from outside is black."""
    angle = math.radians(degrees)
    matrix = torch.tensor([[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]])
    grid = functional.affine_grid(matrix.to(images).expand(len(images), 2, 3), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)


def randomly_varied(images: Tensor, generator: torch.Generator) -> Tensor:
    """Return each picture in a variant drawn at random; the same generator gives the same."""
    drawn = torch.randint(0, VARIANTS, (len(images),), generator=generator).to(images.device)
    result = images.clone()
    for number in range(1, VARIANTS):
        chosen = drawn == number
        if chosen.any():
            result[chosen] = variant(images[chosen], number)
    return result


def all_variants(images: Tensor) -> Tensor:
    """Return every variant of every picture, ``[variants * crops, ...]``, variant after variant."""
    return torch.cat([variant(images, number) for number in range(VARIANTS)])
