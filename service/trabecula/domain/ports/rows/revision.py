"""The port of the rows of frozen revisions and their results, inside one transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from trabecula.domain.results.predecessor import Predecessor
from trabecula.domain.results.result import ResultObject, StudyResult
from trabecula.domain.study.level_correction import LevelCorrection
from trabecula.domain.study.reception import ReceptionGaps
from trabecula.domain.study.standing import StoredInstance
from trabecula.domain.uids import InstanceUid, StudyUid


class RevisionRows(Protocol):
    """Frozen revisions, their results and their objects."""

    def freeze(self, study_uid: StudyUid, gaps: ReceptionGaps) -> int:
        """Freeze the present instances as the study's next revision, with what lacks, and return its number."""
        ...

    def correction(self, study_uid: StudyUid, revision: int) -> LevelCorrection | None:
        """Return how a reader named the levels of a revision, or None; ``freeze`` takes it over from the one before."""
        ...

    def correct(self, study_uid: StudyUid, revision: int, correction: LevelCorrection | None) -> None:
        """Keep with a revision how a reader named its levels; None takes the names back."""
        ...

    def outlines_from(self, study_uid: StudyUid, revision: int, ae_titles: Collection[str]) -> tuple[InstanceUid, ...]:
        """Return the DICOM SEGs of a revision that came from these AE titles, the one that came last first."""
        ...

    def gaps(self, study_uid: StudyUid, revision: int) -> ReceptionGaps:
        """Return what was known to lack when the revision was frozen."""
        ...

    def is_current_set(self, study_uid: StudyUid, revision: int) -> bool:
        """Return whether the revision holds exactly the instances the study has now, each in the copy in use now."""
        ...

    def instances(self, study_uid: StudyUid, revision: int) -> tuple[StoredInstance, ...]:
        """Return the instances of a revision in the copies it was frozen with, ordered by SOP Instance UID."""
        ...

    def images_digest(self, study_uid: StudyUid, revision: int) -> str:
        """Return the SHA-256 over the instances of a revision and the copies it was frozen with."""
        ...

    def was_asked_for(self, study_uid: StudyUid, revision: int) -> bool:
        """Return whether an operator or a reader had this revision measured, and not the images that came."""
        ...

    def save_result(self, result: StudyResult, analysed_at: datetime | None = None) -> None:
        """Keep the result of a revision, and its category with the study; replaces an earlier one.

        ``analysed_at`` None is now; what was kept first stays.
        """
        ...

    def result(self, study_uid: StudyUid, revision: int) -> StudyResult | None:
        """Return the result of a revision, or None."""
        ...

    def analysed_at(self, study_uid: StudyUid, revision: int) -> datetime:
        """Return when the result was first kept: the content time of its objects. Raises StudyUnknown."""
        ...

    def save_objects(self, study_uid: StudyUid, revision: int, objects: Sequence[ResultObject]) -> None:
        """Keep the identities of the revision's objects (their bytes are artifacts); replaces earlier ones."""
        ...

    def has_objects(self, study_uid: StudyUid, revision: int) -> bool:
        """Return whether the objects of a revision are written."""
        ...

    def earlier_of_person(self, study_uid: StudyUid) -> tuple[tuple[str, StudyResult], ...]:
        """Return study date and newest result of earlier studies of the same person, the newest study first.

        The same person: Patient ID with its issuer, birth date and sex, all recorded and equal; where the ID has no
        issuer, only among studies of one sender. Results that were recalled are left out.
        """
        ...

    def predecessors(self, study_uid: StudyUid, revision: int) -> tuple[Predecessor, ...]:
        """Return the newest earlier SR of each language that a destination has (or could have), the newest first."""
        ...
