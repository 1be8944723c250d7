"""What the names of a series are worth: they rank it behind others or ask for care, they never refuse it alone."""

from __future__ import annotations

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.imaging.acquisition import Acquisition
from trabecula.imaging.words import mentions, without, word_of


def names_lumbar(made: Acquisition) -> bool:
    """Return whether description, protocol, request or Body Part Examined name the lumbar spine."""
    words = f"{made.description} {made.protocol} {made.study_text} {made.body_part}"
    return mentions(words, "lumbar")


def names_other_region(made: Acquisition) -> bool:
    """Return whether the names speak of another region alone.

    How the patient lies ("head first") and which coil was used are no regions; "Thorax/Abdomen" also names the trunk;
    Body Part Examined counts where the names are silent.
    """
    words = without(f"{made.description} {made.protocol}", "position")
    if names_lumbar(made) or mentions(words, "trunk"):
        return False
    silent = not made.description and not made.protocol
    return mentions(f"{words} {made.body_part}" if silent else words, "other_region")


def name_rank(made: Acquisition) -> int:
    """Return where the names put a series: 0, or 1 where they hint at another purpose, 2 at another region."""
    if names_other_region(made):
        return 2
    words = f"{made.description} {made.protocol}"
    hint = mentions(words, "localizer_hint") or mentions(made.protocol, "localizer")
    return 1 if hint or spectral_remark(made) else 0


def spectral_remark(made: Acquisition) -> tuple[Reason, ...]:
    """Return the warning of a CT series whose names speak of spectral imaging without saying that it is such an image.

    The protocol of a spectral scan stands on its conventional images as well.
    """
    if made.modality != "CT":
        return ()
    words = f"{made.description} {made.protocol}"
    said = word_of(words, "spectral_hint") or word_of(made.protocol, "spectral")
    if not said:
        return ()
    detail = f"the name says '{said}'; measured as a conventional image"
    return (Reason(code=ReasonCode.SPECTRAL_UNCLEAR, blocking=False, series_uid=made.series_uid, detail=detail),)
