"""Whether contrast agent was given before a series, and in which phase a CT was taken: by tags, then by words."""

from __future__ import annotations

from trabecula.analysis.acquisition import Acquisition
from trabecula.analysis.wording import is_term, mentions, normalised
from trabecula.domain.thresholds import ContrastPhase


def contrast_given(made: Acquisition) -> bool:
    """Return whether the header says that contrast agent was given.

    Contrast/Bolus Agent (0018,0010) counts unless it says "none" in one of many languages; the words of the series
    count where the agent is not recorded and they do not deny it ("w/o", "pre", ...).
    """
    agent = made.contrast_agent.strip()
    if agent:
        return not (is_term((agent,), "contrast_none") or _denies(agent))
    if made.contrast_given is not None:
        return made.contrast_given
    words = f"{made.description} {made.protocol}"
    return mentions(words, "contrast") and not _denies(words)


def contrast_phase(made: Acquisition) -> ContrastPhase:
    """Return the phase of a CT series; UNKNOWN where agent was given and nothing tells when."""
    words = f"{made.description} {made.protocol}"
    given = contrast_given(made)
    if not given and (made.contrast_agent.strip() or _denies(words)):
        return ContrastPhase.NATIVE
    for phase, name in (
        (ContrastPhase.DELAYED, "phase_delayed"),
        (ContrastPhase.VENOUS, "phase_venous"),
        (ContrastPhase.ARTERIAL, "phase_arterial"),
    ):
        if mentions(words, name):
            return phase
    return ContrastPhase.UNKNOWN if given else ContrastPhase.NATIVE


def _denies(words: str) -> bool:
    return bool(normalised(words)) and mentions(words, "contrast_absent")
