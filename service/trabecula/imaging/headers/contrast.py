"""Whether contrast agent reached the vertebrae before a series, and in which phase a CT was taken: signs, weighed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.imaging.acquisition import Acquisition
from trabecula.imaging.headers.contrast_words import WordSign, agent_sign, route_sign, series_words
from trabecula.imaging.words import mentions


class ContrastState(StrEnum):
    """What the signs of a series say together."""

    NONE = "none"
    GIVEN = "given"
    DOUBTFUL = "doubtful"
    """One sign that nothing corroborates: measured with a warning."""
    CONTRADICTED = "contradicted"
    """Signs for and against: an MR series is not measured, a CT series as in DOUBTFUL."""


@dataclass(frozen=True)
class ContrastEvidence:
    """The state and the signs it rests on, in words a reader finds again in the header."""

    state: ContrastState
    signs: str = ""


@lru_cache(maxsize=4096)
def contrast_evidence(made: Acquisition) -> ContrastEvidence:
    """Weigh the signs of contrast agent: the agent's name, its route and amount, the words of the series.

    A word that is not known to name an agent counts for nothing alone; a known agent, or one more sign, is needed. A
    volume of 0 and words such as "native" speak against. What went into the bowel, the canal or a joint is no
    intravenous agent; in the canal and in a joint it is told of an MR series, whose fluid it changes.
    """
    agent = made.contrast_agent.strip()
    sign, words = agent_sign(agent), series_words(made)
    route = route_sign(made.contrast_route)
    amount = _amount(made)
    if route == "elsewhere" or (sign == "oral" and route != "vascular"):
        return _elsewhere(made, words)
    against = [text for text in (_said_zero(made), _quoted(words) if words.kind == "absent" else "") if text]
    for_it = [text for text in (amount, _quoted(words) if words.kind == "given" else "") if text]
    if made.contrast_given is False:  # said of each frame of an Enhanced image, whatever the examination used
        return _weigh(made, "none", words, for_it, against)
    return _weigh(made, sign, words, for_it, against)


def _weigh(made: Acquisition, sign: str, words: WordSign, for_it: list[str], against: list[str]) -> ContrastEvidence:
    """The table of decisions by what the agent's name says."""
    named = f"Contrast/Bolus Agent: {made.contrast_agent.strip()}"
    hints = _hints(made, words)
    if sign == "agent":
        state = ContrastState.CONTRADICTED if against else ContrastState.GIVEN
        return ContrastEvidence(state, "; ".join([named, *against]))
    if sign == "none":
        if for_it:
            return ContrastEvidence(ContrastState.CONTRADICTED, "; ".join([named, *for_it]))
        if words.kind in ("hint", "both"):
            return ContrastEvidence(ContrastState.DOUBTFUL, f"{named}; {_quoted(words)}")
        return ContrastEvidence(ContrastState.NONE)
    if sign == "word":
        if against and for_it:
            return ContrastEvidence(ContrastState.CONTRADICTED, "; ".join([named, *for_it, *against]))
        if against:
            return ContrastEvidence(ContrastState.NONE, "; ".join([named, *against]))
        if for_it or hints or made.contrast_given:
            return ContrastEvidence(ContrastState.GIVEN, "; ".join([named, *for_it, *hints]))
        return ContrastEvidence(ContrastState.DOUBTFUL, named)
    if made.contrast_given:
        for_it = ["Contrast Agent Administered: YES", *for_it]
    if for_it and against:
        return ContrastEvidence(ContrastState.CONTRADICTED, "; ".join([*for_it, *against]))
    if for_it:
        return ContrastEvidence(ContrastState.GIVEN, "; ".join(for_it))
    if hints and (not against or words.kind in ("hint", "both")):
        state = ContrastState.GIVEN if len(hints) > 1 and not against else ContrastState.DOUBTFUL
        return ContrastEvidence(state, "; ".join([*hints, *against]))
    return ContrastEvidence(ContrastState.NONE)


def contrast_given(made: Acquisition) -> bool:
    """Return whether contrast agent was given into a vessel, with more than one word to show for it."""
    return contrast_evidence(made).state is ContrastState.GIVEN


def contrast_phase(made: Acquisition) -> ContrastPhase:
    """Return the phase of a CT series; UNKNOWN where agent was given and nothing tells when, DOUBTFUL where signs
    disagree or one stands alone."""
    state = contrast_evidence(made).state
    if state is ContrastState.NONE:
        return ContrastPhase.NATIVE
    if state is not ContrastState.GIVEN:
        return ContrastPhase.DOUBTFUL
    words = made.description if mentions(made.description, "phase") else f"{made.description} {made.protocol}"
    for phase, name in (
        (ContrastPhase.DELAYED, "phase_delayed"),
        (ContrastPhase.VENOUS, "phase_venous"),
        (ContrastPhase.ARTERIAL, "phase_arterial"),
    ):
        if mentions(words, name):
            return phase
    return ContrastPhase.UNKNOWN


def contrast_remark(made: Acquisition) -> tuple[Reason, ...]:
    """Return the warning of a series whose signs leave open whether contrast agent was given, or which tell a word
    that was not believed."""
    found = contrast_evidence(made)
    if found.state is ContrastState.GIVEN or not found.signs:
        return ()
    taken = "; taken as native" if found.state is ContrastState.NONE else ""
    detail = f"{found.signs}{taken}"
    return (Reason(code=ReasonCode.CONTRAST_UNCLEAR, blocking=False, series_uid=made.series_uid, detail=detail),)


def _elsewhere(made: Acquisition, words: WordSign) -> ContrastEvidence:
    """The agent named did not go into a vessel; only the words of the series may still tell of another one."""
    named = f"Contrast/Bolus Agent: {made.contrast_agent.strip()}; Route: {made.contrast_route}"
    if words.kind == "given":
        return ContrastEvidence(ContrastState.GIVEN, f"{_quoted(words)} beside {named}")
    if made.modality == "MR" and mentions(made.contrast_route, "route_in_fluid"):
        return ContrastEvidence(ContrastState.CONTRADICTED, named)
    return ContrastEvidence(ContrastState.NONE)


def _amount(made: Acquisition) -> str:
    """What was injected, as far as it is more than nothing."""
    for name, value, unit in (
        ("Volume", made.contrast_volume_ml, "ml"),
        ("Total Dose", made.contrast_dose_ml, "ml"),
    ):
        if value is not None and value > 0:
            return f"Contrast/Bolus {name}: {value:g} {unit}"
    return ""


def _said_zero(made: Acquisition) -> str:
    values = [value for value in (made.contrast_volume_ml, made.contrast_dose_ml) if value is not None]
    return "Contrast/Bolus Volume: 0" if values and max(values) <= 0 else ""


def _hints(made: Acquisition, words: WordSign) -> list[str]:
    """Signs that prove nothing alone: a route, a start time, an ingredient, a word with other meanings."""
    found = []
    if route_sign(made.contrast_route) == "vascular":
        found.append(f"Contrast/Bolus Route: {made.contrast_route}")
    if re.search(r"[1-9]", made.contrast_start):
        found.append("Contrast/Bolus Start Time is recorded")
    if made.contrast_ingredient and agent_sign(made.contrast_ingredient) != "none":
        found.append(f"Contrast/Bolus Ingredient: {made.contrast_ingredient}")
    if words.kind in ("hint", "both"):
        found.append(_quoted(words))
    return found


def _quoted(words: WordSign) -> str:
    return f"{words.place} says '{words.word}'"
