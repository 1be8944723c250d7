"""What single words say of contrast agent: the agent's name, its route, and the words of the series."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from trabecula.imaging.acquisition import Acquisition
from trabecula.imaging.words import is_phrase, mentions, normalised, without, word_of

AgentSign = Literal["", "none", "agent", "oral", "word"]
RouteSign = Literal["", "vascular", "elsewhere"]

_PHASES = ("phase_arterial", "phase_venous", "phase_delayed", "phase_hint")
_NOTHING = re.compile(r"0[0 ]*(?:ml|cc|mg|g|l)?")


@dataclass(frozen=True)
class WordSign:
    """What the words of a series say: ``given``, ``absent``, ``both``, ``hint`` (a word with other meanings) or
    nothing; which word, and where it stands."""

    kind: Literal["", "given", "absent", "both", "hint"] = ""
    word: str = ""
    place: str = ""


def agent_sign(agent: str) -> AgentSign:
    """Return what Contrast/Bolus Agent (0018,0010) says: none, a known agent, one for the bowel, or an unknown word."""
    plain = normalised(agent)
    if not any(character.isalnum() for character in plain) or is_phrase(agent, "contrast_untold"):
        return "none" if "-" in agent else ""
    if is_phrase(agent, "contrast_none") or _NOTHING.fullmatch(plain):
        return "none"
    answer = " ".join(without(agent, "contrast_label").replace("|", " ").split())
    if is_phrase(answer, "contrast_none") or _NOTHING.fullmatch(answer):
        return "none"
    rest = without(agent, "contrast_oral")
    if is_phrase(agent, "contrast_yes"):
        return "agent"
    if mentions(rest, "contrast_agents"):
        swallowed = mentions(rest, "route_elsewhere") and not mentions(rest, "route_vascular")
        return "oral" if swallowed else "none" if _denied(rest) else "agent"
    if mentions(agent, "contrast_oral") or mentions(agent, "route_elsewhere"):
        return "oral"
    return "none" if mentions(agent, "contrast_absent") else "word"


def _denied(agent: str) -> bool:
    """Whether what names an agent is all denied: "kein KM", "without iodine"."""
    rest = without(agent, "contrast_absent", followed_by="contrast_agents")
    rest = without(rest, "contrast_absent", followed_by="contrast_substance")
    return not mentions(rest, "contrast_agents") and not mentions(rest, "contrast")


def route_sign(route: str) -> RouteSign:
    """Return whether Contrast/Bolus Route (0018,1040) leads into a vessel; one of several is enough."""
    if mentions(route, "route_vascular"):
        return "vascular"
    return "elsewhere" if mentions(route, "route_elsewhere") else ""


def series_words(made: Acquisition) -> WordSign:
    """Return what description and protocol say.

    The description speaks first. A protocol is often that of the whole examination ("w/wo contrast"): where the
    description is there and silent, what it says is a hint. So is a request for a CT "with contrast" where both are
    silent.
    """
    described = _sign(made.description, "Series Description", made.modality)
    if described.kind:
        return described
    planned = _sign(made.protocol, "Protocol Name", made.modality)
    if planned.kind in ("given", "both") and made.description:
        return WordSign("hint", planned.word, planned.place)
    if not planned.kind and made.modality == "CT":
        asked = _sign(made.study_text, "the request", made.modality)
        wanted = asked.kind == "given" or (asked.kind == "hint" and mentions(asked.word, "contrast_short"))
        return WordSign("hint", asked.word, asked.place) if wanted else planned
    return planned


def _sign(text: str, place: str, modality: str) -> WordSign:
    plain = without(without(text, "surgery"), "contrast_elsewhere")
    rest = without(plain, "contrast_absent", followed_by="contrast_substance")
    said = word_of(rest, "contrast") or (word_of(rest, "phase_sign") if modality == "CT" else "")
    mixed = word_of(plain, "contrast_both")
    denied = word_of(plain, "contrast_absent")
    if mixed or (said and denied):
        return WordSign("both", mixed or f"{denied} ... {said}", place)
    if said:
        return WordSign("given", said, place)
    if denied:
        return WordSign("absent", denied, place)
    lists = ("contrast_short", "contrast_hint", *(_PHASES if modality == "CT" else ()))
    hint = next((word for word in (word_of(rest, name) for name in lists) if word), "")
    return WordSign("hint", hint, place) if hint else WordSign()
