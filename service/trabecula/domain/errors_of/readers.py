"""Every failure of a reader's correction an operator can see; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import TrabeculaError


class BodyUnknown(TrabeculaError):
    """The result shows no such vertebra."""

    code = "BODY_UNKNOWN"
    next_step = (
        "Name a vertebra as the picture does: a level such as L1, or #2 for the second one without a name; "
        "`trabecula studies show` lists the levels. Nothing was changed."
    )


class StudyBusy(TrabeculaError):
    """The study is being received or measured, so the result that was looked at is not its newest."""

    code = "STUDY_BUSY"
    next_step = "Wait until the study is DONE, look at its new result, then name the levels again; nothing was changed."
