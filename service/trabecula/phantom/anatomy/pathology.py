"""Draws what wears and breaks: degeneration, osteophytes, Schmorl nodes, fractures, implants, focal lesions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from trabecula.domain.spine import Level
from trabecula.phantom.anatomy_types import BodyShape, Disc, Fracture, FractureKind, SpineOptions


def draw_degeneration(rng: np.random.Generator, mean: float) -> float:
    """Degeneration of one disc (0 to 1) around that of the spine."""
    return float(np.clip(rng.normal(mean * 0.75, 0.27), 0, 1))


def draw_fractures(
    rng: np.random.Generator, levels: Sequence[Level], age: float, options: SpineOptions
) -> tuple[Fracture, ...]:
    """The fractures asked for, or random ones, more with age. Raises ValueError for a level that is not there."""
    if options.fractures is not None:
        for fracture in options.fractures:
            if fracture.level not in levels:
                raise ValueError(f"this spine has no {fracture.level}")
        return options.fractures
    if options.healthy:
        return ()
    chance = 0.02 + 0.10 * max(age - 45, 0) / 40
    kinds = list(FractureKind)
    return tuple(
        Fracture(level, kinds[int(rng.choice(3, p=[0.5, 0.33, 0.17]))], float(rng.uniform(0.12, 0.6)))
        for level in levels
        if rng.random() < chance
    )


def deform(body: BodyShape, fracture: Fracture, rng: np.random.Generator) -> BodyShape:
    """Return the body after the fracture: heights lowered, the upper endplate taking most of it."""
    keep = 1 - fracture.loss
    front, middle, back = {
        FractureKind.WEDGE: (keep, 1 - 0.55 * fracture.loss, 1.0),
        FractureKind.BICONCAVE: (1 - 0.1 * fracture.loss, keep, 1.0),
        FractureKind.CRUSH: (keep * 0.95, keep * 0.95, keep),
    }[fracture.kind]
    return replace(
        body,
        height_anterior=max(body.height_anterior * front, 6.0),
        height_middle=max(body.height_middle * middle, 4.0),
        height_posterior=max(body.height_posterior * back, 6.0),
        depth=body.depth * (1 + 0.12 * fracture.loss),
        upper_share=float(rng.uniform(0.5, 0.85)),
    )


def draw_nodes(
    rng: np.random.Generator, body: BodyShape, degeneration: float, healthy: bool
) -> tuple[tuple[float, float, float, float, float], ...]:
    """Schmorl nodes of a body: side, x, y, depth, radius."""
    if healthy or rng.random() > 0.06 + 0.14 * degeneration:
        return ()
    return tuple(
        (
            float(rng.choice([-1.0, 1.0])),
            float(rng.uniform(-0.25, 0.25) * body.width),
            float(rng.uniform(-0.3, 0.3) * body.depth),
            float(rng.uniform(2, 7)),
            float(rng.uniform(3, 7)),
        )
        for _ in range(int(rng.integers(1, 3)))
    )


def draw_osteophytes(
    rng: np.random.Generator,
    bodies: Sequence[BodyShape],
    gaps_mm: Sequence[float],
    grades: Sequence[float],
    first: int,
    healthy: bool,
) -> list[BodyShape]:
    """Return the bodies with lips at both sides of worn discs (some nearly bridge them); ``first`` is S1's index."""
    lips = np.zeros((len(bodies), 6))
    for k in range(first, len(bodies) - 1):
        if healthy or rng.random() > 0.25 + 0.6 * grades[k]:
            continue
        size = rng.uniform(0.5, 2.5) + grades[k] * rng.exponential(2.5)
        front, back = min(size, 9.0), min(size * rng.uniform(0, 0.4), 3.0)
        lips[k, 0], lips[k + 1, 1] = front * rng.uniform(0.4, 1.2), front * rng.uniform(0.4, 1.2)
        lips[k, 2], lips[k + 1, 3] = back * rng.uniform(0.4, 1.2), back * rng.uniform(0.4, 1.2)
        sides = rng.uniform(0, 1.0, 2) * min(size, 6.0)
        lips[k, 4:], lips[k + 1, 4:] = np.maximum(lips[k, 4:], sides), np.maximum(lips[k + 1, 4:], sides)
    return [
        replace(body, osteophytes=(float(a), float(b), float(c), float(d), float(e), float(f)))
        for body, (a, b, c, d, e, f) in zip(bodies, lips, strict=True)
    ]


def draw_disc(rng: np.random.Generator, grade: float, gap_mm: float) -> Disc:
    """The disc of a given degeneration and rim height."""
    slipped = rng.random() < 0.15 + 0.35 * grade
    return Disc(
        bulge_mm=float(rng.uniform(-0.6, 1.0) + 2.0 * grade * rng.random()),
        protrusion_mm=float(rng.uniform(2, 7)) if slipped else 0.0,
        protrusion_side_mm=float(rng.uniform(-9, 9)),
        nucleus=float(rng.uniform(0.5, 0.75)),
        degeneration=grade,
        vacuum=bool(grade > 0.7 and gap_mm > 2 and rng.random() < 0.35),
    )


def draw_levels(
    rng: np.random.Generator,
    asked: tuple[Level, ...] | None,
    levels: Sequence[Level | None],
    chance: float,
    together: bool,
) -> frozenset[Level]:
    """Levels with implants: those asked for, or a random run (``together``) or single ones.

    Raises ValueError for a level that is not there.
    """
    there = [level for level in levels if level is not None]
    if asked is not None:
        for level in asked:
            if level not in there:
                raise ValueError(f"this spine has no {level}")
        return frozenset(asked)
    if rng.random() >= chance:
        return frozenset()
    start = int(rng.integers(0, 5))
    return frozenset(there[start : start + int(rng.integers(2, 5))] if together else there[start + 1 : start + 2])


def draw_lesion(rng: np.random.Generator, body: BodyShape) -> tuple[float, float, float, float] | None:
    """A focal lesion now and then: centre in the body's frame and radius."""
    if rng.random() > 0.05:
        return None
    x, y, z = rng.uniform(-0.3, 0.3, 3) * (body.width, body.depth, body.height_middle)
    return float(x), float(y), float(z), float(rng.uniform(3, 9))


def draw_modic(rng: np.random.Generator, degeneration: float) -> tuple[float, float]:
    """Thickness of Modic change at the upper and lower endplate, mm."""
    upper, lower = (rng.uniform(2, 7) if rng.random() < 0.22 * degeneration else 0.0 for _ in range(2))
    return float(upper), float(lower)
