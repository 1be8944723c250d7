"""How acquisitions differ between the patients of a hospital: protocols drawn around a base, by data/phantom.toml."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from trabecula.phantom.protocols import CtProtocol, MrProtocol, MrSequence, Weighting
from trabecula.phantom.tables import entry


def varied_ct(base: CtProtocol, rng: np.random.Generator) -> CtProtocol:
    """Return ``base`` with another tube voltage, slice, pixel and noise; the field of view stays."""
    table = entry("variety", "ct")
    thickness = _one_of(table["thickness_mm"], rng)
    pixel = round(float(rng.uniform(*table["pixel_mm"]["value"])), 3)
    return replace(
        base,
        kvp=int(_one_of(table["kvp"], rng)),
        thickness_mm=thickness,
        increment_mm=round(thickness * _one_of(table["increment_share"], rng), 3),
        pixel_mm=pixel,
        matrix=_matrix(base.matrix, base.pixel_mm / pixel),
        noise_factor=_around_one(table["noise_log_sd"]["value"], rng),
    )


def varied_mr(base: MrProtocol, rng: np.random.Generator) -> MrProtocol:
    """Return ``base`` with other slices, pixels, noise, shading and times; the field of view and the scanner stay.

    TR and TE move around the scanner's own, by sequence; an inversion time stays.
    """
    table = entry("variety", "mr")
    pixel = round(float(rng.uniform(*table["pixel_mm"]["value"])), 3)
    return replace(
        base,
        thickness_mm=_one_of(table["thickness_mm"], rng),
        gap_mm=_one_of(table["gap_mm"], rng),
        pixel_mm=pixel,
        matrix=_matrix(base.matrix, base.pixel_mm / pixel),
        snr_factor=_around_one(table["snr_log_sd"]["value"], rng),
        coil_bias=round(float(rng.uniform(*table["coil_bias"]["value"])), 3),
        sequences=tuple(_varied_times(base, sequence, rng) for sequence in base.sequences),
    )


def _varied_times(base: MrProtocol, sequence: MrSequence, rng: np.random.Generator) -> MrSequence:
    table = entry("variety", "mr")
    repetition, echo, _ = base.times(sequence)
    narrow = sequence.weighting is Weighting.T1
    share = float(table["repetition_share_t1" if narrow else "repetition_share_t2"]["value"])
    return replace(
        sequence,
        repetition_ms=float(round(repetition * rng.uniform(1 - share, 1 + share))),
        echo_ms=round(float(echo * rng.uniform(1 - share / 2, 1 + share / 2)), 1),
    )


def _matrix(base: tuple[int, int], factor: float) -> tuple[int, int]:
    """Rows and columns, even, of the same field of view."""
    return 2 * round(base[0] * factor / 2), 2 * round(base[1] * factor / 2)


def _one_of(row: dict[str, list[float]], rng: np.random.Generator) -> float:
    shares = np.array(row["shares"], dtype=np.float64)
    return float(row["value"][int(rng.choice(len(shares), p=shares / shares.sum()))])


def _around_one(log_sd: float, rng: np.random.Generator) -> float:
    """A factor around 1, within two deviations."""
    return round(float(np.exp(np.clip(rng.normal(), -2, 2) * log_sd)), 3)
