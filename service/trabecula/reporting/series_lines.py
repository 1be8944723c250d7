"""Which series a result used, and which not, as people read it: short words for why, and lines that fit their place.

These lines speak of the choice of images. They stand apart from the remarks on what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from trabecula.domain.results.reasons import Reason
from trabecula.domain.results.result import SeriesUse

_WORDS = {
    "OTHER_SERIES": "another series was preferred",
    "NO_SUITABLE_SERIES": "not suited",
    "SEQUENCE_UNSUPPORTED": "sequence not suited",
    "POST_CONTRAST_MR": "after contrast agent",
    "CONTRAST_PHASE": "after contrast agent",
    "NOT_TARGET_MODALITY": "neither CT nor MR",
    "NOT_TARGET_BODYPART": "another region",
    "NOT_A_SPINE": "no vertebrae found",
    "ORIENTATION": "another plane",
    "SLICE_THICKNESS": "too thick",
    "GEOMETRY": "no regular volume",
    "MISSING_SLICES": "slices missing",
    "SPECTRAL": "spectral or virtual image",
    "UNREADABLE_PIXELS": "unreadable",
    "VOLUME_TOO_LARGE": "too large",
    "HU_SANITY": "values not plausible",
    "SEVERAL_SCANS": "another scan in the same series",
    "RESCALE": "without fitting rescale values",
}
"""By name of the reason; any other is told by its name."""
_LONGEST_DETAIL = 44
_COUNTED = re.compile(r"(\d+) images?(?:: (.+))?")
_OF_ALL = re.compile(r"(?:missing in )?(\d+) of \d+ images?(?:[,;] .+)?")


def reason_words(reason: Reason) -> str:
    """Return why in a few words: what was found where that is short, else what the reason is about."""
    general = _WORDS.get(reason.code.name, reason.code.name.lower().replace("_", " "))
    counted = _COUNTED.fullmatch(reason.detail)
    if counted:
        return f"{counted[1]} {_short(counted[2] or '') or general}"
    of_all = _OF_ALL.fullmatch(reason.detail)
    if of_all:
        return f"{of_all[1]} {general}"
    detail = _short(reason.detail)
    if reason.value is not None:
        found = f"{reason.value:g}{' ' + reason.unit if reason.unit else ''}"
        return f"{detail} {found}" if detail else f"{general}, {found}"
    return detail or general


def not_used_line(uses: Sequence[SeriesUse], fits: Callable[[str], bool] = lambda line: True) -> str:
    """Return e.g. ``Not used: series 6001, 8002 (axial), 3001 (gradient echo)``, with as many series as fit.

    The rest is counted (``and 7 more``). Empty where every series was used.
    """
    for shown in range(len(uses), -1, -1):
        line = _not_used(uses[:shown], len(uses) - shown)
        if fits(line) or shown == 0:
            return line
    return ""


def partly_used_lines(uses: Sequence[SeriesUse]) -> tuple[str, ...]:
    """Return e.g. ``Series 5: 93 of 96 images used (3 without position)`` for series used in part.

    Words without a number of images say whom they mean: ``(the others: ranked lower by contrast agent)``.
    """
    lines = []
    for use in uses:
        if use.images_used < use.images_total:
            why = "; ".join(dict.fromkeys(reason_words(reason) for reason in use.reasons))
            role = f" as {use.role.value}" if use.role is not None and _twice(use, uses) else ""
            line = f"Series {_number(use)}: {use.images_used} of {use.images_total} images used{role}"
            why = why if why[:1].isdigit() or not why else f"the others: {why}"
            lines.append(f"{line} ({why})" if why else line)
    return tuple(lines)


def series_lines(
    used: Sequence[SeriesUse], not_used: Sequence[SeriesUse], fits: Callable[[str], bool] = lambda line: True
) -> str:
    """Return both kinds of lines as one line of text; the series not used give way where there is little room."""
    partly = [line + "." for line in partly_used_lines(used)]
    while partly and not fits(" ".join(partly)):
        partly.pop()
    before = " ".join(partly)

    def joined(line: str) -> str:
        return " ".join(part for part in (before, f"{line}." if line else "") if part)

    return joined(not_used_line(not_used, lambda line: fits(joined(line))))


def _not_used(uses: Sequence[SeriesUse], more: int) -> str:
    groups: dict[str, list[str]] = {}
    for use in uses:
        why = "; ".join(dict.fromkeys(reason_words(reason) for reason in use.reasons[:1]))
        groups.setdefault(why, []).append(_number(use))
    parts = [", ".join(numbers) + (f" ({why})" if why else "") for why, numbers in groups.items()]
    if more:
        parts.append(f"and {more} more" if parts else f"{more} series")
    if not parts:
        return ""
    listed = ", ".join(parts).replace(", and ", " and ")
    return f"Not used: {'series ' if uses else ''}{listed}"


def _number(use: SeriesUse) -> str:
    return str(use.number) if use.number is not None else "without number"


def _twice(use: SeriesUse, uses: Sequence[SeriesUse]) -> bool:
    return sum(other.series_uid == use.series_uid for other in uses) > 1


def _short(detail: str) -> str:
    detail = detail.split(";", maxsplit=1)[0].strip().rstrip(".")
    return detail if len(detail) <= _LONGEST_DETAIL else ""
