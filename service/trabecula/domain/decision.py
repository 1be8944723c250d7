"""The category of a study from its measurements and thresholds: pure rules, no image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trabecula.domain.eligibility import Reason, ReasonCode
from trabecula.domain.result import Category, Score
from trabecula.domain.thresholds import AttenuationThresholds, ContrastPhase, VbqThresholds


@dataclass(frozen=True)
class Decision:
    """A category, why it is that, and the value it was read from (after every correction)."""

    category: Category
    reasons: tuple[Reason, ...] = ()
    value: float | None = None


@dataclass(frozen=True)
class AttenuationFinding:
    """What was measured on CT: HU as scanned, of L1 or the mean of the evaluable levels, and how it was scanned.

    ``kvp`` is None when not recorded. ``levels`` counts the evaluable ones of L1-L4.
    """

    hu: float | None
    levels: int
    kvp: float | None
    phase: ContrastPhase


@dataclass(frozen=True)
class VbqFinding:
    """What was measured on MR: VBQ of a T1w series before contrast agent, and how it was scanned."""

    vbq: float | None
    levels: int
    repetition_time_ms: float | None
    echo_time_ms: float | None
    field_strength_t: float | None
    manufacturer_model: str


def category_of_hu(hu: float, thresholds: AttenuationThresholds) -> Category:
    """Return the category of an attenuation at 120 kVp without contrast agent (Pickhardt 2013)."""
    comparable = hu - thresholds.roi_offset_hu
    if comparable <= thresholds.suspected_at_or_below_hu:
        return Category.LOW_BONE_DENSITY_SUSPECTED
    if comparable > thresholds.no_flag_above_hu:
        return Category.NO_FLAG
    return Category.INDETERMINATE


def corrected_hu(hu: float, kvp: float | None, phase: ContrastPhase, thresholds: AttenuationThresholds) -> float | None:
    """Return the attenuation as it would be at 120 kVp without contrast agent, or None without a conversion."""
    factor = thresholds.kvp_factor(kvp)
    if factor is None:
        return None
    correction = thresholds.contrast.get(phase)
    return hu * factor - (correction.offset_hu if correction else 0.0)


def decide_attenuation(finding: AttenuationFinding, thresholds: AttenuationThresholds) -> Decision:
    """Return the CT category.

    A conversion that changes the category, or a contrast correction whose published span crosses a threshold, makes
    it INDETERMINATE; a tube voltage without a conversion makes it NOT_EVALUABLE.
    """
    if finding.hu is None or finding.levels < thresholds.minimum_levels:
        few = Reason(ReasonCode.TOO_FEW_LEVELS, value=float(finding.levels), limit=float(thresholds.minimum_levels))
        return Decision(Category.NOT_EVALUABLE, (few,))
    value = corrected_hu(finding.hu, finding.kvp, finding.phase, thresholds)
    if value is None:
        return Decision(Category.NOT_EVALUABLE, (Reason(ReasonCode.KVP, value=finding.kvp, unit="kVp"),))
    category = category_of_hu(value, thresholds)
    reasons: list[Reason] = []
    if finding.kvp is None:
        reasons.append(Reason(ReasonCode.KVP, blocking=False, detail="the tube voltage is not recorded"))
        category = Category.INDETERMINATE
    factor = thresholds.kvp_factor(finding.kvp) or 1.0
    if factor != 1.0:
        detail = f"factor {factor:g} from {finding.kvp:g} kVp"
        unconverted = value + finding.hu * (1 - factor)
        if category_of_hu(unconverted, thresholds) is not category:
            category = Category.INDETERMINATE
            detail += "; the conversion decides the category, so it is left open"
        reasons.append(Reason(ReasonCode.KVP_ADJUSTED, blocking=False, detail=detail))
    if finding.phase is not ContrastPhase.NATIVE:
        category, detail = _contrast_rule(finding.hu * factor, finding.phase, category, thresholds)
        certain = finding.phase is not ContrastPhase.DOUBTFUL
        code = ReasonCode.CONTRAST_PHASE if certain else ReasonCode.CONTRAST_UNCLEAR
        reasons.append(Reason(code, blocking=False, detail=detail))
    return Decision(category, tuple(reasons), value)


_PHASE_WORDS = {ContrastPhase.UNKNOWN: "phase not recorded", ContrastPhase.DOUBTFUL: "between native and enhanced"}


def _contrast_rule(
    hu: float, phase: ContrastPhase, category: Category, thresholds: AttenuationThresholds
) -> tuple[Category, str]:
    correction = thresholds.contrast.get(phase)
    if correction is None:
        return category, f"{phase.lower()} phase; not corrected"
    words = _PHASE_WORDS.get(phase, f"{phase.lower()} phase")
    words += f"; {correction.offset_hu:g} HU subtracted"
    span = {category_of_hu(hu - offset, thresholds) for offset in (correction.lowest_hu, correction.highest_hu)}
    if span != {category}:
        return Category.INDETERMINATE, (
            f"{words}; the span of {correction.lowest_hu:g} to {correction.highest_hu:g} HU crosses a threshold"
        )
    return category, words


def decide_vbq(finding: VbqFinding, thresholds: VbqThresholds) -> Decision:
    """Return the MR category: INDETERMINATE unless the site has a reference for this scanner and protocol."""
    if finding.vbq is None or finding.levels < thresholds.minimum_levels:
        few = Reason(ReasonCode.TOO_FEW_LEVELS, value=float(finding.levels), limit=float(thresholds.minimum_levels))
        return Decision(Category.NOT_EVALUABLE, (few,) if finding.levels < thresholds.minimum_levels else ())
    window = window_reasons(finding.repetition_time_ms, finding.echo_time_ms, thresholds)
    reference = next(
        (
            item
            for item in thresholds.references
            if item.fits(finding.manufacturer_model, finding.field_strength_t, finding.repetition_time_ms)
        ),
        None,
    )
    if reference is None:
        return Decision(
            Category.INDETERMINATE,
            (*window, Reason(ReasonCode.NO_SITE_REFERENCE, blocking=False)),
            finding.vbq,
        )
    if window:
        return Decision(Category.INDETERMINATE, window, finding.vbq)
    if finding.vbq >= reference.suspected_at_or_above:
        return Decision(Category.LOW_BONE_DENSITY_SUSPECTED, (), finding.vbq)
    if finding.vbq < reference.no_flag_below:
        return Decision(Category.NO_FLAG, (), finding.vbq)
    return Decision(Category.INDETERMINATE, (), finding.vbq)


def window_reasons(tr_ms: float | None, te_ms: float | None, thresholds: VbqThresholds) -> tuple[Reason, ...]:
    """Return TR_TE_WINDOW reasons (not blocking) for times outside the validated window, or not recorded."""
    reasons = []
    for name, value, low, high in (
        ("TR", tr_ms, thresholds.shortest_tr_ms, thresholds.longest_tr_ms),
        ("TE", te_ms, thresholds.shortest_te_ms, thresholds.longest_te_ms),
    ):
        if value is None:
            reasons.append(Reason(ReasonCode.TR_TE_WINDOW, blocking=False, detail=f"{name} is not recorded"))
        elif not low <= value <= high:
            limit = low if value < low else high
            reasons.append(
                Reason(ReasonCode.TR_TE_WINDOW, blocking=False, detail=name, value=value, limit=limit, unit="ms")
            )
    return tuple(reasons)


def with_scores(decision: Decision, scores: Sequence[Score]) -> Decision:
    """Return the decision with what validated models add; demonstration models and challengers never change it.

    A model speaks only where the measurement leaves the category open. A rule-in operating point can raise a flag but
    not take one away; any other negative score means no flag.
    """
    if decision.category not in (Category.INDETERMINATE, Category.NOT_EVALUABLE):
        return decision
    voices = [
        score
        for score in scores
        if score.applicable and score.active and not score.demonstration and score.positive is not None
    ]
    if not voices:
        return decision
    kept = tuple(reason for reason in decision.reasons if reason.code is not ReasonCode.NO_SITE_REFERENCE)
    if any(score.positive for score in voices):
        return Decision(Category.LOW_BONE_DENSITY_SUSPECTED, kept, decision.value)
    if all(score.operating_point != "rule_in" for score in voices):
        return Decision(Category.NO_FLAG, kept, decision.value)
    return Decision(Category.INDETERMINATE, decision.reasons, decision.value)


def with_deformity(decision: Decision, deformity_suspected: bool) -> Decision:
    """Return the decision with NO_FLAG withheld where a deformity points to fragility whatever the density says."""
    if deformity_suspected and decision.category is Category.NO_FLAG:
        return Decision(Category.INDETERMINATE, decision.reasons, decision.value)
    return decision
