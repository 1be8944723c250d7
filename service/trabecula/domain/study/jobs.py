"""Jobs, attempts and failures as the use cases speak of them: what is to be done next, and why something gave up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from trabecula.domain.errors import TrabeculaError
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid


class Stage(StrEnum):
    """A step of the flow; each is one kind of job."""

    SETTLE = "settle"
    ANALYSE = "analyse"
    REPORT = "report"
    DELIVER = "deliver"
    CONFIRM = "confirm"


STAGE_OF_STATE: dict[StudyState, Stage] = {
    StudyState.RECEIVING: Stage.SETTLE,
    StudyState.ANALYSING: Stage.ANALYSE,
    StudyState.REPORTING: Stage.REPORT,
    StudyState.DELIVERING: Stage.DELIVER,
}
"""The job that moves a study out of a state; the other states wait for nobody."""

STATE_OF_STAGE: dict[Stage, StudyState] = {stage: state for state, stage in STAGE_OF_STATE.items()}
"""The only state in which a stage has anything to do (CONFIRM works on deliveries, not on the study)."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One thing to do: a stage for a study revision, for one destination where it delivers or confirms.

    ``delay_s`` is how long it waits in the queue before it may start.
    """

    stage: Stage
    study_uid: StudyUid
    revision: int = 0
    destination: str = ""
    delay_s: float = 0.0


@dataclass(frozen=True)
class Failure:
    """Why a step failed, as people read it: code, sentence and next step of the error."""

    code: str
    sentence: str
    next_step: str

    @classmethod
    def of(cls, error: TrabeculaError) -> Failure:
        """Return the failure an error stands for."""
        return cls(error.code, error.sentence, error.next_step)


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how soon a failed step runs again.

    The pause doubles from ``first_pause_s`` up to ``longest_pause_s``. With the defaults a destination may be down for
    two hours before a person must look; an analysis that ends its process is not tried for ever.
    """

    attempts: int = 4
    delivery_attempts: int = 14
    first_pause_s: float = 10.0
    longest_pause_s: float = 900.0

    def cap(self, stage: Stage) -> int:
        """Return the number of runs a stage gets in all."""
        return self.delivery_attempts if stage in (Stage.DELIVER, Stage.CONFIRM) else self.attempts

    def pause_s(self, attempt: int) -> float:
        """Return the pause after the ``attempt``-th failed run (from 1)."""
        return float(min(self.longest_pause_s, self.first_pause_s * 2.0 ** min(attempt - 1, 30)))
