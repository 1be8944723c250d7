"""What the border convention costs: Dice of everyday phantoms by how much of the rim counts as body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trabecula.domain.modality import Modality
from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula_training.segmenter.judging.evaluate import BodyScore, summarise
from trabecula_training.segmenter.judging.examinations import Examination
from trabecula_training.segmenter.judging.phantom_cases import CaseOptions
from trabecula_training.segmenter.judging.robustness import USUAL, make_case, run_cases, score_case

_FIRST = 3000
"""Number of the first phantom: none of them is in a table of figures."""
_SHARES = {Modality.CT: (0.6, 0.7, 0.8, 0.9, 1.0), Modality.MR: (0.0, 0.1, 0.2, 0.3, 0.4)}
_IMAGES = {
    Modality.CT: (USUAL["CT"]["1 mm"], USUAL["CT"]["2.5 mm"]),
    Modality.MR: (USUAL["MR 1.5 T"]["T1w"], USUAL["MR 3 T"]["T2w"]),
}


@dataclass(frozen=True)
class RimFigure:
    """Mean Dice of whole bodies of phantoms with one share of the rim's probability counted as body."""

    modality: Modality
    share: float
    dice: float


def try_shares(
    bundle: Path, cases: int, processes: int, modality: Modality, images: Sequence[CaseOptions | Examination] = ()
) -> tuple[RimFigure, ...]:
    """Segment ``cases`` phantoms of each image (everyday ones, unless told) with every share."""
    work = [(_FIRST + k, image) for image in images or _IMAGES[modality] for k in range(cases)]
    tried = list(run_cases(bundle, work, processes, _try_case))
    return tuple(
        RimFigure(modality, share, summarise({str(k): scores[n] for k, scores in enumerate(tried)}).dice)
        for n, share in enumerate(_SHARES[modality])
    )


def _try_case(
    segmenter: NetworkSegmenter, number: int, options: CaseOptions | Examination
) -> list[tuple[BodyScore, ...]]:
    case = make_case(number, options)
    reading = segmenter.read(case.volume)
    return [
        score_case(case, segmenter.finish(case.volume, segmenter.read_again(reading, share)))
        for share in _SHARES[case.volume.modality]
    ]
