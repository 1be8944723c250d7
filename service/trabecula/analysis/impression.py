"""The impression: a few plain lines that stand below the category; they never call a spine healthy.

The category itself is named once, above these lines, by whoever prints them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trabecula.analysis.biomarkers.vbq import levels_in_words
from trabecula.analysis.findings import Findings
from trabecula.analysis.ground_words import ground_lines
from trabecula.domain.results.advice import ADVICE
from trabecula.domain.results.decision import Decision
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, SeriesRole
from trabecula.domain.results.thresholds import Thresholds
from trabecula.imaging.acquisition import StatedPatient


def impression(
    decision: Decision,
    findings: Findings | None,
    patient: StatedPatient,
    thresholds: Thresholds,
    reasons: Sequence[Reason],
) -> tuple[str, ...]:
    """Return the lines of a result; ``findings`` are those of the series that decided, if any."""
    lines = [_deformity_line(findings)]
    if decision.category is Category.NOT_EVALUABLE or findings is None:
        lines.extend(_why_not(reasons))
    else:
        lines.extend(ground_lines(decision.ground, _facts(findings)))
        if findings.context.role is SeriesRole.CT:
            lines.append(_levels_line(findings, patient, thresholds))
        lines.append(ADVICE[decision.category])
    return tuple(line for line in lines if line)


def _why_not(reasons: Sequence[Reason]) -> list[str]:
    blocking = [reason for reason in reasons if reason.blocking]
    why = " ".join(_distinct(reason.sentence for reason in blocking)[:3])
    steps = _distinct(reason.code.next_step for reason in blocking if not reason.code.next_step.startswith("None"))
    return [why or ADVICE[Category.NOT_EVALUABLE], *steps[:1]]


def _distinct(sentences: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sentences))


def _levels_line(findings: Findings, patient: StatedPatient, thresholds: Thresholds) -> str:
    """The levels as scanned, and what the norm expects of its own level where that was measured at an age that is
    known and not contradicted (it is None then)."""
    levels = ", ".join(f"{level} {findings.attenuation[level].mean_hu:.0f}" for level in findings.evaluable_levels)
    mean, norm = findings.mean_hu, thresholds.norm
    if mean is None:
        return ""
    line = f"Mean of {levels_in_words(findings.evaluable_levels)} as scanned: {mean:.0f} HU ({levels})."
    expected = None if patient.age_years is None else norm.expected_hu(patient.age_years)
    if expected is not None and norm.level in findings.evaluable_levels:
        line += f" Population mean of {norm.level} at this age: {expected:.0f} HU (SD {norm.sd_hu:g})."
    return line


def _facts(findings: Findings) -> str:
    """What is told of an MR measurement beside its value: the levels' range, weighting, field strength, times."""
    quality, made = findings.quality, findings.context.made
    if quality is None:
        return ""
    parts = (
        f"levels {quality.lowest:.2f} to {quality.highest:.2f}" if len(quality.levels) > 1 else "",
        findings.context.role.value,
        f"{made.field_strength:g} T" if made.field_strength else "",
        f"TR {made.repetition_time:g} ms" if made.repetition_time else "",
        f"TE {made.echo_time:g} ms" if made.echo_time is not None else "",
    )
    return ", ".join(part for part in parts if part)


def _deformity_line(findings: Findings | None) -> str:
    found = findings.reported_deformities if findings is not None else {}
    if findings is None or not found:
        return ""
    unsure = any(reason.code is ReasonCode.NUMBERING_AMBIGUOUS and reason.blocking for reason in findings.study_reasons)
    shown = [
        f"{'a body whose level is not certain' if unsure else level} ({deformity.kind}, grade {deformity.grade})"
        for level, deformity in found.items()
    ]
    plural = "deformities" if len(shown) > 1 else "deformity"
    advice = "consider fragility fracture assessment, whatever the density"
    return f"Vertebral {plural} suspected: {', '.join(shown)}; {advice}."
