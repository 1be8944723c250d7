"""Failing with an answer: a study whose analysis died each time is told to the PACS as not evaluable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import structlog

from trabecula.domain.errors import AnalysisCrashed, AnalysisDefect, AnalysisTimeout, TrabeculaError
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, SeriesUse, StudyResult
from trabecula.domain.study.facts import SeriesFacts
from trabecula.domain.study.jobs import Failure, Job, Stage
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StoredFile, StudyState
from trabecula.pipeline.reception_gaps import with_gaps
from trabecula.pipeline.services import Services, stored_files
from trabecula.pipeline.still_current import is_wanted
from trabecula.version import __version__

log = structlog.get_logger(__name__)

_DEATHS = (AnalysisCrashed, AnalysisTimeout, AnalysisDefect)


def is_death_of_analysis(job: Job, error: TrabeculaError) -> bool:
    """Return whether this analysis ended without an answer of its own: killed, out of time or by a defect."""
    return job.stage is Stage.ANALYSE and isinstance(error, _DEATHS)


def answered_as_failed(services: Services, job: Job, error: TrabeculaError, runs: int) -> bool:
    """Give the study a NOT_EVALUABLE result that says what the analysis was doing, and hand it to reporting.

    The failure stays with the study for whoever looks. Return False where nothing may be said instead: a report of an
    earlier revision stands in the PACS already, and a failure of ours must not take its place.
    """
    with services.open_ledger() as ledger:
        if not is_wanted(ledger, job, lock=True):
            return True
        if ledger.revisions.predecessors(job.study_uid, job.revision):
            return False
        files = stored_files(services, ledger, job.study_uid, job.revision)
        result = _failed_result(job, files, services.facts.read(files).series, f"{error.detail}; {runs} runs")
        result = with_gaps(result, ledger.revisions.gaps(job.study_uid, job.revision))
        services.artifacts.save_result(result)
        ledger.revisions.save_result(result)
        facts = {"code": error.code, "category": str(result.category), "runs": str(runs)}
        ledger.studies.note(
            job.study_uid, Event(what="GAVE_UP", detail=error.sentence, revision=job.revision, facts=facts)
        )
        ledger.studies.move(job.study_uid, StudyState.REPORTING)
        ledger.studies.keep_failure(job.study_uid, job.stage, Failure.of(error))
        ledger.forget_attempts(job)
        ledger.defer(Job(stage=Stage.REPORT, study_uid=job.study_uid, revision=job.revision))
        ledger.commit()
    log.error("study.not_analysed", study_uid=job.study_uid, revision=job.revision, code=error.code, runs=runs)
    return True


def _failed_result(job: Job, files: Sequence[StoredFile], facts: Sequence[SeriesFacts], why: str) -> StudyResult:
    reason = Reason(code=ReasonCode.ANALYSIS_FAILED, detail=why)
    known = {item.series_uid: item for item in facts}
    unused = []
    for uid, images in Counter(file.series_uid for file in files).items():
        series = known.get(uid, SeriesFacts(uid))
        unused.append(
            SeriesUse(
                series_uid=uid,
                number=series.number,
                description=series.description,
                modality=series.modality,
                images_used=0,
                images_total=images,
                reasons=(Reason(code=ReasonCode.ANALYSIS_FAILED, series_uid=uid),),
            )
        )
    return StudyResult(
        study_uid=job.study_uid,
        revision=job.revision,
        category=Category.NOT_EVALUABLE,
        reasons=(reason,),
        levels=(),
        series_not_used=tuple(unused),
        impression=(f"{Category.NOT_EVALUABLE.words}. {reason.sentence}", reason.code.next_step),
        versions={"software": __version__},
    )
