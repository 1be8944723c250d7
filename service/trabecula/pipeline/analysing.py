"""Analysing: a frozen revision is measured in a child process; the result and the next job are one transaction."""

from __future__ import annotations

import time
from dataclasses import replace

from trabecula.domain.ports.analyser import Analyser
from trabecula.domain.ports.artifacts import AnalysisArtifacts
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.results.prior import with_priors
from trabecula.domain.results.result import StudyResult
from trabecula.domain.study.activity import doing
from trabecula.domain.study.jobs import Job, Stage
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StudyState
from trabecula.pipeline.priors import priors_of
from trabecula.pipeline.reception_gaps import with_gaps
from trabecula.pipeline.requests import StageRequest
from trabecula.pipeline.retention.adopting import analysed_before_restore
from trabecula.pipeline.services import Services, ShouldStop, stored_files
from trabecula.pipeline.still_current import is_wanted, still_wanted
from trabecula.pipeline.telling import tell_analysed


def analyse_study(services: Services, job: Job, should_stop: ShouldStop) -> None:
    """Measure the revision, unless the ledger holds its result already, and hand it to reporting.

    A revision that is no longer wanted (a late image came, somebody cancelled) is left alone, before and after.
    """
    study_uid, revision = job.study_uid, job.revision
    with services.open_ledger() as ledger:
        if not is_wanted(ledger, job):
            return
        known = ledger.revisions.result(study_uid, revision)
        adopted_at = analysed_before_restore(services, ledger, study_uid, revision) if known is None else None
        files = stored_files(services, ledger, study_uid, revision) if known is None else ()
        gaps, correction = ledger.revisions.gaps(study_uid, revision), ledger.revisions.correction(study_uid, revision)
        outlines = ledger.revisions.outlines_from(study_uid, revision, services.reader_ae_titles)
        priors = priors_of(ledger, study_uid) if known is None else ()
    started = time.monotonic()
    seconds = 0.0
    if known is None and adopted_at is None:
        folder = services.artifacts.folder(study_uid, revision)
        request = StageRequest(
            study_uid=study_uid,
            revision=revision,
            files=files,
            folder=str(folder),
            gaps=gaps,
            correction=correction,
            outlines=outlines,
            priors=priors,
        )
        services.runner.analyse(request, still_wanted(services, job, should_stop))
    if known is None:
        result = services.artifacts.load_result(study_uid, revision)
        seconds = time.monotonic() - started
    with services.open_ledger() as ledger:
        if not is_wanted(ledger, job, lock=True):
            return
        if known is None:
            ledger.revisions.save_result(result, adopted_at)
            _note_result(ledger, result, seconds, adopted=adopted_at is not None)
        ledger.studies.move(study_uid, StudyState.REPORTING)
        ledger.defer(Job(stage=Stage.REPORT, study_uid=study_uid, revision=revision))
        ledger.commit()
    if known is None and adopted_at is None:
        tell_analysed(services, result, seconds)


def run_analysis(request: StageRequest, analyser: Analyser, artifacts: AnalysisArtifacts) -> None:
    """The child's part: analyse the files and leave result and label maps in the artifact folder."""
    analysis = analyser.analyse(request.study_uid, request.revision, request.files, request.correction)
    doing("writing result and label maps to disk")
    result = with_priors(with_gaps(analysis.result, request.gaps), request.priors)
    artifacts.save_analysis(replace(analysis, result=result))


def _note_result(ledger: Ledger, result: StudyResult, seconds: float, *, adopted: bool) -> None:
    if adopted:
        detail = f"{result.category.words}; made before this ledger was restored"
        ledger.studies.note(result.study_uid, Event(what="ADOPTED", detail=detail, revision=result.revision))
        return
    facts = {"category": str(result.category), "seconds": f"{seconds:.1f}"}
    event = Event(what="ANALYSED", detail=result.category.words, revision=result.revision, facts=facts)
    ledger.studies.note(result.study_uid, event)
