"""What names the segmenter gives on real volumes whose bodies are labelled, all or some: right, wrong, unknown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from trabecula.analysis.gates.outlines import judge
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.segmentation import Segmentation
from trabecula.domain.spine import FIRST_UNKNOWN_LABEL, Level
from trabecula.segmentation.network_segmenter import NetworkSegmenter
from trabecula_training.segmenter.judging.evaluate import score_bodies
from trabecula_training.segmenter.real.data import RealCase, read_labelled

HEAD = (
    "| volume | levels right / unknown / wrong / missed | every lumbar level | Dice | said |",
    "|---|---|---|---|---|",
)
"""The head of the table."""
_SAID = (ReasonCode.METAL, ReasonCode.TRANSITIONAL, ReasonCode.RIBS, ReasonCode.UPSIDE_DOWN)


@dataclass(frozen=True, kw_only=True)
class NamingScore:
    """One volume: how many labelled bodies are named right, found without a name, named wrongly and not found; ``said``
    are the findings raised; ``dice`` is the mean over the bodies found."""

    name: str
    right: int
    unknown: int
    wrong: int
    missed: int
    every_lumbar: bool
    dice: float
    numbering: str
    said: tuple[str, ...]

    @property
    def row(self) -> str:
        """A row of the table."""
        said = ", ".join((self.numbering, *self.said))
        every = "yes" if self.every_lumbar else "**no**"
        counts = f"{self.right} / {self.unknown} / {self.wrong} / {self.missed}"
        return f"| {self.name} | {counts} | {every} | {self.dice:.3f} | {said} |"


def score_naming(case: RealCase, result: Segmentation) -> NamingScore:
    """Compare the names of a segmentation with a volume's labels; bodies that are not labelled do not count."""
    scores = score_bodies(case.truth, result, case.volume.geometry, case.whole_vertebrae)
    found = [score for score in scores if score.found]
    lumbar = [score for score in scores if Level.L1.label <= score.label <= Level.L6.label]
    codes = judge(result).all_codes
    return NamingScore(
        name=case.name,
        right=sum(score.given == score.label for score in found),
        unknown=sum(score.given >= FIRST_UNKNOWN_LABEL for score in found),
        wrong=sum(score.named_wrong for score in found),
        missed=len(scores) - len(found),
        every_lumbar=bool(lumbar) and all(score.found and score.given == score.label for score in lumbar),
        dice=sum(score.dice for score in found) / len(found) if found else 0.0,
        numbering=result.numbering,
        said=tuple(code.name for code in _SAID if code in codes),
    )


def score_folder(bundle: Path, folder: Path) -> Iterator[NamingScore]:
    """Segment and score every labelled volume of a folder, in the order of their names."""
    segmenter = NetworkSegmenter(bundle)
    for case in read_labelled(folder):
        yield score_naming(case, segmenter.segment(case.volume))


def total(scores: Iterable[NamingScore]) -> str:
    """The last row: sums over all volumes."""
    every = list(scores)
    sums = [sum(getattr(score, part) for score in every) for part in ("right", "unknown", "wrong", "missed")]
    right = sum(score.every_lumbar for score in every)
    mean = sum(score.dice for score in every) / len(every) if every else 0.0
    return f"| {len(every)} volumes | {' / '.join(map(str, sums))} | {right} | {mean:.3f} | |"
