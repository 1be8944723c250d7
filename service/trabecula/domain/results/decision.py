"""The category of a study from its measurements and thresholds: pure rules, no image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from trabecula.domain.results.ground import ByModels, ByReasons, Ground, LimitPosition, Measured, Quantity, Withheld
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, Score
from trabecula.domain.results.thresholds import AttenuationThresholds, ContrastPhase, VbqThresholds


@dataclass(frozen=True)
class Decision:
    """A category, what it rests on, remarks on the way to it, and the value (after every correction) if there is one.

    Every sentence about the category is made from ``ground``.
    """

    category: Category
    reasons: tuple[Reason, ...] = ()
    value: float | None = None
    ground: Ground = field(default_factory=ByReasons)

    @property
    def measured(self) -> Measured | None:
        """The value held against its limits, whether or not it decided."""
        if isinstance(self.ground, ByReasons):
            return None
        return self.ground if isinstance(self.ground, Measured) else self.ground.measured


@dataclass(frozen=True, kw_only=True)
class AttenuationFinding:
    """What was measured on CT: HU as scanned, of L1 or the mean of the evaluable levels, and how it was scanned.

    ``kvp`` is None when not recorded. ``levels`` counts the evaluable ones of L1-L4. ``where`` names what ``hu`` is of.
    """

    hu: float | None
    levels: int
    kvp: float | None
    phase: ContrastPhase
    where: str = "L1"


@dataclass(frozen=True, kw_only=True)
class VbqFinding:
    """What was measured on MR: VBQ of a T1w series before contrast agent, and how it was scanned."""

    vbq: float | None
    levels: int
    repetition_time_ms: float | None
    echo_time_ms: float | None
    field_strength_t: float | None
    manufacturer_model: str
    where: str = "L1-L4"


def category_of_hu(hu: float, thresholds: AttenuationThresholds) -> Category:
    """Return the category of an attenuation at 120 kVp without contrast agent (Pickhardt 2013)."""
    comparable = round(hu - thresholds.roi_offset_hu, 4)
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
    return round(hu * factor / (correction.factor if correction else 1.0), 4)


def decide_attenuation(finding: AttenuationFinding, thresholds: AttenuationThresholds) -> Decision:
    """Return the CT category.

    A conversion that changes the category, or a contrast correction whose published span crosses a threshold, makes
    it INDETERMINATE; a tube voltage without a conversion makes it NOT_EVALUABLE.
    """
    if finding.hu is not None and not math.isfinite(finding.hu):
        return Decision(
            Category.NOT_EVALUABLE, (Reason(code=ReasonCode.HU_SANITY, detail="the attenuation is no number"),)
        )
    if finding.hu is None or finding.levels < thresholds.minimum_levels:
        few = Reason(
            code=ReasonCode.TOO_FEW_LEVELS, value=float(finding.levels), limit=float(thresholds.minimum_levels)
        )
        return Decision(Category.NOT_EVALUABLE, (few,))
    value = corrected_hu(finding.hu, finding.kvp, finding.phase, thresholds)
    if value is None:
        return Decision(Category.NOT_EVALUABLE, (Reason(code=ReasonCode.KVP, value=finding.kvp, unit="kVp"),))
    category = category_of_hu(value, thresholds)
    reasons: list[Reason] = []
    open_because: list[str] = []
    if finding.kvp is None:
        reasons.append(Reason(code=ReasonCode.KVP, blocking=False, detail="the tube voltage is not recorded"))
        open_because.append("the tube voltage is not recorded")
    factor = thresholds.kvp_factor(finding.kvp) or 1.0
    if factor != 1.0:
        detail = f"factor {factor:g} from {finding.kvp:g} kVp"
        unconverted = round(value / factor, 4)
        if category_of_hu(unconverted, thresholds) is not category:
            detail += "; the conversion decides the category, so it is left open"
            open_because.append("the conversion to 120 kVp would decide")
        reasons.append(Reason(code=ReasonCode.KVP_ADJUSTED, blocking=False, detail=detail))
    if finding.phase is not ContrastPhase.NATIVE:
        crosses, detail = _contrast_rule(finding.hu * factor, finding.phase, category, thresholds)
        certain = finding.phase is not ContrastPhase.DOUBTFUL
        code = ReasonCode.CONTRAST_PHASE if certain else ReasonCode.CONTRAST_UNCLEAR
        reasons.append(Reason(code=code, blocking=False, detail=detail))
        if crosses:
            open_because.append("the span of what contrast agent may add crosses a limit")
    ground = Measured(
        quantity=Quantity.ATTENUATION,
        value=value,
        raw=finding.hu,
        where=finding.where,
        offset=thresholds.roi_offset_hu,
        lower=thresholds.suspected_at_or_below_hu,
        upper=thresholds.no_flag_above_hu,
        left_open="; ".join(open_because),
    )
    return Decision(Category.INDETERMINATE if open_because else category, tuple(reasons), value, ground)


_PHASE_WORDS = {ContrastPhase.UNKNOWN: "phase not recorded", ContrastPhase.DOUBTFUL: "between native and enhanced"}


def _contrast_rule(
    hu: float, phase: ContrastPhase, category: Category, thresholds: AttenuationThresholds
) -> tuple[bool, str]:
    """Whether the published span of the correction leads to more than this category, and the words for the reason."""
    correction = thresholds.contrast.get(phase)
    if correction is None:
        return False, f"{phase.lower()} phase; not corrected"
    words = _PHASE_WORDS.get(phase, f"{phase.lower()} phase")
    words += f"; divided by {correction.factor:g}" if correction.factor != 1 else "; not corrected"
    span = {category_of_hu(round(hu / by, 4), thresholds) for by in (correction.lowest, correction.highest)}
    if span != {category}:
        words += f"; the span of {correction.lowest:g} to {correction.highest:g} crosses a threshold"
        return True, words
    return False, words


def decide_vbq(finding: VbqFinding, thresholds: VbqThresholds) -> Decision:
    """Return the MR category: INDETERMINATE unless the site has a reference for this scanner and protocol."""
    if finding.levels < thresholds.minimum_levels:
        few = Reason(
            code=ReasonCode.TOO_FEW_LEVELS, value=float(finding.levels), limit=float(thresholds.minimum_levels)
        )
        return Decision(Category.NOT_EVALUABLE, (few,))
    if finding.vbq is None or not math.isfinite(finding.vbq):
        return Decision(Category.NOT_EVALUABLE)
    window = window_reasons(finding.repetition_time_ms, finding.echo_time_ms, thresholds)
    reference = next(
        (
            item
            for item in thresholds.references
            if item.fits(finding.manufacturer_model, finding.field_strength_t, finding.repetition_time_ms)
        ),
        None,
    )
    ground = Measured(
        quantity=Quantity.VBQ,
        value=finding.vbq,
        raw=finding.vbq,
        where=finding.where,
        lower=reference.no_flag_below if reference else None,
        upper=reference.suspected_at_or_above if reference else None,
        left_open="TR or TE is outside the validated window or not recorded" if reference and window else "",
    )
    category = _category_of_place(ground) if not window else Category.INDETERMINATE
    missing = () if reference else (Reason(code=ReasonCode.NO_SITE_REFERENCE, blocking=False),)
    return Decision(category, (*window, *missing), finding.vbq, ground)


def _category_of_place(measured: Measured) -> Category:
    return {LimitPosition.SUSPECT: Category.LOW_BONE_DENSITY_SUSPECTED, LimitPosition.CLEAR: Category.NO_FLAG}.get(
        measured.place, Category.INDETERMINATE
    )


def window_reasons(tr_ms: float | None, te_ms: float | None, thresholds: VbqThresholds) -> tuple[Reason, ...]:
    """Return TR_TE_WINDOW reasons (not blocking) for times outside the validated window, or not recorded."""
    reasons = []
    for name, value, low, high in (
        ("TR", tr_ms, thresholds.shortest_tr_ms, thresholds.longest_tr_ms),
        ("TE", te_ms, thresholds.shortest_te_ms, thresholds.longest_te_ms),
    ):
        if value is None:
            reasons.append(Reason(code=ReasonCode.TR_TE_WINDOW, blocking=False, detail=f"{name} is not recorded"))
        elif not low <= value <= high:
            limit = low if value < low else high
            reasons.append(
                Reason(code=ReasonCode.TR_TE_WINDOW, blocking=False, detail=name, value=value, limit=limit, unit="ms")
            )
    return tuple(reasons)


def with_scores(decision: Decision, scores: Sequence[Score]) -> Decision:
    """Return the decision with what models add that the site lets decide; demonstration models and challengers never
    change it.

    A model speaks only where the measurement leaves the category open. A rule-in operating point can raise a flag but
    not take one away; any other negative score means no flag.
    """
    if decision.category not in (Category.INDETERMINATE, Category.NOT_EVALUABLE):
        return decision
    voices = tuple(
        score
        for score in scores
        if score.applicable and score.active and score.decides and not score.demonstration
        if score.positive is not None
    )
    kept = tuple(reason for reason in decision.reasons if reason.code is not ReasonCode.NO_SITE_REFERENCE)
    positive = tuple(score for score in voices if score.positive)
    if positive:
        ground = ByModels(positive, decision.measured)
        return Decision(Category.LOW_BONE_DENSITY_SUSPECTED, kept, decision.value, ground)
    if voices and all(score.operating_point != "rule_in" for score in voices):
        return Decision(Category.NO_FLAG, kept, decision.value, ByModels(voices, decision.measured))
    return decision


def with_deformity(decision: Decision, deformity_suspected: bool) -> Decision:
    """Return the decision with NO_FLAG withheld where a deformity points to fragility whatever the density says."""
    if deformity_suspected and decision.category is Category.NO_FLAG:
        return Decision(Category.INDETERMINATE, decision.reasons, decision.value, Withheld(decision.measured))
    return decision
