"""Draws what lies around a spine: the torso's outline, muscles, vessels, organs and gut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trabecula.phantom.anatomy.tissue import PhantomTissue
from trabecula.phantom.anatomy_types import Blob, Torso, Vertebra


def draw_torso(rng: np.random.Generator, vertebrae: Sequence[Vertebra], s1: int, age_years: float) -> Torso:
    """Draw the surroundings; ``s1`` is the index of S1 in the chain."""
    lumbar_top = next(k for k, v in enumerate(vertebrae) if k > s1 and v.segment != vertebrae[s1 + 1].segment)
    return Torso(
        half_width=float(rng.uniform(135, 190)),
        front_mm=float(rng.uniform(70, 170)),
        back_fat=float(rng.uniform(4, 45)),
        side_fat=float(rng.uniform(8, 35)),
        psoas_scale=float(rng.uniform(0.75, 1.3)),
        muscle_depth=float(rng.uniform(28, 45)),
        muscle_fat=float(np.clip(rng.normal((age_years - 20) / 120, 0.15), 0.02, 0.7)),
        aorta_radius=float(rng.uniform(7, 12)),
        aorta_side=float(rng.uniform(-4, 16)),
        ivc_radius=float(rng.uniform(7, 13)),
        conus=float(lumbar_top - 1 + rng.normal(0, 0.6)),
        sac_end=float(s1 - 1 + rng.normal(0, 0.5)),
        cord_radius=float(rng.uniform(3.2, 5.0)),
        front_fat=float(rng.uniform(0.0, 7.5)),
        blobs=_blobs(rng, vertebrae[s1].centre_mm[2], vertebrae[s1].centre_mm[1]),
        texture_phase=float(rng.uniform(0, 100)),
    )


def _blobs(rng: np.random.Generator, z_s1: float, y_s1: float) -> tuple[Blob, ...]:
    """Gut loops, organs, kidneys and pelvic contents as ellipsoids; later ones lie over earlier ones."""
    blobs: list[Blob] = []
    for side in (-1.0, 1.0):
        centre = (side * rng.uniform(48, 68), rng.uniform(0, 28), rng.uniform(20, 75))
        kidney = PhantomTissue.KIDNEY
        blobs.append(_blob(centre, rng.uniform((22, 22, 45), (32, 30, 62)), kidney, kidney, 0.0))
    if rng.random() < 0.8:
        liver = (rng.uniform(-110, -60), rng.uniform(-80, -10), rng.uniform(60, 150))
        blobs.append(
            _blob(liver, rng.uniform((50, 45, 50), (80, 80, 90)), PhantomTissue.ORGAN, PhantomTissue.ORGAN, 0.0)
        )
    for _ in range(int(rng.integers(10, 30))):
        gut = PhantomTissue.BOWEL_GAS if rng.random() < 0.3 else PhantomTissue.BOWEL_CONTENT
        centre = (rng.uniform(-110, 110), rng.uniform(-150, -45), rng.uniform(z_s1 - 60, 130))
        radii = rng.uniform(8, 26) * rng.uniform(0.7, 1.5, 3)
        blobs.append(_blob(centre, radii, gut, PhantomTissue.BOWEL_WALL, rng.uniform(1.5, 4)))
    pelvic = (PhantomTissue.FLUID, PhantomTissue.ORGAN, PhantomTissue.BOWEL_CONTENT, PhantomTissue.BOWEL_GAS)
    for _ in range(int(rng.integers(1, 4))):
        inside = pelvic[int(rng.integers(0, len(pelvic)))]
        centre = (rng.uniform(-30, 30), y_s1 + rng.uniform(-75, -25), z_s1 + rng.uniform(-95, -35))
        wall = PhantomTissue.BOWEL_WALL
        blobs.append(_blob(centre, rng.uniform((18, 14, 14), (45, 40, 40)), inside, wall, rng.uniform(2, 5)))
    return tuple(blobs)


def _blob(
    centre: tuple[float, float, float],
    radii: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    inside: PhantomTissue,
    wall: PhantomTissue,
    wall_mm: float,
) -> Blob:
    x, y, z = (float(value) for value in centre)
    return Blob(
        centre_mm=(x, y, z),
        radii_mm=(float(radii[0]), float(radii[1]), float(radii[2])),
        inside=int(inside),
        wall=int(wall),
        wall_mm=float(wall_mm),
    )
