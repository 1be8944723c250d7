"""The closed form of vertebral bodies: signed depth below the surface for points in a body's own frame."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from trabecula.domain.spine import Level
from trabecula.phantom.anatomy_types import Array, BodyShape, BodyTruth, Vertebra


def linear_half_height(body: BodyShape, y: Array) -> Array:
    """Half the distance of the rim lines of both endplates at depth ``y`` (mm, posterior positive)."""
    eta = np.clip(y / np.float32(body.depth / 2), -1.3, 1.3)
    mean = (body.height_anterior + body.height_posterior) / 4
    slope = (body.height_posterior - body.height_anterior) / 4
    return np.asarray(mean + slope * eta, dtype=np.float32)


def footprint(body: BodyShape, x: Array, y: Array, shrink: Array | float = 1.0, extra_mm: Array | float = 0.0) -> Array:
    """The normalised radius of the outline seen from above: 1 on the wall, smaller inside.

    ``shrink`` scales the outline (the waist), ``extra_mm`` widens it (osteophytes, bulging discs).
    """
    half_width = np.float32(body.width / 2) * shrink + extra_mm
    side = np.abs(x) / half_width
    back = body.posterior_concavity * np.minimum(1.0, (x / np.float32(0.3 * body.width)) ** 2)
    half_depth = np.where(y > 0, np.float32(body.depth / 2) + back, np.float32(body.depth / 2)) * shrink + extra_mm
    along = np.abs(y) / half_depth
    power = np.where(y > 0, np.float32(body.squareness + 1.2), np.float32(body.squareness))
    return np.asarray((side**power + along**power + 1e-12) ** (1 / power), dtype=np.float32)


def slanted(body: BodyShape, y: Array, share: Array | float) -> Array:
    """Depth coordinates (mm) as they would be without the body's wedge; ``share`` is the way from its upper end (0) to
    its lower (1). The back wall stays, the front wall moves toward it."""
    if not body.wedge:
        return y
    back = np.float32(body.depth / 2)
    return np.asarray(back - (back - y) / (1 - np.float32(body.wedge) * share), dtype=np.float32)


def _lips(body: BodyShape, x: Array, y: Array, z: Array) -> Array:
    """How far osteophytes widen the outline at a point, mm."""
    if not any(body.osteophytes):
        return np.zeros_like(x)
    front_up, front_low, back_up, back_low, left, right = body.osteophytes
    front = np.clip(-2 * y / np.float32(body.depth), 0, 1) ** 2
    back = np.clip(2 * y / np.float32(body.depth), 0, 1) ** 2
    sides = np.clip(np.abs(x) / np.float32(body.width / 2), 0, 1) ** 2 * np.where(x > 0, left, right)
    amount = np.where(z > 0, front * front_up + back * back_up, front * front_low + back * back_low)
    amount = np.maximum(amount, sides)
    reach = np.clip(linear_half_height(body, y) - np.abs(z), 0, None)
    return np.asarray(amount * np.exp(-((reach / 3.5) ** 2)), dtype=np.float32)


def endplates(body: BodyShape, x: Array, y: Array, rho: Array) -> tuple[Array, Array]:
    """Height above the mid-plane of the upper and of the lower endplate over ``(x, y)``, mm (the lower negative)."""
    half = linear_half_height(body, y)
    dome = np.clip(1 - rho**2, 0, 1) * np.float32(body.concavity)
    upper = half - np.float32(body.upper_share) * dome
    lower = -half + np.float32(1 - body.upper_share) * dome
    for side, node_x, node_y, depth, radius in body.nodes:
        pit = depth * np.exp(-((x - node_x) ** 2 + (y - node_y) ** 2) / np.float32(radius**2))
        if side > 0:
            upper = upper - pit
        else:
            lower = lower + pit
    if any(body.osteophytes):
        lip = np.clip((rho - 0.85) / 0.15, 0, 1.5)
        front, back = np.clip(-y, 0, 1), np.clip(y, 0, 1)
        upper = upper + lip * (front * 0.25 * body.osteophytes[0] + back * 0.2 * body.osteophytes[2])
        lower = lower - lip * (front * 0.25 * body.osteophytes[1] + back * 0.2 * body.osteophytes[3])
    return np.asarray(upper, dtype=np.float32), np.asarray(lower, dtype=np.float32)


def body_depth(body: BodyShape, x: Array, y: Array, z: Array) -> tuple[Array, Array, Array]:
    """Depth below the surface (mm, negative outside), depth below the nearer endplate, and the normalised radius."""
    half = np.maximum(linear_half_height(body, y), 1.0)
    zeta = np.clip(z / half, -1, 1)
    y = slanted(body, y, np.asarray((1 - zeta) / 2, dtype=np.float32))
    shrink = 1 - np.float32(body.waist) * (1 - zeta**2)
    rho = footprint(body, x, y, np.asarray(shrink, dtype=np.float32), _lips(body, x, y, z))
    wall = (1 / np.maximum(rho, 0.05) - 1) * np.sqrt(x * x + y * y + 0.01)
    wall = np.where(rho < 0.3, 10.0, wall)
    upper, lower = endplates(body, x, y, rho)
    plate = np.minimum(upper - z, z - lower)
    corner = np.float32(body.corner_mm)
    over_wall, over_plate = corner - wall, corner - plate
    outer = np.sqrt(np.maximum(over_wall, 0) ** 2 + np.maximum(over_plate, 0) ** 2)
    depth = corner - outer - np.minimum(np.maximum(over_wall, over_plate), 0)
    return np.asarray(depth, dtype=np.float32), np.asarray(plate, dtype=np.float32), rho


@lru_cache(maxsize=256)
def body_truth(vertebra: Vertebra) -> BodyTruth:
    """Measure a body in its closed form; raises ValueError for a sacral segment below S1."""
    if vertebra.level is None:
        raise ValueError("only named bodies have a truth")
    body = vertebra.body
    along = np.linspace(-0.9, 0.9, 55, dtype=np.float32) * np.float32(body.depth / 2)
    zero = np.zeros_like(along)
    upper, lower = endplates(body, zero, along, footprint(body, zero, along))
    thirds = [float(part.mean()) for part in np.array_split(upper - lower, 3)]
    step = 0.8
    reach = (body.width / 2 + 8, body.depth / 2 + 8, max(body.height_anterior, body.height_posterior) / 2 + 6)
    axes = [np.arange(-half, half + step, step, dtype=np.float32) for half in reach]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    volume = float((body_depth(body, x.ravel(), y.ravel(), z.ravel())[0] >= 0).sum()) * step**3
    centre, up = vertebra.centre_mm, vertebra.axes[:, 2]
    return BodyTruth(
        level=Level(vertebra.level),
        height_anterior_mm=thirds[0],
        height_middle_mm=thirds[1],
        height_posterior_mm=thirds[2],
        depth_mm=body.depth,
        width_mm=body.width,
        volume_mm3=volume,
        centre_mm=(float(centre[0]), float(centre[1]), float(centre[2])),
        up=(float(up[0]), float(up[1]), float(up[2])),
    )
