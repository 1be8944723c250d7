"""The sentences that say what a category rests on, each made from the ground of the decision alone."""

from __future__ import annotations

from trabecula.domain.models.validation import ModelVerdict
from trabecula.domain.results.ground import (
    ByModels,
    ByReasons,
    Ground,
    LimitPosition,
    Measured,
    Quantity,
    Withheld,
    told,
    told_percent,
)
from trabecula.domain.results.result import Score


def ground_lines(ground: Ground, facts: str = "") -> tuple[str, ...]:
    """Return the lines of a ground, the deciding one first; none where reasons decided.

    ``facts`` are words about the measurement (levels, acquisition), put in brackets behind its value.
    """
    match ground:
        case Measured():
            return (measured_line(ground, facts),)
        case ByModels(scores, measured):
            return (*map(model_line, scores), *_open(measured, facts))
        case Withheld(measured):
            return ("The category is left open because of the possible vertebral fracture.", *_beside(measured, facts))
        case ByReasons():
            return ()


def measured_line(measured: Measured, facts: str = "") -> str:
    """Return a value with its place among the limits, and why it does not decide where it does not."""
    line = f"{_value(measured, facts)}{_place(measured)}"
    return f"{line}; left open: {measured.left_open}." if measured.left_open else f"{line}."


def model_line(score: Score) -> str:
    """Return what one deciding model said: its name, its question, its answer against its operating point."""
    line = f"The category was set by the model {score.name}: probability of {score.question}"
    if score.probability is None:
        return f"{line} not given."
    if score.threshold is None:
        return f"{line} {score.probability:.0%}."
    shown, limit = told_percent(score.probability, score.threshold)
    side = "at or above" if score.probability >= score.threshold else "below"
    point = f"{score.operating_point} operating point" if score.operating_point else "operating point"
    doubt = (
        " Its own validation does not support it; this site lets it decide." if score.verdict is ModelVerdict.NO else ""
    )
    return f"{line} {shown} %, {side} its {point} of {limit} %.{doubt}"


def _open(measured: Measured | None, facts: str) -> tuple[str, ...]:
    if measured is None:
        return ("The measurement alone gives no category.",)
    line = measured_line(measured, facts)
    return (line if measured.left_open else f"{line[:-1]}; the measurement alone leaves it open.",)


def _beside(measured: Measured | None, facts: str) -> tuple[str, ...]:
    return () if measured is None else (measured_line(measured, facts),)


def _value(measured: Measured, facts: str) -> str:
    if measured.quantity is Quantity.VBQ:
        shown = _told(measured)[0]
        return f"VBQ {shown} over {measured.where}{f' ({facts})' if facts else ''}"
    shown, _ = _told(measured)
    notes = [facts] if facts else []
    if abs(measured.raw - measured.value) >= 0.5:
        notes.append(f"as scanned {measured.raw:.0f} HU")
    if measured.offset:
        notes.append(f"{measured.value:.0f} HU before the site's offset of {measured.offset:g} HU")
    line = f"Trabecular attenuation {measured.where} {shown} HU"
    return f"{line} ({'; '.join(notes)})" if notes else line


def _told(measured: Measured) -> tuple[str, tuple[str, ...]]:
    limits = tuple(limit for limit in (measured.lower, measured.upper) if limit is not None)
    return told(measured.compared, limits, 0 if measured.quantity is Quantity.ATTENUATION else 2)


def _place(measured: Measured) -> str:
    if measured.place is LimitPosition.NO_LIMITS:
        return "; it depends on scanner and protocol and has no universal threshold"
    low, high = _told(measured)[1]
    if measured.quantity is Quantity.ATTENUATION:
        return {
            LimitPosition.SUSPECT: f", at or below {low} HU",
            LimitPosition.BETWEEN: f", above {low} HU and not above {high} HU",
            LimitPosition.CLEAR: f", above {high} HU",
        }[measured.place]
    site = "of this site's reference for the scanner; VBQ has no universal threshold"
    return {
        LimitPosition.SUSPECT: f", at or above {high} {site}",
        LimitPosition.BETWEEN: f", at or above {low} and below {high} {site}",
        LimitPosition.CLEAR: f", below {low} {site}",
    }[measured.place]
