"""The next revision of a study that operators correct: frozen and handed to the analysis, wherever the study stands."""

from __future__ import annotations

from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.study.jobs import Job, Stage
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.services import Services, stored_files


def measure_anew(services: Services, ledger: Ledger, study_uid: StudyUid) -> tuple[StudyState, int]:
    """Freeze the next revision and hand it to the analysis; a study that still receives settles by itself (0)."""
    standing = ledger.studies.standing(study_uid, lock=True)
    if standing.state is StudyState.RECEIVING:
        return standing.state, 0
    if standing.state in (StudyState.ANALYSING, StudyState.REPORTING, StudyState.DELIVERING):
        ledger.studies.move(study_uid, StudyState.RECEIVING)
    revision = ledger.revisions.freeze(study_uid, ledger.revisions.gaps(study_uid, standing.revision))
    files = stored_files(services, ledger, study_uid, revision)
    ledger.studies.describe(study_uid, services.facts.read(files))
    ledger.studies.move(study_uid, StudyState.ANALYSING)
    ledger.defer(Job(stage=Stage.ANALYSE, study_uid=study_uid, revision=revision))
    return StudyState.ANALYSING, revision
