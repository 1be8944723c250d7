"""Scores of models as people read them in a terminal: the mark of a demonstration, operating point, abstentions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trabecula.cli.output import console, print_table
from trabecula.domain.models.validation import ModelVerdict

DEMONSTRATION = "DEMONSTRATION, trained on digital phantoms, no clinical meaning"
_COLUMNS = ("model", "probability of", "", "operating point")


def show_scores(scores: Sequence[Mapping[str, Any]]) -> None:
    """Print the scores of a result document: those the report shows before silent challengers, and those of
    demonstration models apart, under their mark."""
    for active, marked in ((True, False), (True, True), (False, False), (False, True)):
        chosen = [score for score in scores if _is(score, "demonstration", False) is marked]
        chosen = [score for score in chosen if _is(score, "active", True) is active]
        if chosen:
            title = "scores:" if active else "silent challengers, not in the report:"
            mark = DEMONSTRATION if active else DEMONSTRATION.split(",", maxsplit=1)[0]
            style = "bold yellow" if marked else "bold"
            console.print(f"{title} {mark}" if marked else title, style=style, highlight=False)
            print_table("", _COLUMNS, [_row(score) for score in chosen])


def _is(score: Mapping[str, Any], name: str, otherwise: bool) -> bool:
    return bool(score.get(name, otherwise))


def _row(score: Mapping[str, Any]) -> tuple[str, ...]:
    endpoint = str(score.get("endpoint") or "").replace("_", " ")
    if score.get("probability") is None:
        codes = dict.fromkeys(reason["code"] for reason in score.get("reasons") or ())
        return (str(score["model_id"]), endpoint, "none", " ".join(("abstained:", *codes)))
    told = _operating_point(score)
    if score.get("verdict") == ModelVerdict.NO:
        told = f"{told}; NOT SUPPORTED BY ITS OWN VALIDATION".lstrip("; ")
    return (str(score["model_id"]), endpoint, f"{100 * score['probability']:.0f} %", told)


def _operating_point(score: Mapping[str, Any]) -> str:
    """Return the threshold's name and value, and on which side of it the score lies (at it counts as above)."""
    threshold = score.get("threshold")
    if threshold is None:
        return ""
    side = "" if score.get("positive") is None else "above " if score["positive"] else "below "
    return f"{side}{100 * threshold:.0f} % ({score.get('operating_point') or 'threshold'})"
