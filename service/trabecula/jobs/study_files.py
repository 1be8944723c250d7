"""The files of a study as retention and deletion remove them: received ones in the spool, results beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import structlog

from trabecula.domain.uids import InstanceUid, StudyUid
from trabecula.intake.journal.traces import segments_with, unfinished_with
from trabecula.intake.storage.spool import INCOMING, Spool, as_spool_error
from trabecula.ledger.artifacts import ArtifactStore

log = structlog.get_logger(__name__)


class StoredStudyFiles:
    """Implements domain.ports.study_files.StudyFiles on a spool and a store of artifacts."""

    def __init__(self, spool: Spool, artifacts: ArtifactStore, journal: Path | None = None) -> None:
        """``journal`` is the folder of this host's journal, where there is one."""
        self._spool = spool
        self._artifacts = artifacts
        self._journal = journal

    def remove_images(self, files: Sequence[tuple[InstanceUid, str]]) -> int:
        """Remove files of instances by their spool keys; return how many bytes they had."""
        own = [key for uid, key in files if self._spool.owns(uid, key)]
        if len(own) < len(files):
            log.warning("retention.left", files=len(files) - len(own), why="their keys are not those of their images")
        return self._spool.remove_all(own)

    def remove_quarantined(self, keys: Sequence[str]) -> int:
        """Remove files of the quarantine by their spool keys; return how many bytes they had."""
        return self._spool.remove_all(keys)

    def remove_traces(self, study_uid: StudyUid) -> int:
        """Remove what lies aside of a study, and damaged segments that hold it; return how many segments still do."""
        with as_spool_error():
            for path in unfinished_with(self._spool.root / INCOMING, study_uid):
                path.unlink(missing_ok=True)
            held = segments_with(self._journal, study_uid) if self._journal is not None else ()
            damaged = [path for path in held if path.parent.name == "damaged"]
            for path in damaged:
                log.warning("journal.deleted_damaged", segment=path.name)
                path.unlink(missing_ok=True)
        return len(held) - len(damaged)

    def remove_results(self, study_uid: StudyUid, revision: int | None = None) -> int:
        """Remove the folder of a revision, or of all of a study; return how many bytes were in it."""
        return self._artifacts.remove(study_uid, revision)

    def results_bytes(self, study_uid: StudyUid, revision: int) -> int:
        """Return how many bytes the files of a revision have."""
        return self._artifacts.bytes_of(study_uid, revision)
