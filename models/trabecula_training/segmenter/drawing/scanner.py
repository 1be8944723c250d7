"""Makes an image of a window: texture, chemical shift, blur, coil shading, metal, noise, padding, intensity window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from trabecula.phantom.anatomy.tissue import PhantomTissue as Tissue
from trabecula_training.segmenter.drawing.chemical_shift import Displacement, shift_fat
from trabecula_training.segmenter.drawing.contrast import Look, Palette, draw_palette
from trabecula_training.segmenter.drawing.warp import Window, smooth_field

Float = NDArray[np.float32]

_BANK = 768


@cache
def _noise_bank() -> Float:
    """Stationary unit-variance noise at four grains, ``[grain, row, column]``, to be cropped at random."""
    rng = np.random.default_rng(99)
    layers = []
    for grain in (0.0, 0.8, 2.0, 6.0):
        white = rng.standard_normal((_BANK, _BANK)).astype(np.float32)
        soft = ndimage.gaussian_filter(white, grain, mode="wrap") if grain else white
        layers.append(soft / soft.std())
    return np.stack(layers).astype(np.float32)


def noise(rng: np.random.Generator, shape: tuple[int, int, int], grain: int) -> Float:
    """Unit noise ``[channel, row, column]`` of one grain (0 white to 3 coarse)."""
    bank, parts = _noise_bank()[grain], []
    for _ in range(shape[0]):
        i, j = rng.integers(0, _BANK - shape[1] + 1), rng.integers(0, _BANK - shape[2] + 1)
        parts.append(bank[i : i + shape[1], j : j + shape[2]])
    return np.stack(parts)


@dataclass(frozen=True)
class Picture:
    """A training image: ``image`` float32 ``[3, row, column]`` in 0-1, where it is padding (no measurement), and by how
    much its marrow is displaced."""

    image: Float
    padding: NDArray[np.bool_]
    marrow: Displacement


def take_picture(rng: np.random.Generator, window: Window, look: Look) -> Picture:
    """Render a window with random contrast and random imperfections."""
    palette = draw_palette(rng, look)
    image = paint(rng, palette, window.codes, window.level, window.planes)
    codes = window.central(window.codes)
    marrow = Displacement()
    if palette.look is not Look.CT and rng.random() < 0.45:
        image, marrow = shift_fat(rng, palette, codes, image)
    if window.planes == 1:
        image = _average_slices(rng, image)
    image = blur(rng, image, palette.look)
    if palette.look is Look.CT:
        image = ct_finish(rng, image, codes)
    else:
        image = mr_finish(rng, image, codes)
    if rng.random() < 0.22:
        image = _reformat(rng, image)
    padding = draw_padding(rng, window.outside)
    image = normalise(rng, image, padding, palette.look)
    image[:, padding] = 0.0 if rng.random() < 0.85 else rng.random()
    return Picture(np.ascontiguousarray(image[list(window.order)], dtype=np.float32), padding, marrow)


@dataclass(frozen=True)
class DrawnAcquisition:
    """How whole slices are taken: ``planes`` thin ones make each, the scanner's blur is in mm of ``pixel_mm`` pixels,
    ``noise`` scales the noise."""

    planes: int = 1
    pixel_mm: float = 1.0
    noise: float = 1.0


def scan_volume(
    rng: np.random.Generator,
    codes: NDArray[np.uint8],
    level: NDArray[np.uint8],
    look: Look,
    how: DrawnAcquisition,
) -> tuple[Float, Displacement]:
    """Render whole slices ``[slice, row, column]`` with one palette: for phantoms that are not training windows.

    ``codes`` and ``level`` are ``[slice * planes, row, column]``. MR is scaled to about 0-1000, CT is in HU. Also tells
    by how much marrow is displaced.
    """
    palette = draw_palette(rng, look)
    image = paint(rng, palette, codes, level, how.planes)
    middle = codes[how.planes // 2 :: how.planes]
    marrow = Displacement()
    if look is not Look.CT and rng.random() < 0.4:
        image, marrow = shift_fat(rng, palette, middle, image)
    image = blur(rng, image, look, how.pixel_mm)
    seed = int(rng.integers(1 << 30))
    finish = ct_finish if look is Look.CT else mr_finish
    clean = finish(np.random.default_rng(seed), image, middle)
    if how.noise != 1.0:
        spread = 30.0 if look is Look.CT else 0.04
        shape = (image.shape[0], image.shape[1], image.shape[2])
        clean = clean + np.float32(spread * max(how.noise - 1, 0)) * noise(rng, shape, 0)
    return np.asarray(clean if look is Look.CT else 1000 * clean, dtype=np.float32), marrow


def paint(
    rng: np.random.Generator, palette: Palette, codes: NDArray[np.uint8], level: NDArray[np.uint8], planes: int = 1
) -> Float:
    """Mean and texture of every pixel of slices of ``planes`` planes; marrow differs a little by level, nuclei fade
    by level."""
    mean = palette.mean.copy()
    image = mean[codes]
    marrow = codes == Tissue.BODY_MARROW
    image[marrow] += palette.marrow_offset[level[marrow]]
    nucleus = codes == Tissue.NUCLEUS
    mix = palette.disc_mix[level[nucleus]]
    image[nucleus] = mix * mean[Tissue.NUCLEUS] + (1 - mix) * mean[Tissue.ANNULUS]
    image = _mean_of(image, planes)
    amount = palette.texture[codes[planes // 2 :: planes]]
    shape = (image.shape[0], image.shape[1], image.shape[2])
    grains = rng.dirichlet([1.0, 1.0, 1.0])
    for grain in (1, 2, 3):
        image += (amount * np.float32(1.6 * grains[grain - 1])) * noise(rng, shape, grain)
    return image


def _mean_of(image: Float, planes: int) -> Float:
    """Partial volume: ``[slice * planes, row, column]`` to the mean of every slice."""
    if planes == 1:
        return image
    return np.asarray(image.reshape(-1, planes, *image.shape[1:]).mean(axis=1), dtype=np.float32)


def _average_slices(rng: np.random.Generator, image: Float) -> Float:
    """Cross-talk: slices hold a part of their neighbours."""
    if len(image) < 3 or rng.random() < 0.4:
        return image
    share = float(rng.uniform(0, 0.25))
    middle = (1 - 2 * share) * image[1] + share * (image[0] + image[2])
    sides = [(1 - share) * image[k] + share * image[1] for k in (0, 2)]
    return np.stack([sides[0], middle, sides[1]])


def blur(rng: np.random.Generator, image: Float, look: Look, pixel_mm: float = 1.0) -> Float:
    """Point-spread of the scanner, sometimes coarse, sometimes different along the two axes."""
    base = (rng.uniform(0.25, 0.9) if rng.random() < 0.75 else rng.uniform(0.8, 1.8)) / pixel_mm
    ratio = np.exp(rng.normal(0, 0.25)) if look is not Look.CT else 1.0
    image = ndimage.gaussian_filter1d(image, base * ratio, axis=1, truncate=2.5, mode="nearest")
    return np.asarray(ndimage.gaussian_filter1d(image, base / ratio, axis=2, truncate=2.5, mode="nearest"))


def _reformat(rng: np.random.Generator, image: Float) -> Float:
    """A sagittal reformation of an axial or coronal acquisition: thick slices along rows or columns, interpolated."""
    axis = 1 if rng.random() < 0.65 else 2
    thickness = float(np.exp(rng.uniform(np.log(1.8), np.log(6.0))))
    weights = thick_slices(image.shape[axis], thickness, float(rng.uniform(0, thickness)))
    moved = np.tensordot(weights, image, axes=(1, axis))
    return np.ascontiguousarray(np.moveaxis(moved, 0, axis), dtype=np.float32)


def thick_slices(size: int, thickness: float, first: float) -> Float:
    """Weights ``[size, size]`` that average ``size`` pixels over slices of ``thickness`` pixels (the first centred at
    ``first``) and interpolate linearly between the slices' centres."""
    centres = np.arange(first, size, thickness)
    place = np.arange(size)
    covered = np.clip(thickness / 2 + 0.5 - np.abs(place[None, :] - centres[:, None]), 0, 1)
    covered /= covered.sum(axis=1, keepdims=True)
    at = np.interp(place, centres, np.arange(len(centres)))
    between = np.clip(1 - np.abs(at[:, None] - np.arange(len(centres))[None, :]), 0, 1)
    return np.asarray(between @ covered, dtype=np.float32)


def _metal(codes: NDArray[np.uint8]) -> NDArray[np.bool_] | None:
    metal = (codes == Tissue.METAL_SCREW) | (codes == Tissue.METAL_ROD)
    return metal if metal.any() else None


def mr_finish(rng: np.random.Generator, image: Float, codes: NDArray[np.uint8]) -> Float:
    """Signal voids around metal, shading of the coil, saturation bands, ghosts and Rician noise."""
    rows, columns = image.shape[1:]
    metal = _metal(codes)
    if metal is not None:
        halo = ndimage.gaussian_filter(metal.astype(np.float32), (0, 5, 5)) * rng.uniform(1.5, 5)
        edge = np.clip(halo * 2, 0, 1) * np.clip(1.2 - halo, 0, 1)
        image = image * np.clip(1 - halo, 0, 1) + edge * np.float32(rng.uniform(0, 0.6))
    shading = np.exp(smooth_field(rng, (rows, columns), 4, float(rng.uniform(0, 0.35))))
    if rng.random() < 0.5:
        reach = float(rng.uniform(70, 260))
        shading = shading * np.exp((np.arange(columns, dtype=np.float32)[None, :] - columns) / reach)
    image = image * shading
    if rng.random() < 0.25:
        slope, cut = rng.normal(0, 0.25), columns * rng.uniform(0.05, 0.4)
        line = cut + slope * (np.arange(rows)[:, None] - rows / 2) - np.arange(columns)[None, :]
        image = image * (1 - np.clip(line / 4, 0, 1) * rng.uniform(0.5, 0.95)).astype(np.float32)
    if rng.random() < 0.15:
        image = image + np.float32(rng.uniform(0.02, 0.12)) * np.roll(image, int(rng.integers(8, 60)), axis=2)
    sigma = np.float32(np.exp(rng.uniform(np.log(0.004), np.log(0.09))))
    grain = int(rng.choice([0, 0, 1]))
    shape = (image.shape[0], rows, columns)
    real = image + sigma * noise(rng, shape, grain)
    return np.asarray(np.sqrt(real**2 + (sigma * noise(rng, shape, grain)) ** 2), dtype=np.float32)


def ct_finish(rng: np.random.Generator, image: Float, codes: NDArray[np.uint8]) -> Float:
    """Streaks of metal, and noise."""
    shape = (image.shape[0], image.shape[1], image.shape[2])
    metal = _metal(codes)
    if metal is not None:
        smear = ndimage.uniform_filter1d(metal.astype(np.float32), int(rng.integers(20, 70)), axis=2)
        image = image - np.float32(rng.uniform(300, 2500)) * smear * (rng.random() < 0.7)
        image = image + np.float32(rng.uniform(100, 900)) * smear * noise(rng, shape, 1)
    sigma = np.float32(np.exp(rng.uniform(np.log(4), np.log(90))))
    return np.asarray(image + sigma * noise(rng, shape, int(rng.choice([0, 1, 1]))), dtype=np.float32)


def draw_padding(rng: np.random.Generator, outside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where the image has no measurement: outside the drawing, and now and then a frame (a small field of view)."""
    padding = outside.copy()
    if rng.random() < 0.5:
        rows, columns = padding.shape
        top, bottom = (int(rng.uniform(0, 0.36) * rows * (rng.random() < 0.6)) for _ in range(2))
        front, back = (int(rng.uniform(0, 0.3) * columns * (rng.random() < 0.6)) for _ in range(2))
        padding[:top] = True
        padding[rows - bottom :] = True
        padding[:, :front] = True
        padding[:, columns - back :] = True
    return padding


def normalise(rng: np.random.Generator, image: Float, padding: NDArray[np.bool_], look: Look) -> Float:
    """CT window or MR percentiles, as the adapter does it, with some freedom."""
    if look is Look.CT:
        low, high = -200.0, 800.0
        if rng.random() < 0.25:
            low, high = rng.uniform(-300, -50), rng.uniform(400, 1200)
        return np.asarray(np.clip((image - low) / (high - low), 0, 1), dtype=np.float32)
    seen = image[:, ~padding][:, ::17]
    if seen.size < 50:
        return np.zeros_like(image)
    low, high = np.percentile(seen, [0.5 + rng.uniform(0, 0.5), 99.5 + rng.uniform(-2.0, 0.4)])
    scaled = np.clip((image - low) / max(high - low, 1e-3), 0, 1)
    if rng.random() < 0.5:
        scaled = scaled ** np.float32(np.exp(rng.normal(0, 0.25)))
    return np.asarray(scaled, dtype=np.float32)
