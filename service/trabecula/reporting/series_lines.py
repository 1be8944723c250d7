"""Which series a result used, and which not, as people read it: short words for why, and lines that fit their place.

These lines speak of the choice of images. They stand apart from the remarks on what was measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from trabecula.domain.results.reasons import Reason
from trabecula.domain.results.result import SeriesUse
from trabecula.reporting.languages.telling import ENGLISH, Texts

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


def reason_words(reason: Reason, texts: Texts = ENGLISH) -> str:
    """Return why in a few words: what was found where that is short, else what the reason is about."""
    general = texts.about(reason.code, _WORDS)
    counted = _COUNTED.fullmatch(reason.detail)
    if counted:
        return f"{counted[1]} {texts.said(_short(counted[2] or '')) or general}"
    of_all = _OF_ALL.fullmatch(reason.detail)
    if of_all:
        return f"{of_all[1]} {general}"
    detail = texts.said(_short(reason.detail))
    if reason.value is not None:
        found = texts.said(f"{reason.value:g}{' ' + reason.unit if reason.unit else ''}")
        return f"{detail} {found}" if detail else f"{general}{texts.files.layout.list_gap}{found}"
    return detail or general


def not_used_line(
    uses: Sequence[SeriesUse], fits: Callable[[str], bool] = lambda line: True, texts: Texts = ENGLISH
) -> str:
    """Return e.g. ``Not used: series 6001, 8002 (axial), 3001 (gradient echo)``, with as many series as fit.

    The rest is counted (``and 7 more``). Empty where every series was used.
    """
    for shown in range(len(uses), -1, -1):
        line = _not_used(uses[:shown], len(uses) - shown, texts)
        if fits(line) or shown == 0:
            return line
    return ""


def partly_used_lines(uses: Sequence[SeriesUse], texts: Texts = ENGLISH) -> tuple[str, ...]:
    """Return e.g. ``Series 5: 93 of 96 images used (3 without position)`` for series used in part.

    Words without a number of images say whom they mean: ``(the others: ranked lower by contrast agent)``.
    """
    lines = []
    for use in uses:
        if use.images_used < use.images_total:
            why = texts.files.layout.fact_gap.join(dict.fromkeys(reason_words(item, texts) for item in use.reasons))
            facts = {"number": _number(use, texts), "used": use.images_used, "total": use.images_total}
            if use.role is not None and _twice(use, uses):
                line = texts.fill("partly_used_as", role=use.role.value, **facts)
            else:
                line = texts.fill("partly_used", **facts)
            why = why if why[:1].isdigit() or not why else texts.fill("the_others", why=why)
            lines.append(line + texts.in_brackets(why) if why else line)
    return tuple(lines)


def series_lines(
    used: Sequence[SeriesUse],
    not_used: Sequence[SeriesUse],
    fits: Callable[[str], bool] = lambda line: True,
    texts: Texts = ENGLISH,
) -> str:
    """Return both kinds of lines as one line of text; the series not used give way where there is little room."""
    partly = [texts.sentence(line) for line in partly_used_lines(used, texts)]
    while partly and not fits(texts.joined(partly)):
        partly.pop()
    before = texts.joined(partly)

    def joined(line: str) -> str:
        return texts.joined(part for part in (before, texts.sentence(line) if line else "") if part)

    return joined(not_used_line(not_used, lambda line: fits(joined(line)), texts))


def _not_used(uses: Sequence[SeriesUse], more: int, texts: Texts) -> str:
    groups: dict[str, list[str]] = {}
    for use in uses:
        why = next((reason_words(reason, texts) for reason in use.reasons), "")
        groups.setdefault(why, []).append(_number(use, texts))
    parts = [", ".join(numbers) + (texts.in_brackets(why) if why else "") for why, numbers in groups.items()]
    if not parts:
        return texts.fill("not_used", series=texts.fill("more_series", count=more)) if more else ""
    listed = ", ".join(parts).replace(", and ", " and ")
    if more:
        listed = texts.fill("series_and_more", list=listed, count=more)
    return texts.fill("not_used", series=texts.fill("listed_series" if uses[1:] else "listed_one", list=listed))


def _number(use: SeriesUse, texts: Texts) -> str:
    return str(use.number) if use.number is not None else texts.fill("without_number")


def _twice(use: SeriesUse, uses: Sequence[SeriesUse]) -> bool:
    return sum(other.series_uid == use.series_uid for other in uses) > 1


def _short(detail: str) -> str:
    detail = detail.split(";", maxsplit=1)[0].strip().rstrip(".")
    return detail if len(detail) <= _LONGEST_DETAIL else ""
