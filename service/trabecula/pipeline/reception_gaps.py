"""What may still lack of a study: listeners that may hold more of it, images that were refused."""

from __future__ import annotations

from dataclasses import dataclass, replace

from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import StudyResult
from trabecula.domain.study.reception import ReceptionGaps
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.services import SettlePolicy

_SOONEST_S, _LATEST_S = 0.25, 10.0
"""How soon a study is looked at again whose listener is behind."""
_REFUSED_LOOK_S = 60.0


@dataclass(frozen=True)
class Hold:
    """Why a quiet study does not settle yet, and in how many seconds it is looked at again."""

    why: str
    look_again_s: float


def gaps_of(ledger: Ledger, policy: SettlePolicy, study_uid: StudyUid) -> tuple[ReceptionGaps, Hold | None]:
    """Return what lacks of a quiet study, and whether that is still waited for.

    A listener is waited for until it is past the quiet time of the last image: before, it may hold a later one. One
    that did not get further for the grace time is not. Refused images are waited for as long as senders try again.
    """
    lags = ledger.receptions.behind(study_uid, policy.quiet_s)
    waited = [lag for lag in lags if lag.silent_s < policy.listener_grace_s]
    refused = ledger.receptions.refused(study_uid)
    silent = tuple(lag.name for lag in lags if lag.silent_s >= policy.listener_grace_s)
    gaps = ReceptionGaps(refused.count, silent, refused.damaged)
    if waited:
        names = ", ".join(lag.name for lag in waited)
        look = min(_LATEST_S, max(_SOONEST_S, *(lag.behind_s for lag in waited)))
        return gaps, Hold(f"the listener may hold more of it: {names}", look)
    remaining_s = policy.refused_hold_s - refused.age_s
    if (refused.count or refused.damaged) and remaining_s > 0:
        return gaps, Hold(replace(gaps, silent_listeners=()).words, min(_REFUSED_LOOK_S, max(_SOONEST_S, remaining_s)))
    return gaps, None


def with_gaps(result: StudyResult, gaps: ReceptionGaps) -> StudyResult:
    """Return a result that says what lacked when its images were frozen."""
    reasons: tuple[Reason, ...] = ()
    if gaps.refused or gaps.damaged:
        words = replace(gaps, silent_listeners=()).words
        reasons += (Reason(code=ReasonCode.IMAGES_REFUSED, blocking=False, detail=words),)
    if gaps.silent_listeners:
        names = ", ".join(gaps.silent_listeners)
        reasons += (Reason(code=ReasonCode.LISTENER_SILENT, blocking=False, detail=names),)
    return replace(
        result,
        reasons=(*result.reasons, *reasons),
        refused=gaps.refused,
        damaged=gaps.damaged,
        silent_listeners=gaps.silent_listeners,
    )
