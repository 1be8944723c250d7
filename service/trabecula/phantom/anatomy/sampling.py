"""Draws one spine at random: sizes, curvature, degeneration, fractures, implants, as a chain of placed vertebrae."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from trabecula.data import data_file
from trabecula.domain.spine import Level
from trabecula.phantom.anatomy.pathology import (
    deform,
    draw_degeneration,
    draw_disc,
    draw_fractures,
    draw_lesion,
    draw_levels,
    draw_modic,
    draw_nodes,
    draw_osteophytes,
)
from trabecula.phantom.anatomy.torso import draw_torso
from trabecula.phantom.anatomy_types import (
    Array,
    BodyShape,
    Disc,
    Fracture,
    PosteriorShape,
    Segment,
    Sex,
    Spine,
    SpineOptions,
    Vertebra,
)

_THORACIC = 5
_SACRAL = 5
_TABLE = data_file("phantom_anatomy.toml")


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What holds for the whole spine while it is drawn."""

    sex: Sex
    scale: float
    degeneration: float
    lumbar_count: int
    spread: float
    healthy: bool
    sacral_disc: float


def _levels(lumbar_count: int) -> list[Level | None]:
    """Levels from caudal to cranial: S5-S2 without a name, S1, the lumbar ones, then thoracic ones."""
    lumbar = [Level(Level.L1.value + k) for k in range(lumbar_count)][::-1]
    thoracic = [Level(Level.T12.value - k) for k in range(_THORACIC)]
    return [None] * (_SACRAL - 1) + [Level.S1, *lumbar, *thoracic]


def _column(level: Level | None, lumbar_count: int) -> tuple[float, float]:
    """Where a level stands in the lists of the table (T12 first) and how many levels above T12 it lies."""
    if level is None or level is Level.S1:
        return 6.0, 0.0
    if level.value <= Level.T12.value:
        return 0.0, float(Level.T12.value - level.value)
    return float(np.interp(level.value - Level.L1.value, [0, lumbar_count - 1], [1, 5])), 0.0


def _value(section: str, key: str, column: float) -> float:
    return float(np.interp(column, np.arange(7), _TABLE[section][key]))


def _draw_body(rng: np.random.Generator, plan: _Plan, level: Level | None, below_s1: int) -> BodyShape:
    """Draw one body's shape, without fracture."""
    rules = _TABLE["body"]
    column, above = _column(level, plan.lumbar_count)
    sex, spread, scale = plan.sex.value, plan.spread, plan.scale
    taper = _taper(plan, (1.0, 0.82, 0.68, 0.56, 0.45), below_s1)
    common = rng.normal(0, rules["height_sd"] * 0.5 * spread)
    front = (_value(sex, "anterior_height", column) - above * rules["thoracic_step"]) * taper * scale + common
    back = (_value(sex, "posterior_height", column) - above * rules["thoracic_step"]) * taper * scale + common
    front += rng.normal(0, 0.7 * spread)
    back += rng.normal(0, 0.7 * spread)
    depth_taper = _taper(plan, (1.0, 0.72, 0.55, 0.42, 0.33), below_s1)
    depth = (_value(sex, "depth", column) - 0.8 * above) * depth_taper * scale
    width = (_value(sex, "width", column) - 1.6 * above) * taper * scale
    dome = rng.uniform(*rules["dome"]) * (0.5 + 0.9 * plan.degeneration) if below_s1 == 0 else 0.3
    return BodyShape(
        height_anterior=max(front, 5.0),
        height_middle=max((front + back) / 2 - 2 * dome * 0.75, 4.0),
        height_posterior=max(back, 5.0),
        depth=max(depth + rng.normal(0, 0.5 * spread) * depth_taper, 8.0),
        width=max(width + rng.normal(0, 0.6 * spread), 12.0),
        waist=rng.uniform(*rules["waist"]) * (1 if below_s1 == 0 and level is not Level.S1 else 0.4),
        upper_share=rng.uniform(0.35, 0.6),
        corner_mm=rng.uniform(1.2, 4.0),
        cortex_mm=rng.uniform(0.6, 1.0 + 0.6 * spread),
        endplate_mm=rng.uniform(0.6, 1.0 + 0.6 * spread),
        squareness=rng.uniform(2.1, 2.9),
        posterior_concavity=rng.uniform(0.3, 2.6),
    )


def _taper(plan: _Plan, sizes: tuple[float, ...], below_s1: int) -> float:
    """Size of a sacral body as a share of S1's; with a disc above it, S2 has kept more of its size."""
    size = sizes[below_s1]
    return size + (1 - size) * 0.7 * plan.sacral_disc if below_s1 == 1 else size


def _draw_posterior(rng: np.random.Generator, plan: _Plan, level: Level | None, below_s1: int) -> PosteriorShape:
    column, _ = _column(level, plan.lumbar_count)
    canal, spread = _TABLE["canal"], plan.spread
    shrink = (1.0, 0.75, 0.5, 0.35, 0.25)[below_s1]
    thoracic = level is not None and level.value <= Level.T12.value
    return PosteriorShape(
        pedicle_height=_value("pedicle", "height", column) * plan.scale * rng.uniform(0.88, 1.12),
        pedicle_width=_value("pedicle", "width", column) * plan.scale * rng.uniform(0.85, 1.15),
        canal_depth=(_value("canal", "depth", column) + rng.normal(0, canal["depth_sd"] * 0.4 * spread)) * shrink,
        canal_width=(_value("canal", "width", column) + rng.normal(0, canal["width_sd"] * 0.4 * spread)) * shrink,
        spinous_length=rng.uniform(22, 34) * plan.scale * (0.6 if level is Level.S1 else 1.0),
        spinous_height=rng.uniform(14, 22) * plan.scale * (0.5 if thoracic else 1.0),
        drop=rng.uniform(14, 24) if thoracic else rng.uniform(0, 9),
        transverse_length=rng.uniform(16, 28) * plan.scale,
        facet_mm=rng.uniform(5.0, 8.0) * (1 + 0.35 * plan.degeneration),
        cortex_mm=rng.uniform(0.7, 1.6),
    )


def _tilts(
    rng: np.random.Generator, options: SpineOptions, bodies: list[BodyShape], discs: list[tuple[float, float]], s1: int
) -> list[float]:
    """Forward tilt (degrees) of every body of the chain, from lordosis, sacral slope, wedges of bodies and discs."""
    rules = _TABLE["lordosis"]
    lordosis = options.lordosis_deg
    if lordosis is None:
        lordosis = float(np.clip(rng.normal(rules["mean"], rules["sd"] * options.variability), 8, 85))
    slope = rules["sacral_slope_mean"] + rules["correlation"] * rules["sacral_slope_sd"] / rules["sd"] * (
        lordosis - rules["mean"]
    )
    slope += rng.normal(0, rules["sacral_slope_sd"] * 0.7 * options.variability)
    wedge = [float(np.degrees(np.arctan2(b.height_anterior - b.height_posterior, b.depth))) for b in bodies]
    angle = [float(np.degrees(np.arctan2(d[0] - d[1], bodies[k].depth))) for k, d in enumerate(discs)]
    lumbar = range(s1, len(bodies) - _THORACIC - 1)
    given = sum(wedge[k + 1] for k in lumbar) + sum(angle[k] for k in lumbar)
    missing = (lordosis - given) / max(len(lumbar), 1)
    tilt = [0.0] * len(bodies)
    tilt[s1] = float(np.clip(slope, 5, 68)) - wedge[s1] / 2
    for k in range(s1, len(bodies) - 1):
        turn = wedge[k] / 2 + angle[k] + wedge[k + 1] / 2 + (missing if k in lumbar else 0.0)
        if k not in lumbar:
            turn -= 3.0 + rng.normal(0, 0.8)
        gap = (discs[k][0] + discs[k][1]) / 2
        most = float(np.degrees(np.arctan2(2 * max(gap - 1.0, 0.1), bodies[k].depth)))
        turn = wedge[k] / 2 + wedge[k + 1] / 2 + float(np.clip(turn - wedge[k] / 2 - wedge[k + 1] / 2, -most, most))
        tilt[k + 1] = tilt[k] - turn
    for k in range(s1, 0, -1):
        tilt[k - 1] = tilt[k] - rng.uniform(4, 20)
    return tilt


def _frame(tilt_deg: float, lean_deg: float, turn_deg: float) -> Array:
    """Axes (left, posterior, up as columns) of a body tilted forward, leaning to the left and turned about its axis."""
    t, s, r = np.radians([tilt_deg, lean_deg, turn_deg])
    forward = np.array([[1, 0, 0], [0, np.cos(t), -np.sin(t)], [0, np.sin(t), np.cos(t)]])
    lean = np.array([[np.cos(s), 0, np.sin(s)], [0, 1, 0], [-np.sin(s), 0, np.cos(s)]])
    turn = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray(lean @ forward @ turn, dtype=np.float32)


def _leans(rng: np.random.Generator, options: SpineOptions, count: int, s1: int) -> tuple[list[float], float]:
    """Sideways lean (degrees) of every body for a curve of the given Cobb angle, and that angle."""
    cobb = options.scoliosis_deg
    if cobb is None:
        mild = abs(rng.normal(0, 4))
        cobb = float(mild if options.healthy or rng.random() < 0.75 else rng.uniform(8, 40))
    sign = 1 if rng.random() < 0.5 else -1
    apex, length = rng.uniform(s1 + 2, s1 + 5), rng.uniform(5.5, 9)
    place = (np.arange(count) - apex) / length
    lean = sign * cobb * 0.5 * np.sin(2 * np.pi * np.clip(place, -0.75, 0.75)) + rng.normal(0, 0.7, count)
    lean[: s1 + 1] = lean[s1] * 0.5
    return [float(value) for value in lean], cobb


def _disc_heights(
    rng: np.random.Generator, plan: _Plan, level: Level | None, below_s1: int
) -> tuple[float, float, float]:
    """Anterior and posterior height of the disc above a level (mm), and its degeneration."""
    column, above = _column(level, plan.lumbar_count)
    grade = draw_degeneration(rng, plan.degeneration)
    factor = float(np.clip(rng.normal(1, _TABLE["disc"]["relative_sd"] * plan.spread), 0.6, 1.6)) * plan.scale
    factor *= 1 - 0.8 * max(grade - 0.35, 0) / 0.65 - 0.03 * above
    if level is None:
        factor *= max(0.15, plan.sacral_disc if below_s1 == 1 else 0.0)
    front, back = _value("disc", "anterior", column), _value("disc", "posterior", column)
    middle = max(_value("disc", "middle", column) * factor - 2.0, 0.9 if level is None else 1.3)
    ratio = 2 * middle / (front + back)
    return front * ratio * rng.uniform(0.9, 1.1), back * ratio * rng.uniform(0.9, 1.1), grade


def _sacral_disc(plan: _Plan, below_s1: int) -> Disc:
    """The disc between sacral bodies: a remnant within bone, unless S1 and S2 have kept theirs."""
    kept = plan.sacral_disc > 0 and below_s1 == 1
    return Disc(
        bulge_mm=0.0,
        protrusion_mm=0.0,
        protrusion_side_mm=0.0,
        nucleus=0.5,
        degeneration=0.6,
        fused_from=1.0 if kept else 0.75,
    )


def sample_spine(
    rng: np.random.Generator,
    *,
    sex: Sex | None = None,
    age_years: float | None = None,
    options: SpineOptions | None = None,
) -> Spine:
    """Draw one spine; the same generator state and arguments give the same spine.

    Raises ValueError when a fracture, screw or cement is asked for at a level this spine does not have.
    """
    options = _with_sacrum(rng, options or SpineOptions())
    sex = sex or (Sex.FEMALE if rng.random() < 0.6 else Sex.MALE)
    age = float(rng.uniform(25, 88)) if age_years is None else age_years
    degeneration = options.degeneration
    if degeneration is None:
        worn = np.clip(rng.normal((age - 25) / 75, 0.25), 0, 1)
        degeneration = 0.1 if options.healthy else float(worn)
    count = options.lumbar_count or (5 if options.healthy else int(rng.choice([4, 5, 6], p=[0.04, 0.91, 0.05])))
    scale = options.scale or float(np.clip(rng.normal(1, 0.06 * options.variability), 0.8, 1.25))
    plan = _Plan(
        sex=sex,
        scale=scale,
        degeneration=degeneration,
        lumbar_count=count,
        spread=options.variability,
        healthy=options.healthy,
        sacral_disc=options.sacral_disc,
    )
    levels = _levels(count)
    s1 = _SACRAL - 1
    named = tuple(level for level in levels if level is not None and level is not Level.S1)
    fractures = draw_fractures(rng, named, age, options)
    return _assemble(rng, plan, options=options, levels=levels, fractures=fractures, age=age, s1=s1)


def _with_sacrum(rng: np.random.Generator, options: SpineOptions) -> SpineOptions:
    """The options with a wedge of S1, drawn beside the spine's own stream so that nothing else depends on it."""
    if options.sacral_wedge is not None:
        return options
    aside = np.random.default_rng(int(deepcopy(rng).integers(2**63)))
    rules = _TABLE["sacrum"]
    wedge = float(np.clip(aside.normal(rules["wedge_mean"], rules["wedge_sd"]), *rules["wedge_limits"]))
    return replace(options, sacral_wedge=wedge)


def _assemble(
    rng: np.random.Generator,
    plan: _Plan,
    options: SpineOptions,
    levels: list[Level | None],
    fractures: tuple[Fracture, ...],
    age: float,
    s1: int,
) -> Spine:
    """Draw every part in the order of the chain and put the parts in place."""
    wedge = options.sacral_wedge or 0.0
    bodies = _wedged(_draw_bodies(rng, plan, levels, fractures, s1), s1, wedge)
    heights = [
        _disc_heights(rng, plan, level if k >= s1 else None, max(s1 - k, 0)) for k, level in enumerate(levels[:-1])
    ]
    gaps = [(front + back) / 2 for front, back, _ in heights]
    bodies = draw_osteophytes(rng, bodies, gaps, [grade for _, _, grade in heights], s1, plan.healthy)
    tilts = _tilts(rng, options, bodies, [(front, back) for front, back, _ in heights], s1)
    leans, cobb = _leans(rng, options, len(levels), s1)
    discs = tuple(
        draw_disc(rng, grade, gap) if k >= s1 else _sacral_disc(plan, s1 - k)
        for k, (gap, (_, _, grade)) in enumerate(zip(gaps, heights, strict=True))
    )
    frames = [_frame(tilt, lean, -0.4 * lean) for tilt, lean in zip(tilts, leans, strict=True)]
    centres = _stack(bodies, frames, gaps)
    if wedge:
        centres[:s1] += frames[s1][:, 1] * np.float32((bodies[s1].depth - bodies[s1 - 1].depth) / 2)
    centres -= centres[levels.index(Level.L3)]
    screws = draw_levels(rng, options.screws, levels, 0.0 if plan.healthy else 0.05, together=True)
    cement = draw_levels(rng, options.cement, levels, 0.0 if plan.healthy else 0.02, together=False)
    vertebrae = tuple(
        Vertebra(
            level=level,
            segment=Segment.SACRAL if k <= s1 else Segment.LUMBAR if k <= s1 + plan.lumbar_count else Segment.THORACIC,
            centre_mm=centres[k],
            axes=frames[k],
            body=bodies[k],
            posterior=_processes(_draw_posterior(rng, plan, level, max(s1 - k, 0)), options, level),
            screws=level in screws,
            cement=level in cement,
            lesion=None if plan.healthy or k < s1 else draw_lesion(rng, bodies[k]),
            modic_mm=(0.0, 0.0) if plan.healthy or k < s1 else draw_modic(rng, plan.degeneration),
        )
        for k, level in enumerate(levels)
    )
    torso = draw_torso(rng, vertebrae, s1, age)
    return Spine(
        vertebrae=vertebrae,
        discs=discs,
        torso=torso,
        sex=plan.sex,
        age_years=age,
        lumbar_count=plan.lumbar_count,
        scoliosis_deg=cobb,
        fractures=fractures,
    )


def _processes(shape: PosteriorShape, options: SpineOptions, level: Level | None) -> PosteriorShape:
    """The processes of a level with the ribs and the transverse processes that were asked for."""
    lumbar = level is not None and level.value > Level.T12.value
    share = options.transverse if lumbar else 1.0
    return replace(
        shape,
        rib_length=options.last_rib if level is Level.T12 else 1.0,
        rib_size=options.rib_size,
        transverse_length=shape.transverse_length * share,
        transverse_size=share,
    )


def _draw_bodies(
    rng: np.random.Generator, plan: _Plan, levels: list[Level | None], fractures: tuple[Fracture, ...], s1: int
) -> list[BodyShape]:
    """The bodies in the order of the chain, with what is worn and broken."""
    bodies: list[BodyShape] = []
    for k, level in enumerate(levels):
        body = _draw_body(rng, plan, level, max(s1 - k, 0))
        if k >= s1:
            body = replace(body, nodes=draw_nodes(rng, body, plan.degeneration, plan.healthy))
        for fracture in fractures:
            body = deform(body, fracture, rng) if fracture.level is level else body
        bodies.append(body)
    return bodies


def _wedged(bodies: list[BodyShape], s1: int, wedge: float) -> list[BodyShape]:
    """The bodies with S1 as a wedge, and what is below it no deeper than its lower end (its back wall in line)."""
    if not wedge:
        return bodies
    sacral = [replace(body, depth=max(body.depth * (1 - wedge), 8.0)) for body in bodies[:s1]]
    return [*sacral, replace(bodies[s1], wedge=wedge), *bodies[s1 + 1 :]]


def _stack(bodies: list[BodyShape], frames: list[Array], gaps: list[float]) -> Array:
    """Centres of all bodies, each set upon the one below."""
    centres = np.zeros((len(bodies), 3), dtype=np.float32)
    for k in range(len(bodies) - 1):
        low, high = bodies[k], bodies[k + 1]
        middle = frames[k][:, 2] + frames[k + 1][:, 2]
        centres[k + 1] = (
            centres[k]
            + frames[k][:, 2] * (low.height_anterior + low.height_posterior) / 4
            + middle / np.linalg.norm(middle) * gaps[k]
            + frames[k + 1][:, 2] * (high.height_anterior + high.height_posterior) / 4
        )
    return centres
