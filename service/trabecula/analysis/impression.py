"""The impression: a few plain lines that stand below the category; they never call a spine healthy.

Possible fractures stand before them (``fractures``).

The category itself is named once, above these lines, by whoever prints them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trabecula.analysis.biomarkers.vbq import levels_in_words
from trabecula.analysis.expected import ExpectedAttenuation
from trabecula.analysis.findings import Findings
from trabecula.analysis.ground_words import ground_lines
from trabecula.domain.results.advice import ADVICE
from trabecula.domain.results.decision import Decision
from trabecula.domain.results.ground import Withheld
from trabecula.domain.results.reasons import Reason
from trabecula.domain.results.result import Category, SeriesRole


def impression(
    decision: Decision,
    findings: Findings | None,
    expected: ExpectedAttenuation | None,
    reasons: Sequence[Reason],
) -> tuple[str, ...]:
    """Return the lines of a result; ``findings`` are those of the series that decided, if any, ``expected`` what a norm
    says of the patient's age."""
    lines: list[str] = []
    if decision.category is Category.NOT_EVALUABLE or findings is None:
        lines.extend(_why_not(reasons))
    else:
        lines.extend(ground_lines(decision.ground, _facts(findings)))
        if findings.context.role is SeriesRole.CT:
            lines.append(_levels_line(findings, expected))
        lines.append(ADVICE[decision.category])
    return tuple(line for line in lines if line)


REPORTED_AS = "Automatic bone density screening"


def report_sentence(decision: Decision, fractures: Sequence[str], reasons: Sequence[Reason]) -> str:
    """Return the finding as one paragraph to be pasted into a report: possible fractures first, then what the category
    rests on, then advice. It says no more than the impression and excludes nothing."""
    words, ground = decision.category.words, decision.ground
    if decision.category is Category.NOT_EVALUABLE:
        said = [f"{words}.", *_why_not(reasons)[:1], ADVICE[decision.category]]
    elif isinstance(ground, Withheld):
        beside = ground_lines(ground)[1:]
        said = [f"{words} because of the possible vertebral fracture.", *beside]
    else:
        said = [f"{words}.", *ground_lines(ground)]
        if decision.category is not Category.NO_FLAG:  # its words say already what it does not exclude
            said.append(ADVICE[decision.category])
    return f"{REPORTED_AS}: {' '.join(_distinct([*fractures, *said]))}"


def _why_not(reasons: Sequence[Reason]) -> list[str]:
    blocking = [reason for reason in reasons if reason.blocking]
    why = " ".join(_distinct(reason.sentence for reason in blocking)[:3])
    steps = _distinct(reason.code.next_step for reason in blocking if not reason.code.next_step.startswith("None"))
    return [why or ADVICE[Category.NOT_EVALUABLE], *steps[:1]]


def _distinct(sentences: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(sentences))


def _levels_line(findings: Findings, expected: ExpectedAttenuation | None) -> str:
    """The levels as scanned, and what the norm expects of its own level."""
    levels = ", ".join(f"{level} {findings.attenuation[level].mean_hu:.0f}" for level in findings.evaluable_levels)
    mean = findings.mean_hu
    if mean is None:
        return ""
    line = f"Mean of {levels_in_words(findings.evaluable_levels)} as scanned: {mean:.0f} HU ({levels})."
    if expected is None:
        return line
    line += f" Population mean of {expected.level} at this age: {expected.mean_hu:.0f} HU (SD {expected.sd_hu:g}"
    return line + (f"; z-score {expected.z_score:+.1f})." if expected.z_score is not None else ").")


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
