"""The impression: two or three plain lines a radiologist reads first; they never call a spine healthy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trabecula.analysis.acquisition import Patient
from trabecula.analysis.biomarkers.vbq import levels_in_words
from trabecula.analysis.findings import Findings
from trabecula.domain.decision import Decision
from trabecula.domain.eligibility import Reason
from trabecula.domain.result import Category, SeriesRole
from trabecula.domain.spine import Level
from trabecula.domain.thresholds import Thresholds

_ADVICE = {
    Category.LOW_BONE_DENSITY_SUSPECTED: "Consider bone densitometry (DXA or QCT) where none is recent.",
    Category.INDETERMINATE: "Neither suspected nor cleared; bone densitometry decides where risk factors are present.",
    Category.NO_FLAG: "This does not exclude osteoporosis.",
}


def impression(
    decision: Decision, findings: Findings | None, patient: Patient, thresholds: Thresholds, reasons: Sequence[Reason]
) -> tuple[str, ...]:
    """Return the lines of a result; ``findings`` are those of the series that decided, if any."""
    if decision.category is Category.NOT_EVALUABLE or findings is None:
        why = " ".join(_distinct(reason.sentence for reason in reasons if reason.blocking)[:3])
        steps = " ".join(_distinct(reason.code.next_step for reason in reasons if reason.blocking)[:1])
        lines = [f"Not evaluable. {why}".strip(), steps]
    elif findings.context.role is SeriesRole.CT:
        lines = [_ct_line(decision, findings, thresholds), _ct_levels(decision, findings, patient, thresholds)]
        lines.append(_ADVICE[decision.category])
    else:
        lines = [_mr_line(decision, findings), _ADVICE[decision.category]]
    shape = _deformity_line(findings, thresholds)
    return tuple(line for line in ([shape] if shape else []) + lines if line)[:4]


def _distinct(sentences: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sentences))


def _ct_line(decision: Decision, findings: Findings, thresholds: Thresholds) -> str:
    limits = thresholds.attenuation
    where = "L1" if findings.first_hu is not None else f"mean of {levels_in_words(findings.evaluable_levels)}"
    raw = findings.first_hu if findings.first_hu is not None else findings.mean_hu
    value = decision.value if decision.value is not None else 0.0
    corrected = f" (as scanned {raw:.0f} HU)" if raw is not None and abs(raw - value) >= 0.5 else ""
    place = {
        Category.LOW_BONE_DENSITY_SUSPECTED: f"at or below {limits.suspected_at_or_below_hu:g} HU",
        Category.NO_FLAG: f"above {limits.no_flag_above_hu:g} HU",
        Category.INDETERMINATE: f"thresholds {limits.suspected_at_or_below_hu:g} and {limits.no_flag_above_hu:g} HU",
    }[decision.category]
    return f"{decision.category.words}: trabecular attenuation {where} {value:.0f} HU{corrected}, {place}."


def _ct_levels(decision: Decision, findings: Findings, patient: Patient, thresholds: Thresholds) -> str:
    levels = ", ".join(f"{level} {findings.attenuation[level].mean_hu:.0f}" for level in findings.evaluable_levels)
    mean = findings.mean_hu
    line = (
        f"Mean of {levels_in_words(findings.evaluable_levels)}: {mean:.0f} HU ({levels})." if mean is not None else ""
    )
    if patient.age_years is not None and patient.age_years >= thresholds.minimum_age_years:
        expected = thresholds.norm.expected_hu(patient.age_years)
        line += f" Population mean at this age: {expected:.0f} HU (SD {thresholds.norm.sd_hu:g})."
    return line


def _mr_line(decision: Decision, findings: Findings) -> str:
    quality, made = findings.quality, findings.context.made
    if quality is None:
        return f"{decision.category.words}."
    facts = ", ".join(
        fact
        for fact in (
            findings.context.role.value,
            f"{made.field_strength:g} T" if made.field_strength else "",
            f"TR {made.repetition_time:g} ms" if made.repetition_time else "",
            f"TE {made.echo_time:g} ms" if made.echo_time is not None else "",
        )
        if fact
    )
    name = "VBQ" if findings.context.role is SeriesRole.T1W else "T2-based VBQ (research)"
    value = f"{quality.score:.2f} ± {quality.standard_error:.2f} over {levels_in_words(quality.levels)}"
    told = "it depends on scanner and protocol and has no universal threshold"
    return f"{decision.category.words}: {name} {value} ({facts}); {told}."


def _deformity_line(findings: Findings | None, thresholds: Thresholds) -> str:
    if findings is None:
        return ""
    shown = [
        f"{level} ({found.kind}, grade {found.grade})"
        for level, found in sorted(findings.deformities.items(), key=_by_level)
        if found.grade >= thresholds.deformity.report_from_grade
    ]
    if not shown:
        return ""
    plural = "deformities" if len(shown) > 1 else "deformity"
    advice = "consider fragility fracture assessment, whatever the density"
    return f"Vertebral {plural} suspected: {', '.join(shown)}; {advice}."


def _by_level(item: tuple[Level, object]) -> int:
    return item[0].value
