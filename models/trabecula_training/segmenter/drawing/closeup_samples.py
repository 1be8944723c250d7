"""Training samples for the refiner: a close-up with random contrast, normalised by its own marrow, and its targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.segmentation.network.closeups import PIXEL_MM, UNSEEN, relative
from trabecula_training.segmenter.drawing.chemical_shift import Displacement, shift_fat
from trabecula_training.segmenter.drawing.classes import TARGET_OF_CODE, NetworkClass
from trabecula_training.segmenter.drawing.closeup_classes import OF_NETWORK_CLASS
from trabecula_training.segmenter.drawing.closeup_pool import SLICES, CloseUps
from trabecula_training.segmenter.drawing.contrast import Look, draw_palette
from trabecula_training.segmenter.drawing.scanner import (
    blur,
    ct_finish,
    mr_finish,
    normalise,
    paint,
    thick_slices,
)
from trabecula_training.segmenter.drawing.warp import smooth_field

Float = NDArray[np.float32]


_LOOKS = (Look.RANDOM, Look.T1, Look.T2, Look.STIR, Look.CT)
_SHARES = (0.12, 0.16, 0.2, 0.12, 0.4)
_OFF_CENTRE = 7
_CORE_PIXELS = 20
_WRONG_MIDDLE = 0.03
"""How far (standard deviation) the middle of marrow is taken wrongly."""
_NO_OUTLINE, _OTHER_OUTLINE = 0.08, 0.2
"""How often there is no outline yet, or that of a neighbouring slice."""
_ORDERS = (None, (2, 2, 2, 2, 2), (1, 1, 2, 3, 4), (2, 2, 2, 3, 4), (0, 1, 2, 3, 3), (0, 1, 2, 2, 2))
_ORDER_SHARES = (0.64, 0.12, 0.08, 0.04, 0.08, 0.04)
"""Which slice each channel shows, and how often: all five, one alone, or as at a volume's edge."""


@dataclass(frozen=True)
class CloseUpSample:
    """``image`` float32 ``[channel, row, column]``: five slices, zero where they are like marrow, and a rough outline;
    ``target`` uint8 close-up classes."""

    image: Float
    target: NDArray[np.uint8]
    look: Look


def draw_closeup_sample(seed: tuple[int, int], pool: CloseUps, size: int, look: Look | None = None) -> CloseUpSample:
    """Draw sample ``seed`` (run seed, number) as a window of ``size`` pixels."""
    rng = np.random.default_rng([*seed, 2])
    closeup = pool[int(rng.integers(len(pool)))]
    look = look or Look(str(rng.choice(_LOOKS, p=_SHARES)))
    room = closeup.codes.shape[1] - size
    i, j = (int(k) for k in np.clip(room // 2 + rng.integers(-_OFF_CENTRE, _OFF_CENTRE + 1, 2), 0, room))
    window = np.s_[:, i : i + size, j : j + size]
    codes, level, planes = closeup.codes[window], closeup.level[window], closeup.planes
    palette = draw_palette(rng, look)
    image = paint(rng, palette, codes, level, planes)
    middle, names = codes[planes // 2 :: planes], level[planes // 2 :: planes]
    shift = Displacement()
    if look is not Look.CT and rng.random() < 0.4:
        image, shift = shift_fat(rng, palette, middle, image)
    image = blur(rng, image, look, PIXEL_MM)
    finish = ct_finish if look is Look.CT else mr_finish
    image = finish(rng, image, middle)
    if rng.random() < (0.5 if look is Look.CT else 0.12):
        image = _reformat(rng, image)
    image = normalise(rng, image, np.zeros(image.shape[1:], np.bool_), look)
    targets = shift.of_targets(TARGET_OF_CODE[middle])
    seen = _draw_frame(rng, image.shape[1:])
    targets[:, ~seen] = NetworkClass.BACKGROUND
    marrow = (targets == NetworkClass.BODY) & (names == closeup.label)
    core = ndimage.binary_erosion(marrow, np.ones((1, 3, 3), bool), iterations=int(rng.integers(1, 4)))
    core = core if core.sum() > _CORE_PIXELS else marrow
    middle_value = float(np.median(image[core] if core.any() else image))
    image = relative(image, middle_value, look is Look.CT, image)
    image = np.where(seen, image + np.float32(rng.normal(0, _WRONG_MIDDLE)), np.float32(UNSEEN))
    if rng.random() < 0.5:
        image = image[::-1]
    target = OF_NETWORK_CLASS[targets[SLICES // 2]]
    bodies = np.isin(targets, (NetworkClass.BODY, NetworkClass.RIM)) & (names == closeup.label)
    rough = _rough_outline(rng, bodies) * seen
    return CloseUpSample(np.concatenate([_hidden(rng, image), rough[None]]), target, look)


def _rough_outline(rng: np.random.Generator, bodies: NDArray[np.bool_]) -> Float:
    """The outline of the body in the middle slice as a first network might give it: displaced, swollen, shrunk, rough;
    at a side wall often that of a neighbouring slice, or none."""
    draw, middle = rng.random(), len(bodies) // 2
    if draw < _NO_OUTLINE:
        return np.zeros(bodies.shape[1:], np.float32)
    beside = middle + int(rng.choice([-1, 1])) if draw < _NO_OUTLINE + _OTHER_OUTLINE else middle
    soft = ndimage.gaussian_filter(bodies[beside].astype(np.float32), float(rng.uniform(1.0, 3.5)))
    shape = (soft.shape[0], soft.shape[1])
    soft = soft + smooth_field(rng, shape, int(rng.integers(4, 9)), float(rng.uniform(0, 0.22)))
    rough = (soft > 0.5 + rng.normal(0, 0.12)) & (soft > 0.05)
    moved = ndimage.shift(rough.astype(np.float32), rng.normal(0, 1.0, 2), order=1)
    return np.asarray(moved, dtype=np.float32)


def _draw_frame(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """What was measured: now and then the image ends within the window."""
    seen = np.ones(shape, np.bool_)
    if rng.random() < 0.25:
        rows, columns = shape
        side, share = int(rng.choice([0, 0, 1, 1, 2, 3])), float(rng.uniform(0, 0.5))
        cut = (np.s_[: int(share * rows)], np.s_[rows - int(share * rows) :], np.s_[:, : int(share * columns)],
               np.s_[:, columns - int(share * columns) :])[side]  # fmt: skip
        seen[cut] = False
    return seen


def _hidden(rng: np.random.Generator, image: Float) -> Float:
    """Now and then slices do not exist (a volume's edge, a single slice): the nearest one stands for them."""
    order = _ORDERS[int(rng.choice(len(_ORDERS), p=_ORDER_SHARES))]
    return image if order is None else image[list(order)]


def _reformat(rng: np.random.Generator, image: Float) -> Float:
    """A sagittal reformation: thick slices along rows or columns, interpolated."""
    axis = 1 if rng.random() < 0.75 else 2
    thickness = float(np.exp(rng.uniform(np.log(1.0), np.log(5.5)))) / PIXEL_MM
    weights = thick_slices(image.shape[axis], thickness, float(rng.uniform(0, thickness)))
    moved = weights @ image if axis == 1 else image @ weights.T
    return np.asarray(moved, dtype=np.float32)
