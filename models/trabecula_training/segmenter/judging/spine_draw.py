"""A draw of spines as people have them and as scanners show them: names right, withheld and wrong, by kind of spine.

Numbers of vertebrae other than five are drawn far more often than people have them, so that a hundred spines say
something about each. Sections of rib and shapes of S1 have the spread of real spines (drawing/pool.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.segmentation import Segmentation
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, Level
from trabecula.phantom.anatomy import Spine
from trabecula.phantom.anatomy_types import Segment, Vertebra
from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula_training.segmenter.drawing.contrast import Look
from trabecula_training.segmenter.drawing.pool import draw_shape
from trabecula_training.segmenter.judging.phantom_cases import CaseOptions, case_spine, upper_edge_mm
from trabecula_training.segmenter.judging.robustness import make_case, run_cases, score_case

_SEED = 88_000_000

FIVE = "five lumbar vertebrae"
SPINES = {
    FIVE: 0.5,
    "five, ribs of T12 short or absent": 0.1,
    "four": 0.1,
    "six": 0.1,
    "sacralised L5": 0.1,
    "lumbarised S1": 0.1,
}
"""Kinds of spine and how often they are drawn. A sacralised L5 is drawn as four lumbar vertebrae above a sacrum that
has kept part of its first disc, a lumbarised S1 as five above an S1 with a whole disc below it and no wedge."""

_BELOW_S1, _ABOVE_SACRUM = "T1w, ends below S1", "CT, ends above the sacrum"
IMAGES: dict[str, CaseOptions] = {
    "T1w, 66 mm": CaseOptions(look=Look.T1, field_mm=(300.0, 220.0, 66.0)),
    "T2w, 66 mm": CaseOptions(look=Look.T2, field_mm=(300.0, 220.0, 66.0)),
    "T2w, 35 mm": CaseOptions(look=Look.T2, field_mm=(270.0, 220.0, 35.0)),
    "T2w, one slice": CaseOptions(look=Look.T2, field_mm=(270.0, 220.0, 4.4)),
    _BELOW_S1: CaseOptions(look=Look.T1, field_mm=(200.0, 220.0, 66.0)),
    "CT": CaseOptions(look=Look.CT, plane="axial", spacing_mm=2.0, field_mm=(300.0, 190.0, 150.0)),
    _ABOVE_SACRUM: CaseOptions(look=Look.CT, plane="axial", spacing_mm=2.0, field_mm=(190.0, 190.0, 150.0)),
}
"""Kinds of image. *Ends below S1* ends 2 to 12 mm below S1's lowest corner, *above the sacrum* 0 to 15 mm above its
highest one (no rib is whole in it); below S1 all others show 15 mm and more."""
_SQUARED = 0.1
"""A lumbarised S1 lacks at most this share of its depth in front at its lower end."""
_LONGEST_PROCESS_MM = 60.0
"""How far from the middle a transverse process reaches at most; real ones reach 33 to 55 mm (last_ribs.py)."""
_PROCESS_RADIUS_MM = 4.0
"""Half the thickness of a process's end where its share is 1."""
_MARGIN_MM = {_BELOW_S1: (2.0, 12.0), _ABOVE_SACRUM: (0.0, 15.0)}
_LEAST_BELOW_MM = 15.0
_BESIDE_MM = 6.0
"""So much beside a body must be in view for its ribs to be seen."""
_TELLING = (ReasonCode.TRANSITIONAL, ReasonCode.RIBS, ReasonCode.NUMBERING_AMBIGUOUS)


@dataclass(frozen=True, kw_only=True)
class DrawnSpine:
    """One spine of the draw: its kind, its image and how it is drawn; whether the whole of S1 is in view, and whether
    ribs can be counted: the body counted as T12 from the sacrum, and T12 itself, are whole and both their sides too."""

    number: int
    kind: str
    image: str
    options: CaseOptions
    shows_s1: bool
    shows_ribs: bool


@dataclass(frozen=True, kw_only=True)
class SpineOutcome:
    """What the segmenter made of one spine: bodies T12 to L6 (not cut by the image) named right, left without a name,
    named wrongly and missed; ``told``: a number other than five was said to be possible, or names were withheld."""

    right: int
    unknown: int
    wrong: int
    missed: int
    told: bool
    numbering: str

    @property
    def every_name(self) -> bool:
        """Whether every body was found and named rightly."""
        return self.right > 0 and not (self.unknown or self.wrong or self.missed)


def spine_of(number: int) -> DrawnSpine:
    """Draw the kind, the image and the shape of a spine; the same number gives the same spine."""
    rng = np.random.default_rng([_SEED, number])
    kind = str(rng.choice(list(SPINES), p=list(SPINES.values())))
    image = str(rng.choice(list(IMAGES)))
    shape = draw_shape(rng)
    spine = replace(
        shape,
        lumbar_count=4 if kind in ("four", "sacralised L5") else 6 if kind == "six" else 5,
        last_rib=float(rng.uniform(0.0, 0.5)) if kind.startswith("five, ribs") else max(shape.last_rib, 0.7),
        sacral_disc=_sacral_disc(rng, kind),
        sacral_wedge=float(rng.uniform(0.0, _SQUARED)) if kind == "lumbarised S1" else None,
    )
    options = replace(IMAGES[image], spine=spine)
    drawn = case_spine(number, options)
    share = min(1.0, *(_process_share(vertebra) for vertebra in drawn.vertebrae if vertebra.segment is Segment.LUMBAR))
    options = replace(options, spine=replace(spine, transverse=share * spine.transverse))
    s1 = _heights_mm(drawn, Level.S1)
    margin = float(rng.uniform(*_MARGIN_MM.get(image, (_LEAST_BELOW_MM, _LEAST_BELOW_MM))))
    usual = upper_edge_mm(options) - options.field_mm[0]
    lower_edge = s1[1] + margin if image == _ABOVE_SACRUM else s1[0] - margin
    if image not in _MARGIN_MM:
        lower_edge = min(lower_edge, usual)
    options = replace(options, shift_mm=lower_edge - usual)
    top = upper_edge_mm(options)
    return DrawnSpine(
        number=number,
        kind=kind,
        image=image,
        options=options,
        shows_s1=top - options.field_mm[0] < s1[0],
        shows_ribs=all(
            _heights_mm(drawn, level)[1] < top and _reach_mm(drawn, level) < options.field_mm[2] / 2
            for level in ((Level.T11, Level.T12) if spine.lumbar_count == 4 else (Level.T12,))
        ),
    )


def _process_share(vertebra: Vertebra) -> float:
    """The share of the drawn length and thickness at which a transverse process is as long as any."""
    shape = vertebra.posterior
    root = (shape.canal_width + shape.pedicle_width) / 2
    return (_LONGEST_PROCESS_MM - root) / (shape.transverse_length + _PROCESS_RADIUS_MM * shape.transverse_size)


def _reach_mm(spine: Spine, level: Level) -> float:
    """How far from the middle of the image what lies just beside a body is, mm."""
    vertebra = next(item for item in spine.vertebrae if item.level is level)
    return abs(float(vertebra.centre_mm[0])) + vertebra.body.width / 2 + _BESIDE_MM


def _heights_mm(spine: Spine, level: Level) -> tuple[float, float]:
    """How high the lowest and the highest corner of a body lie above the generator's origin, mm."""
    vertebra = next(item for item in spine.vertebrae if item.level is level)
    body = vertebra.body
    half = np.array([body.depth, max(body.height_anterior, body.height_posterior)]) / 2
    corners = [
        vertebra.centre_mm + vertebra.axes @ np.array([0.0, back * half[0], up * half[1]])
        for back in (-1, 1)
        for up in (-1, 1)
    ]
    heights = [float(corner[2]) for corner in corners]
    return min(heights), max(heights)


def _sacral_disc(rng: np.random.Generator, kind: str) -> float:
    if kind == "lumbarised S1":
        return float(rng.uniform(0.8, 1.0))
    if kind == "sacralised L5":
        return float(rng.uniform(0.3, 0.6))
    return float(rng.uniform(0.0, 0.6)) if rng.random() < 0.3 else 0.0


def outcome_of(segmenter: NetworkSegmenter, number: int, options: CaseOptions) -> SpineOutcome:
    """Draw one spine, segment it and compare names."""
    case = make_case(number, options)
    result = segmenter.segment(case.volume)
    scores = [
        score
        for score in score_case(case, result)
        if Level.T12.label <= score.label <= Level.L6.label and not score.blocked
    ]
    found = [score for score in scores if score.found]
    unknown = sum(score.given >= FIRST_UNKNOWN_LABEL for score in found)
    return SpineOutcome(
        right=sum(score.given == score.label for score in found),
        unknown=unknown,
        wrong=sum(score.named_wrong for score in found),
        missed=len(scores) - len(found),
        told=bool(unknown) or _is_told(result),
        numbering=result.numbering,
    )


def _is_told(result: Segmentation) -> bool:
    return any(reason.code in _TELLING for reason in result.numbering_reasons)


def draw_outcomes(bundle: Path, numbers: Sequence[int], processes: int) -> Iterator[tuple[DrawnSpine, SpineOutcome]]:
    """Run the draw over these numbers, in their order."""
    spines = [spine_of(number) for number in numbers]
    work = [(spine.number, spine.options) for spine in spines]
    yield from zip(spines, run_cases(bundle, work, processes, _task), strict=True)


def _task(segmenter: NetworkSegmenter, number: int, options: object) -> SpineOutcome:
    assert isinstance(options, CaseOptions)
    return outcome_of(segmenter, number, options)


HEAD = (
    "| spine | image | spines | every name right | some withheld | **a name wrong** | a body missed | told |",
    "|---|---|---|---|---|---|---|---|",
)
"""The head of the table."""


def table(results: Iterable[tuple[DrawnSpine, SpineOutcome]]) -> list[str]:
    """Rows by kind of spine and image, and sums: by kind, and over those in which a number other than five shows."""
    every = list(results)
    lines = [*HEAD]
    for kind in SPINES:
        for image in IMAGES:
            lines += _row(kind, image, [out for spine, out in every if (spine.kind, spine.image) == (kind, image)])
        lines += _row(f"**{kind}**", "all", [out for spine, out in every if spine.kind == kind])
    five = [(spine, out) for spine, out in every if spine.kind == FIVE]
    odd = [(spine, out) for spine, out in every if not spine.kind.startswith("five")]
    lines += _row(f"**{FIVE}**", "S1 in view", [out for spine, out in five if spine.shows_s1])
    both = [out for spine, out in odd if spine.shows_s1 and spine.shows_ribs]
    lines += _row("**another number**", "S1 and ribs in view", both)
    rest = [out for spine, out in odd if not (spine.shows_s1 and spine.shows_ribs)]
    lines += _row("**another number**", "S1 or ribs out of view", rest)
    return [*lines, *_row("**all**", "all", [out for _, out in every])]


def _row(kind: str, image: str, outcomes: Sequence[SpineOutcome]) -> list[str]:
    if not outcomes:
        return []
    counts = (
        len(outcomes),
        sum(out.every_name for out in outcomes),
        sum(out.unknown > 0 for out in outcomes),
        sum(out.wrong > 0 for out in outcomes),
        sum(out.missed > 0 for out in outcomes),
        sum(out.told for out in outcomes),
    )
    return [f"| {kind} | {image} | {' | '.join(map(str, counts))} |"]
