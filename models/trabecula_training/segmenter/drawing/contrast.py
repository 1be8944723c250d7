"""Gives every tissue an intensity: fully random contrast, or loose T1w, T2w, STIR and CT priors."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from trabecula.phantom.anatomy.tissue import PhantomTissue as Tissue
from trabecula_training.segmenter.drawing.classes import MARK

Float = NDArray[np.float32]

COUNT = 128
_CLEAR = 0.12
"""Marrow and its rim differ by at least this; in MR cortex is the darker one."""


class Look(StrEnum):
    """The kind of contrast an image gets."""

    RANDOM = "random"
    T1 = "t1"
    T2 = "t2"
    STIR = "stir"
    CT = "ct"


@dataclass(frozen=True, kw_only=True)
class Palette:
    """Per code: mean, texture amplitude, fat fraction (for chemical shift); per level: offsets of marrow and nucleus.

    MR-like palettes lie in about 0-1; CT in HU.
    """

    look: Look
    mean: Float
    texture: Float
    fat: Float
    marrow_offset: Float
    disc_mix: Float


MARROW = (
    Tissue.BODY_MARROW,
    Tissue.POSTERIOR_MARROW,
    Tissue.SACRUM_MARROW,
    Tissue.ILIUM_MARROW,
)
CORTEX = (Tissue.BODY_CORTEX, Tissue.POSTERIOR_CORTEX, Tissue.SACRUM_CORTEX, Tissue.ILIUM_CORTEX)
FATS = (Tissue.SUBCUTANEOUS_FAT, Tissue.VISCERAL_FAT, Tissue.EPIDURAL_FAT, Tissue.MUSCLE_FAT)
MUSCLES = (Tissue.MUSCLE, Tissue.PSOAS)

# (mean, spread) of loose MR priors, relative to the brightest tissue; only the order matters, training widens them.
_MR: dict[Look, dict[str, tuple[float, float]]] = {
    Look.T1: {"fat": (0.85, 0.1), "marrow": (0.5, 0.15), "muscle": (0.32, 0.08), "disc": (0.33, 0.1),
              "csf": (0.13, 0.06), "cord": (0.36, 0.08), "soft": (0.4, 0.15)},
    Look.T2: {"fat": (0.7, 0.15), "marrow": (0.4, 0.15), "muscle": (0.2, 0.07), "disc": (0.45, 0.25),
              "csf": (0.95, 0.08), "cord": (0.42, 0.1), "soft": (0.45, 0.2)},
    Look.STIR: {"fat": (0.1, 0.06), "marrow": (0.22, 0.1), "muscle": (0.25, 0.08), "disc": (0.4, 0.25),
                "csf": (0.95, 0.08), "cord": (0.45, 0.1), "soft": (0.45, 0.2)},
}  # fmt: skip


def _same(mean: Float, names: tuple[Tissue, ...], value: float, rng: np.random.Generator, spread: float) -> None:
    for name in names:
        mean[name] = value + rng.normal(0, spread)


def _mirror_marked(values: Float) -> Float:
    values[MARK:] = values[: COUNT - MARK]
    return values


def draw_look(rng: np.random.Generator) -> Look:
    """Choose a kind of contrast."""
    return Look(str(rng.choice(list(Look), p=[0.30, 0.11, 0.17, 0.12, 0.30])))


def draw_palette(rng: np.random.Generator, look: Look | None = None) -> Palette:
    """Draw one palette."""
    look = look or draw_look(rng)
    if look is Look.CT:
        return _ct(rng)
    mean = rng.uniform(0, 1, COUNT).astype(np.float32)
    if look is Look.RANDOM:
        _same(mean, MARROW, float(rng.uniform(0.05, 1)), rng, 0.05)
        _same(mean, CORTEX, float(rng.uniform(0, 1) if rng.random() < 0.5 else rng.uniform(0, 0.15)), rng, 0.03)
        _same(mean, FATS, float(rng.uniform(0, 1)), rng, 0.06)
        _same(mean, MUSCLES, float(rng.uniform(0, 1)), rng, 0.05)
    else:
        _mr(rng, look, mean)
    if abs(mean[Tissue.BODY_CORTEX] - mean[Tissue.BODY_MARROW]) < _CLEAR:
        if look is Look.RANDOM:
            _same(mean, CORTEX, 0.05 if mean[Tissue.BODY_MARROW] > 0.5 else 0.95, rng, 0.02)
        else:
            _same(mean, MARROW, float(mean[Tissue.BODY_CORTEX] + rng.uniform(1.3, 2.5) * _CLEAR), rng, 0.015)
    texture = (rng.uniform(0, 0.12, COUNT) ** 1.0 * (0.3 + np.abs(mean))).astype(np.float32)
    texture[[Tissue.BOWEL_CONTENT, Tissue.BOWEL_GAS, Tissue.ORGAN]] *= 2.0
    fat = np.zeros(COUNT, np.float32)
    fat[list(FATS)] = 1.0
    fat[list(MARROW)] = rng.uniform(0.2, 0.8)
    return Palette(
        look=look,
        mean=_mirror_marked(np.clip(mean, 0, 1.3)),
        texture=_mirror_marked(texture),
        fat=_mirror_marked(fat),
        marrow_offset=rng.normal(0, 0.05, 256).astype(np.float32),
        disc_mix=rng.uniform(0, 1, 256).astype(np.float32),
    )


def _mr(rng: np.random.Generator, look: Look, mean: Float) -> None:
    prior = {name: float(np.clip(rng.normal(*value), 0.02, 1.2)) for name, value in _MR[look].items()}
    _same(mean, FATS, prior["fat"], rng, 0.06)
    _same(mean, MARROW, prior["marrow"], rng, 0.05)
    _same(mean, MUSCLES, prior["muscle"], rng, 0.04)
    _same(mean, CORTEX, 0.06, rng, 0.04)
    _same(mean, (Tissue.ORGAN, Tissue.KIDNEY, Tissue.BOWEL_WALL, Tissue.LESION, Tissue.MODIC), prior["soft"], rng, 0.15)
    _same(mean, (Tissue.AORTA, Tissue.IVC), 0.08 if rng.random() < 0.7 else 0.6, rng, 0.08)
    _same(mean, (Tissue.AIR, Tissue.BOWEL_GAS), 0.02, rng, 0.015)
    _same(mean, (Tissue.METAL_SCREW, Tissue.METAL_ROD, Tissue.CEMENT), 0.03, rng, 0.02)
    mean[Tissue.LIGAMENT] = rng.uniform(0, 0.25)
    mean[Tissue.NUCLEUS] = prior["disc"]
    mean[Tissue.ANNULUS] = prior["disc"] * rng.uniform(0.2, 1.0)
    mean[Tissue.CSF] = prior["csf"]
    mean[Tissue.FLUID] = prior["csf"]
    mean[Tissue.CORD] = prior["cord"]
    mean[Tissue.ROOTS] = prior["cord"] * rng.uniform(0.7, 1.2)
    mean[Tissue.BASIVERTEBRAL_VEIN] = prior["marrow"] * rng.uniform(0.5, 1.8)
    mean[Tissue.BOWEL_CONTENT] = rng.uniform(0, 1)


def _ct(rng: np.random.Generator) -> Palette:
    """Hounsfield units; marrow from severe osteoporosis to dense."""
    mean = np.full(COUNT, 45.0, dtype=np.float32)
    marrow = float(rng.uniform(10, 320) if rng.random() < 0.6 else rng.uniform(20, 130))
    _same(mean, MARROW, marrow, rng, 15)
    mean[Tissue.POSTERIOR_MARROW] += rng.uniform(0, 200)
    mean[Tissue.ILIUM_MARROW] -= rng.uniform(0, 60)
    _same(mean, CORTEX, float(marrow + rng.uniform(150, 1000)), rng, 60)
    mean[Tissue.POSTERIOR_CORTEX] += rng.uniform(0, 300)
    _same(mean, FATS, float(rng.uniform(-125, -70)), rng, 8)
    _same(mean, MUSCLES, float(rng.uniform(30, 65)), rng, 6)
    values = {
        "AIR": -1000, "SKIN": rng.uniform(0, 60), "BOWEL_WALL": rng.uniform(20, 70), "BOWEL_GAS": -920,
        "BOWEL_CONTENT": rng.uniform(-50, 300) if rng.random() < 0.3 else rng.uniform(0, 60),
        "ORGAN": rng.uniform(40, 120), "FLUID": rng.uniform(0, 15), "KIDNEY": rng.uniform(25, 200),
        "AORTA": rng.choice([45, 150, 250]), "IVC": rng.choice([45, 140]), "LIGAMENT": rng.uniform(40, 110),
        "BASIVERTEBRAL_VEIN": marrow + rng.uniform(-60, 60), "NUCLEUS": rng.uniform(55, 110),
        "ANNULUS": rng.uniform(60, 130), "CSF": rng.uniform(-5, 30), "CORD": rng.uniform(25, 60),
        "ROOTS": rng.uniform(15, 45), "NERVE": rng.uniform(20, 60), "METAL_SCREW": rng.uniform(1800, 3500),
        "METAL_ROD": rng.uniform(1800, 3500), "CEMENT": rng.uniform(700, 2000),
        "LESION": marrow + rng.uniform(-120, 300), "MODIC": marrow + rng.uniform(-30, 250),
    }  # fmt: skip
    for name, value in values.items():
        mean[Tissue[name]] = value
    texture = np.full(COUNT, 6.0, dtype=np.float32)
    texture[list(MARROW)] = rng.uniform(10, 70)
    texture[list(CORTEX)] = rng.uniform(20, 200)
    texture[[Tissue.BOWEL_CONTENT, Tissue.AIR]] = rng.uniform(5, 60)
    zero = np.zeros(COUNT, np.float32)
    return Palette(
        look=Look.CT,
        mean=_mirror_marked(mean),
        texture=_mirror_marked(texture),
        fat=zero,
        marrow_offset=rng.normal(0, 15, 256).astype(np.float32),
        disc_mix=rng.uniform(0, 1, 256).astype(np.float32),
    )
