"""The verdict over the findings of a study: which series decides, and the category with what qualifies it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from trabecula.analysis.biomarkers.vbq import levels_in_words
from trabecula.analysis.findings import Findings
from trabecula.analysis.fractures import study_fractures
from trabecula.domain.results.decision import (
    AttenuationFinding,
    Decision,
    VbqFinding,
    decide_attenuation,
    decide_vbq,
    with_deformity,
    with_scores,
)
from trabecula.domain.results.ground import ByReasons
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, Score, SeriesRole
from trabecula.domain.results.thresholds import Thresholds
from trabecula.imaging.acquisition import StatedPatient


def deciding_findings(findings: Mapping[SeriesRole, Findings]) -> Findings | None:
    """Return the findings that decide: CT, then T1w, then T2w; one without two levels only where no other has them."""
    ordered = [findings[role] for role in SeriesRole if role in findings]
    able = [found for found in ordered if len(found.evaluable_levels) >= 2]
    seen = [found for found in ordered if found.context.bodies]
    return next(iter(able or seen or ordered), None)


def decide(
    findings: Mapping[SeriesRole, Findings], scores: Sequence[Score], patient: StatedPatient, thresholds: Thresholds
) -> Decision:
    """Return the category of a study."""
    primary = deciding_findings(findings)
    if primary is None:
        return Decision(Category.NOT_EVALUABLE)
    blocking = [reason for reason in primary.study_reasons if reason.blocking]
    too_young = patient.may_be_younger_than(thresholds.minimum_age_years)
    decision = _decide_series(primary, thresholds)
    if too_young or blocking:
        return replace(decision, category=Category.NOT_EVALUABLE, ground=ByReasons())
    return with_deformity(with_scores(decision, scores), bool(study_fractures(findings)))


def _decide_series(found: Findings, thresholds: Thresholds) -> Decision:
    made, levels = found.context.made, len(found.evaluable_levels)
    named = levels_in_words(found.evaluable_levels)
    if found.context.role is SeriesRole.CT:
        hu, where = (found.first_hu, "L1") if found.first_hu is not None else (found.mean_hu, f"mean of {named}")
        return decide_attenuation(
            AttenuationFinding(hu=hu, levels=levels, kvp=made.kvp, phase=found.context.phase, where=where),
            thresholds.attenuation,
        )
    if found.context.role is SeriesRole.T2W:
        detail = "no T1-weighted series before contrast agent; values of T2-weighted series are for research"
        reason = Reason(code=ReasonCode.SEQUENCE_UNSUPPORTED, series_uid=found.context.series_uid, detail=detail)
        return Decision(Category.NOT_EVALUABLE, (reason,))
    score = found.quality.score if found.quality else None
    return decide_vbq(
        VbqFinding(
            vbq=score,
            levels=levels,
            repetition_time_ms=made.repetition_time,
            echo_time_ms=made.echo_time,
            field_strength_t=made.field_strength,
            manufacturer_model=made.model,
            where=named,
        ),
        thresholds.vbq,
    )
