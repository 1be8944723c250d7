"""What people read: numbers with their unit, the impression, comments and reasons, in plain English sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable

from trabecula.domain import codes
from trabecula.domain.codes import Code
from trabecula.domain.models.validation import ModelVerdict
from trabecula.domain.results.advice import ADVICE
from trabecula.domain.results.ground import told, told_percent
from trabecula.domain.results.reasons import Reason
from trabecula.domain.results.result import Measurement, Score, SourceSeries, StudyResult
from trabecula.domain.results.scale import ValueScale
from trabecula.reporting.languages.telling import ENGLISH, Texts

RESEARCH_USE = "RESEARCH USE ONLY - not a medical device; does not replace DXA/QCT; not for ruling out low bone density"
NOT_REVIEWED = "Automatic software result, not reviewed by a physician. It is not a diagnosis."

_DECIMALS = {
    codes.HOUNSFIELD: 1,
    codes.PERCENT: 1,
    codes.CUBIC_CENTIMETRE: 2,
    codes.MILLIMETRE: 1,
    codes.RATIO: 2,
}
_UNIT_SIGNS = {codes.HOUNSFIELD: "HU", codes.PERCENT: "%", codes.CUBIC_CENTIMETRE: "cm3", codes.RATIO: ""}

_FACTS = {
    "kvp": ("", " kVp"),
    "kernel": ("kernel", ""),
    "slice_thickness_mm": ("slices", " mm"),
    "repetition_time_ms": ("TR", " ms"),
    "echo_time_ms": ("TE", " ms"),
    "inversion_time_ms": ("TI", " ms"),
    "field_strength_t": ("", " T"),
    "contrast_agent": ("contrast agent", ""),
}
"""Acquisition facts people look for, with the words before and the unit after."""
_DIGEST = re.compile(r"[0-9a-f]{24,}")


def rounded(value: float, unit: Code, concept: Code) -> float:
    """Return the value with the decimals that its unit deserves (a signal intensity fewer than a ratio)."""
    return round(float(value), _decimals(unit, concept))


def amount(item: Measurement) -> str:
    """Return a measurement's value with its unit, e.g. ``123.4 HU``."""
    sign = _UNIT_SIGNS.get(item.unit, item.unit.value)
    return f"{item.value:.{_decimals(item.unit, item.concept)}f}{' ' + sign if sign else ''}"


def _decimals(unit: Code, concept: Code) -> int:
    return 1 if concept in (codes.MR_SIGNAL, codes.CSF_SIGNAL) else _DECIMALS.get(unit, 2)


def short_name(measurement: Measurement) -> str:
    """Return a short name for a table or a line, e.g. ``HU mean`` or ``VBQ``."""
    names = {
        codes.ATTENUATION: "Attenuation",
        codes.MR_SIGNAL: "MR signal",
        codes.VBQ: "VBQ",
        codes.VOLUME: "Volume",
        codes.CSF_SIGNAL: "CSF signal",
        codes.HEIGHT_LOSS: "Height loss",
        codes.EXPECTED_ATTENUATION: "Expected at this age",
        codes.AGE_Z_SCORE: "Z-score for age",
        codes.ANTERIOR_HEIGHT: "Ant. height",
        codes.MIDDLE_HEIGHT: "Mid height",
        codes.POSTERIOR_HEIGHT: "Post. height",
        codes.SEGMENTATION_QUALITY: "Outline",
    }
    name = names.get(measurement.concept, measurement.concept.meaning)
    if measurement.derivation == codes.STANDARD_DEVIATION:
        return f"{_UNIT_SIGNS.get(measurement.unit) or name} SD"
    if measurement.derivation in (None, codes.MEAN):
        return name
    return f"{name} {measurement.derivation.meaning.lower()}"


def level_values(result: StudyResult) -> str:
    """Return the leading value of each evaluable level on one line, or nothing."""
    parts = []
    for level in result.levels:
        leading = leading_measurement(level.measurements)
        if leading is not None and level.evaluable:
            parts.append(f"{level.level} {amount(leading)}")
    return ", ".join(parts)


def leading_measurement(measurements: Iterable[Measurement]) -> Measurement | None:
    """Return the measurement that stands for a level: mean attenuation, else the VBQ, else the mean MR signal."""
    found = tuple(measurements)
    for concept in (codes.ATTENUATION, codes.VBQ, codes.MR_SIGNAL):
        for item in found:
            if item.concept == concept and item.derivation in (codes.MEAN, None):
                return item
    return None


def shown_scores(result: StudyResult) -> tuple[Score, ...]:
    """Return the scores a report shows: of active models, with a probability. Silent challengers never appear, and
    neither does a number that is no probability."""
    return tuple(score for score in result.scores if score.active and score.applicable and _is_probability(score))


def _is_probability(score: Score) -> bool:
    return score.probability is not None and 0.0 <= score.probability <= 1.0


def abstentions(result: StudyResult) -> tuple[Score, ...]:
    """Return the active models that abstained."""
    return tuple(score for score in result.scores if score.active and not score.applicable)


def score_line(score: Score) -> str:
    """Return one model's output as a sentence; a demonstration model, and one that its own validation does not support,
    say so before anything else."""
    label = "DEMONSTRATION MODEL, no clinical meaning: " if score.demonstration else ""
    if score.verdict is ModelVerdict.NO:
        label += "MODEL NOT SUPPORTED BY ITS OWN VALIDATION: "
    line = f"{label}{score.name}: probability of {score.question} {score.probability:.0%}"
    if score.threshold is not None and score.probability is not None:
        shown, limit = told_percent(score.probability, score.threshold)
        line = f"{label}{score.name}: probability of {score.question} {shown}%"
        point = f"{score.operating_point} " if score.operating_point else ""
        line += f" ({point}threshold {limit}%{', positive' if score.positive else ''})"
    return line + "."


def impression_lines(result: StudyResult) -> tuple[str, ...]:
    """Return the impression: the category, named once, what models said that did not set it (demonstration models
    named as such), what the category rests on, values and advice."""
    headline = result.category.words + "."
    own = tuple(line for line in result.impression if line.rstrip(".").casefold() != headline.rstrip(".").casefold())
    if not own:
        values = level_values(result)
        own = (*((values + ".",) if values else ()), ADVICE[result.category])
    scores = sorted(shown_scores(result), key=lambda score: not score.demonstration)
    said = tuple(line for score in scores if (line := _beside_the_category(score, result, own)))
    return (headline, *said, *own)


def _beside_the_category(score: Score, result: StudyResult, own: Iterable[str]) -> str:
    """The line of a model that did not set the category; "" for one whose answer the impression already gives."""
    if any(f"{score.name}: probability of {score.question} " in line for line in own):
        return ""
    line = score_line(score)
    if score.demonstration or result.decided_by is None:
        return line
    return f"{line} It did not set the category."


_SHORT_REASONS = {
    "FRACTURE_LEVEL": "possible fracture",
    "METAL": "metal",
    "CEMENT": "cement",
    "FOCAL_LESION": "focal lesion",
    "OUTLIER_LEVEL": "differs from the others",
    "LEVEL_NOT_FOUND": "not found",
    "BORDER": "cut by the images",
    "FOV_TRUNCATION": "cut by the field of view",
    "SEG_QC": "outline not reliable",
    "SEG_WARNING": "unusual outline",
    "UNREADABLE_PIXELS": "unreadable pixels",
    "UPSIDE_DOWN": "orientation in doubt",
    "HU_SANITY": "HU not plausible",
    "PIXEL_SPACING": "pixel size in doubt",
    "SIGNAL_WINDOWED": "signals cut off",
    "SIGNAL_OFFSET": "signals shifted",
    "NUMBERING_AMBIGUOUS": "level not certain",
}
"""By name of the reason; any other by its name in small letters."""


def short_reason(reason: Reason, texts: Texts = ENGLISH) -> str:
    """Return a reason of a level in two or three words; the sentence stands elsewhere."""
    return texts.about(reason.code, _SHORT_REASONS)


def paste_text(result: StudyResult) -> str:
    """Return the finding as one paragraph to be pasted into a report; results of earlier releases have none of their
    own, and say their impression."""
    return result.for_report or " ".join(impression_lines(result))


def compared_words(item: Measurement, scale: ValueScale | None) -> str:
    """Return a level's value as it is held against the limits, with as few decimals as keep it on its side of them:
    ``128`` (HU) or ``2.86`` (VBQ)."""
    held = scale or ValueScale()
    limits = [limit for limit in (held.lower, held.upper) if limit is not None]
    if item.concept == codes.MR_SIGNAL:
        return f"{item.value:.0f}"
    return told(round(held.compared(item.value), 4), limits, 0 if item.concept == codes.ATTENUATION else 2)[0]


_STUDY_VALUES = (
    ("trab_v1 L1-L4", "mean L1-L4 as scanned"),
    ("trab_v1 L1", "L1 as scanned"),
    ("vbq_v1", "VBQ"),
    ("vbq_voxels_v1", "VBQ over all voxels"),
    ("t2_vbq_v1", "T2-weighted ratio (research)"),
    ("csf_v1", "fluid signal"),
)
"""What stands for the names of our definitions; the first whose beginning fits."""


def study_value(item: Measurement) -> str:
    """Return a value of the study with what it is, in words: ``mean L1-L4 as scanned 73.5 HU``."""
    name = next((words for start, words in _STUDY_VALUES if item.method.startswith(start)), "")
    return f"{name or short_name(item)} {amount(item)}"


def reason_line(reason: Reason) -> str:
    """Return a reason with what would help."""
    step = reason.code.next_step
    return reason.sentence if step.startswith("None") else f"{reason.sentence} {step}"


def all_reasons(result: StudyResult) -> tuple[Reason, ...]:
    """Return the study's, the levels' and the abstaining models' reasons without repetition, blocking ones first."""
    gathered = [*result.reasons]
    for level in result.levels:
        gathered.extend(level.flags)
    for score in abstentions(result):
        gathered.extend(score.reasons)
    return tuple(sorted(dict.fromkeys(gathered), key=lambda reason: not reason.blocking))


def comments(result: StudyResult) -> tuple[str, ...]:
    """Return the comments: research use, not reviewed, numbering, reasons."""
    lines = [RESEARCH_USE + ".", NOT_REVIEWED]
    if result.numbering:
        lines.append(f"Numbering of the levels: {result.numbering.rstrip('.')}.")
    for score in abstentions(result):
        lines.append(f"Model {score.name} gave no score for this study.")
    return (*lines, *(reason_line(reason) for reason in all_reasons(result)))


def versions_line(result: StudyResult, *, digests: bool = True) -> str:
    """Return the versions that made the result, e.g. ``segmenter lumbar-net 3, roi trab_v1``; digests are shortened,
    or left out."""
    shown = {name: _DIGEST.sub(lambda found: found[0][:12], value) for name, value in result.versions.items()}
    kept = {name: value for name, value in shown.items() if digests or not name.endswith("sha256")}
    return ", ".join(f"{name} {value}" for name, value in kept.items() if name != "software")


def acquisition_line(source: SourceSeries) -> str:
    """Return how a series was acquired, e.g. ``CT series 4 "LSP 3.0": SIEMENS SOMATOM, 120 kVp, kernel Br40d``."""
    facts = source.acquisition
    parts = [" ".join(str(facts[key]) for key in ("manufacturer", "model") if key in facts)]
    parts += [
        f"{words} {facts[key]:g}{sign}".strip() if isinstance(facts[key], float) else f"{words} {facts[key]}".strip()
        for key, (words, sign) in _FACTS.items()
        if key in facts
    ]
    number = f"series {source.number}" if source.number is not None else "series"
    description = f' "{source.description}"' if source.description.strip(" ,") else ""
    return f"{source.role.value} {number}{description}: {', '.join(part for part in parts if part)}."
