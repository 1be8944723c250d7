"""From the ledger's instances to files: the absolute paths a stage reads."""

from __future__ import annotations

from pathlib import Path

from trabecula.domain.errors import SpoolObjectMissing
from trabecula.domain.ports.ledger import Ledger
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.services import Services


def stored_files(services: Services, ledger: Ledger, study_uid: StudyUid, revision: int) -> tuple[StoredFile, ...]:
    """Return the files of a revision, ordered by SOP Instance UID. Raises SpoolObjectMissing."""
    files = tuple(
        StoredFile(
            path=str(services.locate(item.spool_key)),
            sop_instance_uid=item.sop_instance_uid,
            sop_class_uid=item.sop_class_uid,
            series_uid=item.series_uid,
        )
        for item in ledger.revisions.instances(study_uid, revision)
    )
    lost = [file for file in files if not Path(file.path).is_file()]
    if lost:
        raise SpoolObjectMissing(f"{len(lost)} of {len(files)} files, among them {lost[0].path}")
    return files
