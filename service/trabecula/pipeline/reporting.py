"""Reporting: the result becomes DICOM objects in a child process; their deliveries are planned with them."""

from __future__ import annotations

from collections.abc import Sequence

from trabecula.domain.delivery import Destination
from trabecula.domain.language import Language
from trabecula.domain.ports.artifacts import AnalysisArtifacts
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.ports.reporter import ReportContext, Reporter
from trabecula.domain.ports.volume_loader import VolumeLoader
from trabecula.domain.results.analysis import AnalysedVolume, Analysis
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import StudyResult
from trabecula.domain.study.activity import doing, series_in_words
from trabecula.domain.study.jobs import Job, Stage
from trabecula.domain.study.standing import Event
from trabecula.domain.study.study import StoredFile, StudyState
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.requests import StageRequest
from trabecula.pipeline.retention.adopting import objects_before_restore, origin_of
from trabecula.pipeline.services import Services, ShouldStop, stored_files
from trabecula.pipeline.still_current import is_wanted, still_wanted
from trabecula.pipeline.telling import tell_closed, tell_reported


def report_study(services: Services, job: Job, should_stop: ShouldStop) -> None:
    """Write the objects of a revision, unless they are written already, and hand them to delivery.

    The report of images that may show two people stays here (``WITHHELD``): it would be filed under one of them.
    A repeated run writes the same bytes: times, predecessors and the installation come from the ledger.
    """
    study_uid, revision = job.study_uid, job.revision
    with services.open_ledger() as ledger:
        if not is_wanted(ledger, job):
            return
        written = ledger.revisions.has_objects(study_uid, revision)
        adopted = () if written else objects_before_restore(services, ledger, study_uid, revision)
        if not written and not adopted:
            analysed_at = ledger.revisions.analysed_at(study_uid, revision)
            origin = origin_of(ledger, study_uid, revision, analysed_at)
            request = StageRequest(
                study_uid=study_uid,
                revision=revision,
                files=stored_files(services, ledger, study_uid, revision),
                folder=str(services.artifacts.folder(study_uid, revision)),
                analysed_at=analysed_at,
                installation_uid=origin.installation_uid,
                predecessors=ledger.revisions.predecessors(study_uid, revision),
                languages=wanted_languages(services),
            )
            ledger.commit()
    if not written and not adopted:
        services.artifacts.save_origin(study_uid, revision, origin)
        services.runner.report(request, still_wanted(services, job, should_stop))
    objects = services.artifacts.load_objects(study_uid, revision) if not written else ()
    with services.open_ledger() as ledger:
        if not is_wanted(ledger, job, lock=True):
            return
        if not written:
            ledger.revisions.save_objects(study_uid, revision, objects)
            kinds = ", ".join(str(item.kind) for item in objects)
            ledger.studies.note(study_uid, Event(what="REPORTED", detail=kinds, revision=revision))
        result = ledger.revisions.result(study_uid, revision)
        doubt = doubtful_patient(result)
        if doubt is not None:
            ledger.studies.note(
                study_uid, Event(what="WITHHELD", detail=_WITHHELD.format(doubt.sentence), revision=revision)
            )
        destinations = () if doubt is not None else _wanting(services, ledger, study_uid, revision, result)
        targets = ledger.deliveries.plan(study_uid, revision, destinations)
        quiet_s = ledger.studies.standing(study_uid).quiet_s
        ledger.studies.move(study_uid, StudyState.DELIVERING if targets else StudyState.DONE)
        for target in targets:
            ledger.defer(Job(stage=Stage.DELIVER, study_uid=study_uid, revision=revision, destination=target))
        ledger.commit()
    if not written:
        tell_reported(study_uid, revision, len(objects), targets)
    tell_closed(services, job, None if targets else StudyState.DONE, quiet_s)


def wanted_languages(services: Services) -> tuple[Language, ...]:
    """Return the languages of the destinations, in the order of ``Language``; English where there is none yet.

    They are part of a revision from then on: a destination that wants another one later gets it with the next.
    """
    wanted = {item.language for item in services.destinations.values()} or {Language.ENGLISH}
    return tuple(language for language in Language if language in wanted)


def _wanting(
    services: Services, ledger: Ledger, study_uid: StudyUid, revision: int, result: StudyResult | None
) -> tuple[Destination, ...]:
    """The destinations that want this report: each, or not those that want no report without a measurement.

    A report that replaces one which was sent goes wherever the others go: the old one must not stand alone.
    """
    everybody = tuple(services.destinations.values())
    if result is None or ledger.revisions.predecessors(study_uid, revision):
        return everybody
    wanting = tuple(item for item in everybody if item.send_not_evaluable.wants(result))
    spared = [item.name for item in everybody if item not in wanting]
    if spared:
        detail = f"not evaluable, and not wanted by {', '.join(spared)} (send_not_evaluable)"
        ledger.studies.note(study_uid, Event(what="NOT_SENT", detail=detail, revision=revision))
    return wanting


_WITHHELD = "Not sent, because a report names one patient: {}"


def doubtful_patient(result: StudyResult | None) -> Reason | None:
    """Why it is not known whom a report would be about: a study of two people is sent nowhere, under neither name."""
    reasons = result.reasons if result is not None else ()
    return next((item for item in reasons if item.blocking and item.code is ReasonCode.PATIENT_CONFLICT), None)


def run_report(request: StageRequest, loader: VolumeLoader, reporter: Reporter, artifacts: AnalysisArtifacts) -> None:
    """The child's part: load the kept analysis, write its objects and leave them in the artifact folder."""
    assert request.analysed_at is not None, "a report request names the time of the analysis"
    analysis = _load_analysis(request, loader, artifacts)
    context = ReportContext(
        analysed_at=request.analysed_at,
        installation_uid=request.installation_uid,
        study_files=request.files,
        predecessors=request.predecessors,
        languages=request.languages,
    )
    doing("making the report, the segmentation and the picture")
    objects = reporter.report(analysis, context)
    doing("writing the report to disk")
    artifacts.save_objects(request.study_uid, request.revision, objects)


def _load_analysis(request: StageRequest, loader: VolumeLoader, artifacts: AnalysisArtifacts) -> Analysis:
    by_uid = {file.sop_instance_uid: file for file in request.files}
    volumes = []
    for kept in artifacts.load_labels(request.study_uid, request.revision):
        doing(f"reading {series_in_words(None, kept.series_uid)} again for the report")
        files: Sequence[StoredFile] = [by_uid[uid] for uid in kept.file_uids]
        volume = loader.load(files, kept.sop_instance_uids, kept.frames)
        volumes.append(AnalysedVolume(volume, kept.labels, tuple(files)))
    return Analysis(artifacts.load_result(request.study_uid, request.revision), tuple(volumes))
