"""Earlier results of the same person: which number of a result can be compared, and in words how it changed."""

from __future__ import annotations

from dataclasses import replace

from trabecula.domain import codes
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, Measurement, PriorResult, StudyResult
from trabecula.domain.results.scale import ValueScale
from trabecula.domain.spine import Level
from trabecula.domain.uids import SeriesUid

_NAMES = {"CT": "L1", "MR": "VBQ"}
_UNITS = {"CT": " HU", "MR": ""}


def comparable(result: StudyResult) -> tuple[str, float] | None:
    """Return modality and the number of a result that later ones are compared with: attenuation of L1 as it is held
    against the limits (CT), or VBQ of a T1w series (MR). None where there is none, or nothing was evaluable."""
    if result.category is Category.NOT_EVALUABLE:
        return None
    first = result.level(Level.L1)
    for item in first.measurements if first is not None and first.evaluable else ():
        if item.concept == codes.ATTENUATION and item.derivation == codes.MEAN and item.method == "trab_v1":
            return "CT", round((result.scale or ValueScale()).compared(item.value), 2)
    score = next((item.value for item in result.summary if item.method.startswith("vbq_v1")), None)
    return None if score is None else ("MR", score)


def as_prior(result: StudyResult, study_date: str) -> PriorResult | None:
    """Return a result as later ones name it; None where it has nothing to compare."""
    found = comparable(result)
    if found is None:
        return None
    return PriorResult(
        study_uid=result.study_uid,
        revision=result.revision,
        study_date=study_date,
        modality=found[0],
        value=found[1],
        category=str(result.category),
    )


def with_priors(result: StudyResult, priors: tuple[PriorResult, ...]) -> StudyResult:
    """Return a result that names earlier ones: a line of the impression for each, and the change since the newest one
    of the same modality as a value of the study. They are part of the result from then on."""
    if not priors or any(item.blocking and item.code is ReasonCode.PATIENT_CONFLICT for item in result.reasons):
        return result  # whose earlier results they are is not known where the images may show two people
    lines = tuple(prior_line(prior, result) for prior in priors)
    now = comparable(result)
    same = next((prior for prior in priors if now is not None and prior.modality == now[0]), None)
    changes: tuple[Measurement, ...] = ()
    if same is not None and now is not None and same.value:
        change = Measurement(
            concept=codes.CHANGE_SINCE_PRIOR,
            value=round(100 * (now[1] - same.value) / same.value, 1),
            unit=codes.PERCENT,
            method=f"prior {same.study_date}" + (" L1" if same.modality == "CT" else ""),
            series_uid=SeriesUid(result.primary),
        )
        changes = (change,)
    return replace(result, priors=priors, impression=(*result.impression, *lines), summary=(*result.summary, *changes))


def prior_line(prior: PriorResult, result: StudyResult) -> str:
    """Return an earlier result in words, with its change where both can be compared."""
    name, unit, now = _NAMES[prior.modality], _UNITS[prior.modality], comparable(result)
    line = f"Earlier {prior.modality} ({_date(prior.study_date)}): {name} {_number(prior.value, prior.modality)}{unit}"
    if now is None or now[0] != prior.modality or not prior.value:
        return f"{line}, {Category(prior.category).words.lower()}; not comparable with this study."
    percent = 100 * (now[1] - prior.value) / prior.value
    line += f"; now {_number(now[1], prior.modality)}{unit} ({percent:+.0f} %)"
    least = result.scale.least_change_percent if result.scale is not None else None
    if least is None:
        return f"{line}; no least significant change is known for it."
    side = "more than" if abs(percent) > least else "not more than"
    return f"{line}, {side} the least significant change ({least:g} %)."


def _number(value: float, modality: str) -> str:
    return f"{value:.0f}" if modality == "CT" else f"{value:.2f}"


def _date(value: str) -> str:
    return f"{value[:4]}-{value[4:6]}-{value[6:8]}" if len(value) == 8 and value.isdigit() else value
