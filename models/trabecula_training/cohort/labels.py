"""From reference measurements to bone categories and task labels; the limits stand in data/references.toml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trabecula_training.data import data_file


class BoneCategory(StrEnum):
    """What the reference measurement says of a patient."""

    NORMAL = "normal"
    LOW = "low"
    """Low bone mass (osteopenia)."""
    OSTEOPOROSIS = "osteoporosis"
    BELOW_EXPECTED = "below_expected"
    """Z-score at or below -2 in a person for whom T-scores do not count; abnormal, but not osteoporosis."""


class ReferenceKind(StrEnum):
    """How bone density was measured."""

    QCT = "QCT"
    DXA = "DXA"


@dataclass(frozen=True, kw_only=True)
class Task:
    """A two-class question: patients in ``positive`` against those in ``negative``; the others take no part.

    ``deployable`` is False where the service could not know that a patient belongs to neither side (pairwise tasks).
    """

    name: str
    endpoint: str
    positive: frozenset[BoneCategory]
    negative: frozenset[BoneCategory]
    deployable: bool = True

    def label(self, category: BoneCategory) -> int | None:
        """Return 1, 0, or None for a patient who takes no part."""
        if category in self.positive:
            return 1
        return 0 if category in self.negative else None


OSTEOPOROSIS = Task(
    name="osteoporosis",
    endpoint="osteoporosis",
    positive=frozenset({BoneCategory.OSTEOPOROSIS}),
    negative=frozenset({BoneCategory.NORMAL, BoneCategory.LOW, BoneCategory.BELOW_EXPECTED}),
)
ABNORMAL = Task(
    name="abnormal_bone_density",
    endpoint="abnormal_bone_density",
    positive=frozenset({BoneCategory.OSTEOPOROSIS, BoneCategory.LOW, BoneCategory.BELOW_EXPECTED}),
    negative=frozenset({BoneCategory.NORMAL}),
)
NORMAL_VS_OSTEOPOROSIS = Task(
    name="normal_vs_osteoporosis",
    endpoint="osteoporosis",
    positive=frozenset({BoneCategory.OSTEOPOROSIS}),
    negative=frozenset({BoneCategory.NORMAL}),
    deployable=False,
)
LOW_VS_OSTEOPOROSIS = Task(
    name="osteopenia_vs_osteoporosis",
    endpoint="osteoporosis",
    positive=frozenset({BoneCategory.OSTEOPOROSIS}),
    negative=frozenset({BoneCategory.LOW}),
    deployable=False,
)
NORMAL_VS_LOW = Task(
    name="normal_vs_osteopenia",
    endpoint="abnormal_bone_density",
    positive=frozenset({BoneCategory.LOW}),
    negative=frozenset({BoneCategory.NORMAL}),
    deployable=False,
)


def reference_limits() -> Mapping[str, Any]:
    """Return data/references.toml: each entry with ``value`` and ``source``."""
    return data_file("references.toml")


def _limit(name: str) -> float:
    return float(reference_limits()[name]["value"])


def category_by_qct(bmd_mg_cm3: float) -> BoneCategory:
    """Return the category of a mean lumbar QCT density (mg/cm3)."""
    if bmd_mg_cm3 < _limit("qct_osteoporosis_below_mg_cm3"):
        return BoneCategory.OSTEOPOROSIS
    return BoneCategory.NORMAL if bmd_mg_cm3 > _limit("qct_normal_above_mg_cm3") else BoneCategory.LOW


def category_by_t_score(t_score: float) -> BoneCategory:
    """Return the WHO category of a T-score; only for post-menopausal women and men from 50."""
    if t_score <= _limit("t_score_osteoporosis_at_most"):
        return BoneCategory.OSTEOPOROSIS
    return BoneCategory.LOW if t_score < _limit("t_score_low_below") else BoneCategory.NORMAL


def category_by_z_score(z_score: float) -> BoneCategory:
    """Return the category of a Z-score, for younger people: normal or below the expected range."""
    below = z_score <= _limit("z_score_below_expected_at_most")
    return BoneCategory.BELOW_EXPECTED if below else BoneCategory.NORMAL


def t_score_counts(sex: str, age_years: float, postmenopausal: bool | None) -> bool:
    """Return whether a T-score is the right reference: post-menopausal women and men from 50 years.

    Where menopause is not recorded, women from 50 years count as post-menopausal.
    """
    if sex == "F" and postmenopausal is not None:
        return postmenopausal
    return age_years >= _limit("t_score_from_age_years")
