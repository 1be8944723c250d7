"""Jobs, attempts and failures as the use cases speak of them: what is to be done next, and why something gave up."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

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

    The pause doubles from ``first_pause_s`` up to ``longest_pause_s``. A delivery is tried for ``delivery_give_up_s``,
    so that a PACS may be down over a weekend; an analysis that ends its process is not tried for ever. Runs whose
    worker was ended from outside (a host that starts anew) say nothing of the study: only after ``lost_runs`` of them
    in a row it is given up, for it might be the one that takes its host along.
    """

    attempts: int = 4
    lost_runs: int = 20
    delivery_give_up_s: float = 72 * 3600.0
    first_pause_s: float = 10.0
    longest_pause_s: float = 900.0

    def cap(self, stage: Stage) -> int:
        """Return the number of runs a stage gets in all."""
        return self._delivery_runs if stage in (Stage.DELIVER, Stage.CONFIRM) else self.attempts

    @cached_property
    def _delivery_runs(self) -> int:
        """How many runs it takes until the pauses between them have lasted as long as deliveries are tried."""
        runs, waited_s = 1, 0.0
        while waited_s < self.delivery_give_up_s and self.pause_s(runs) > 0:
            waited_s += self.pause_s(runs)
            runs += 1
        return runs

    def pause_s(self, attempt: int) -> float:
        """Return the pause after the ``attempt``-th failed run (from 1)."""
        return float(min(self.longest_pause_s, self.first_pause_s * 2.0 ** min(attempt - 1, 30)))
