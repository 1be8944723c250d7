"""What lost height means in a person of this sex and age: which bodies are told as possible fractures, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from trabecula.analysis.biomarkers.deformity import Deformity
from trabecula.domain.results.thresholds import DeformityThresholds, FracturePattern, FractureRule
from trabecula.domain.spine import Level
from trabecula.domain.uids import SeriesUid
from trabecula.imaging.acquisition import StatedPatient


class FractureMeaning(StrEnum):
    """What can be said of bodies that lost height, beside that they did."""

    POINTS_TO_OSTEOPOROSIS = "points to osteoporosis"
    """A pattern of the rule for this sex and age is met."""
    MAY_NOT_SUFFICE = "may not suffice"
    """There is a rule for this sex and age, and it is not met."""
    NOT_WEIGHED = "not weighed"
    """Sex or age is not known: no rule is applied, and none that may apply keeps anything back."""
    TOO_YOUNG = "too young"
    """Every rule is for older people."""


@dataclass(frozen=True)
class ToldFractures:
    """Bodies that are told as possible fractures, from head to foot; without any there is no meaning."""

    bodies: Mapping[Level, Deformity] = field(default_factory=dict)
    meaning: FractureMeaning | None = None

    def __bool__(self) -> bool:
        return bool(self.bodies)


def told_fractures(
    graded: Mapping[Level, Deformity], patient: StatedPatient, thresholds: DeformityThresholds
) -> ToldFractures:
    """Return what is told of graded bodies: those of the first pattern that is met, and in any case every loss that is
    always told."""
    rule, may_apply = _rules(patient, thresholds.rules)
    losses = {level: found.loss for level, found in graded.items()}
    met = _bodies_of(rule, losses) if rule is not None else frozenset()
    named = {level for level, loss in losses.items() if loss >= thresholds.always_told_from_loss} | met
    for other in may_apply:
        named |= _bodies_of(other, losses)
    if not named:
        return ToldFractures()
    bodies = {level: graded[level] for level in sorted(named, key=lambda level: level.value)}
    return ToldFractures(bodies, _meaning(rule, met, may_apply))


def joined(told: Mapping[SeriesUid, ToldFractures]) -> dict[Level, tuple[SeriesUid, Deformity]]:
    """Return the strongest told deformity of each level over several series, with its series."""
    strongest: dict[Level, tuple[SeriesUid, Deformity]] = {}
    for series, found in told.items():
        for level, deformity in found.bodies.items():
            if level not in strongest or deformity.loss > strongest[level][1].loss:
                strongest[level] = (series, deformity)
    return dict(sorted(strongest.items(), key=lambda item: item[0].value))


def _meaning(rule: FractureRule | None, met: frozenset[Level], may_apply: tuple[FractureRule, ...]) -> FractureMeaning:
    if rule is not None:
        return FractureMeaning.POINTS_TO_OSTEOPOROSIS if met else FractureMeaning.MAY_NOT_SUFFICE
    return FractureMeaning.NOT_WEIGHED if may_apply else FractureMeaning.TOO_YOUNG


def _rules(
    patient: StatedPatient, rules: tuple[FractureRule, ...]
) -> tuple[FractureRule | None, tuple[FractureRule, ...]]:
    """The rule for this person where sex and age are known, and otherwise all that may be theirs."""
    fitting = [rule for rule in rules if patient.sex in ("", rule.sex)]
    if patient.age_years is None:
        return None, tuple(fitting)
    old_enough = [rule for rule in fitting if patient.age_years >= rule.from_age_years]
    if patient.sex and old_enough:
        return max(old_enough, key=lambda rule: rule.from_age_years), ()
    return None, tuple(old_enough)


def _bodies_of(rule: FractureRule, losses: Mapping[Level, float]) -> frozenset[Level]:
    """The bodies of the first pattern of a rule that is met; none where none is."""
    return next((bodies for pattern in rule.patterns if (bodies := _matching(pattern, losses))), frozenset())


def _matching(pattern: FracturePattern, losses: Mapping[Level, float]) -> frozenset[Level]:
    least = pattern.least_losses[-1]
    enough = sorted((level for level, loss in losses.items() if loss >= least), key=lambda level: level.value)
    counted = _not_neighbours(enough) if pattern.apart else enough
    largest = sorted((losses[level] for level in counted), reverse=True)
    met = len(largest) >= len(pattern.least_losses) and all(
        loss >= wanted for loss, wanted in zip(largest, pattern.least_losses, strict=False)
    )
    return frozenset(enough) if met else frozenset()


def _not_neighbours(levels: list[Level]) -> list[Level]:
    """As many of the levels (head to foot) as can be had without two that follow each other."""
    kept: list[Level] = []
    for level in levels:
        if not kept or level.value > kept[-1].value + 1:
            kept.append(level)
    return kept
