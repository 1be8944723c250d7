"""Adopting: after a restore, a result that was made and sent before is the result; it is not made a second time."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog

from trabecula.domain.errors import SpoolObjectMissing
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.results.report_origin import ReportOrigin
from trabecula.domain.results.result import ResultObject
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.services import Services

log = structlog.get_logger(__name__)


def origin_of(ledger: Ledger, study_uid: StudyUid, revision: int, analysed_at: datetime | None = None) -> ReportOrigin:
    """Return what the objects of a revision are made from."""
    correction = ledger.revisions.correction(study_uid, revision)
    return ReportOrigin(
        installation_uid=ledger.installation_uid(),
        images=ledger.revisions.images_digest(study_uid, revision),
        correction=correction.to_json() if correction else None,
        analysed_at=analysed_at or datetime.now(UTC),
    )


def analysed_before_restore(services: Services, ledger: Ledger, study_uid: StudyUid, revision: int) -> datetime | None:
    """Return when a revision was analysed whose objects lie here although a restored ledger does not know them.

    They were made by this installation from the same copies of the same images, named alike, so that with their time
    they are what would be made again, byte for byte; a destination may have them. None where that is not so, or where
    somebody asked for this very revision since.
    """
    if not ledger.retention.was_restored() or ledger.revisions.was_asked_for(study_uid, revision):
        return None
    kept = services.artifacts.load_origin(study_uid, revision)
    if kept is None or not kept.is_of(origin_of(ledger, study_uid, revision)):
        return None
    try:
        services.artifacts.load_result(study_uid, revision)
        services.artifacts.load_objects(study_uid, revision)
    except (SpoolObjectMissing, ValueError, KeyError):
        return None
    log.info("result.adopted", study_uid=study_uid, revision=revision)
    return kept.analysed_at


def objects_before_restore(
    services: Services, ledger: Ledger, study_uid: StudyUid, revision: int
) -> tuple[ResultObject, ...]:
    """Return the objects of a revision that were made before a restore, at the time that the ledger has now; or ()."""
    analysed_at = analysed_before_restore(services, ledger, study_uid, revision)
    if analysed_at is None or analysed_at != ledger.revisions.analysed_at(study_uid, revision):
        return ()
    return services.artifacts.load_objects(study_uid, revision)
