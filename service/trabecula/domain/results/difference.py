"""What two results of the same images differ in: category, scores, measured values, reasons."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from trabecula.domain.results.reasons import Reason
from trabecula.domain.results.result import Category, Measurement, Score, StudyResult
from trabecula.domain.uids import StudyUid

_SAME = 1e-9
"""Relative difference of two numbers below which they are the same."""
_STUDY = "study"


@dataclass(frozen=True, kw_only=True)
class ScoreChange:
    """One model's answer for one endpoint, before and after; None where it did not answer.

    ``*_positive`` is whether the probability reached the operating point; None where it abstained or was not in use.
    """

    model_id: str
    endpoint: str
    before: float | None
    after: float | None
    before_positive: bool | None
    after_positive: bool | None
    active: bool


@dataclass(frozen=True, kw_only=True)
class ValueChange:
    """One measured value, before and after; None where it was not measured. ``level`` is ``study`` for a summary."""

    level: str
    meaning: str
    unit: str
    before: float | None
    after: float | None


@dataclass(frozen=True, kw_only=True)
class Difference:
    """What another analysis of the same images says otherwise; empty where it says the same.

    Reasons are ``CODE`` or ``CODE level``. ``versions`` holds (before, after) of what made the results, where they
    differ: it alone is no difference.
    """

    study_uid: StudyUid
    revision: int
    before: Category
    after: Category
    scores: tuple[ScoreChange, ...] = ()
    values: tuple[ValueChange, ...] = ()
    reasons_gone: tuple[str, ...] = ()
    reasons_new: tuple[str, ...] = ()
    versions: Mapping[str, tuple[str, str]] | None = None

    @property
    def changed(self) -> bool:
        """True where a reader would see another result."""
        parts = (self.scores, self.values, self.reasons_gone, self.reasons_new)
        return self.before is not self.after or any(parts)

    @property
    def newly_flagged(self) -> bool:
        """True where low bone density is suspected now and was not before."""
        return self.before is not self.after and self.after is Category.LOW_BONE_DENSITY_SUSPECTED

    @property
    def no_longer_flagged(self) -> bool:
        """True where low bone density was suspected before and is not now."""
        return self.before is not self.after and self.before is Category.LOW_BONE_DENSITY_SUSPECTED


def difference(before: StudyResult, after: StudyResult) -> Difference:
    """Return what ``after`` says otherwise than ``before``. Timings are no difference."""
    reasons = {name: _reasons(result) for name, result in (("before", before), ("after", after))}
    names = sorted({*before.versions, *after.versions})
    versions = {name: (before.versions.get(name, ""), after.versions.get(name, "")) for name in names}
    return Difference(
        study_uid=before.study_uid,
        revision=before.revision,
        before=before.category,
        after=after.category,
        scores=_score_changes(before, after),
        values=_value_changes(before, after),
        reasons_gone=tuple(reason for reason in reasons["before"] if reason not in reasons["after"]),
        reasons_new=tuple(reason for reason in reasons["after"] if reason not in reasons["before"]),
        versions={name: pair for name, pair in versions.items() if pair[0] != pair[1]},
    )


def _score_changes(before: StudyResult, after: StudyResult) -> tuple[ScoreChange, ...]:
    old, new = ({(score.model_id, score.endpoint): score for score in result.scores} for result in (before, after))
    changes = []
    for key in dict.fromkeys((*old, *new)):
        first, second = old.get(key), new.get(key)
        if first is not None and second is not None and _same_score(first, second):
            continue
        known = second or first
        assert known is not None
        changes.append(
            ScoreChange(
                model_id=key[0],
                endpoint=key[1],
                before=first.probability if first else None,
                after=second.probability if second else None,
                before_positive=first.positive if first else None,
                after_positive=second.positive if second else None,
                active=known.active,
            )
        )
    return tuple(changes)


def _same_score(first: Score, second: Score) -> bool:
    same = (first.model_sha256, first.active, first.positive) == (second.model_sha256, second.active, second.positive)
    return same and _same(first.probability, second.probability)


def _value_changes(before: StudyResult, after: StudyResult) -> tuple[ValueChange, ...]:
    old, new = _values(before), _values(after)
    changes = []
    for key in dict.fromkeys((*old, *new)):
        first, second = old.get(key), new.get(key)
        value_before, value_after = first.value if first else None, second.value if second else None
        known = second or first
        if known is not None and not _same(value_before, value_after):
            meaning = known.concept.meaning + (f" ({known.derivation.meaning})" if known.derivation else "")
            changes.append(
                ValueChange(
                    level=key[0], meaning=meaning, unit=known.unit.value, before=value_before, after=value_after
                )
            )
    return tuple(changes)


def _values(result: StudyResult) -> dict[tuple[str, ...], Measurement]:
    """The measurements by level, concept, derivation, method and series; of a repetition the first counts."""
    found: dict[tuple[str, ...], Measurement] = {}
    places = [(_STUDY, result.summary), *((str(level.level), level.measurements) for level in result.levels)]
    for place, measurements in places:
        for item in measurements:
            derived = item.derivation.value if item.derivation else ""
            found.setdefault((place, item.concept.value, derived, item.method, item.series_uid), item)
    return found


def _same(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return math.isclose(first, second, rel_tol=_SAME, abs_tol=_SAME)


def _reasons(result: StudyResult) -> tuple[str, ...]:
    every = [*result.reasons, *(flag for level in result.levels for flag in level.flags)]
    return tuple(dict.fromkeys(_named(reason) for reason in every))


def _named(reason: Reason) -> str:
    return f"{reason.code.name} {reason.level}" if reason.level else reason.code.name
