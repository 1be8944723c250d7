"""SCU of C-FIND and C-MOVE (PS3.4 C, study root): how many images a study has at its source; sending it again."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydicom.dataset import Dataset
from pynetdicom.association import Association

from trabecula.domain.delivery import Destination
from trabecula.domain.errors import ArchiveQueryFailed, AssociationRejected, DestinationUnreachable, SopClassRefused
from trabecula.domain.errors_of.retention import ArchiveFetchFailed
from trabecula.domain.sop_classes import IMAGE_CLASSES, STUDY_ROOT_FIND, STUDY_ROOT_MOVE
from trabecula.domain.uids import StudyUid
from trabecula.peers.connection import Timeouts
from trabecula.peers.requestor import Requestor

_MODALITIES = frozenset({"CT", "MR"})
_PENDING = frozenset({0xFF00, 0xFF01})
_SMALL_SERIES = 8
"""A series this small may be a dose sheet or a protocol page under Modality CT; it is looked into, class by class."""


@dataclass(frozen=True, kw_only=True)
class ArchiveConfig:
    """The source archive and how we call ourselves to it; ``timeouts`` are per step."""

    own_ae_title: str
    ae_title: str
    host: str
    port: int
    timeouts: Timeouts = field(default_factory=Timeouts)


class FindArchive:
    """Implements domain.ports.SourceArchive on pynetdicom."""

    def __init__(self, config: ArchiveConfig) -> None:
        self._source = Destination(name="source archive", ae_title=config.ae_title, host=config.host, port=config.port)
        self._requestor = Requestor(config.own_ae_title, config.timeouts)

    def count_instances(self, study_uid: StudyUid) -> int | None:
        """Return how many CT and MR images the archive holds of the study; None when it does not know the study.

        Other objects of the study (reports, pictures, segmentations, our own results) are not counted: the intake
        drops them, so they could never all arrive. Raises ArchiveQueryFailed.
        """
        try:
            with self._requestor.associate(self._source, (STUDY_ROOT_FIND,)) as association:
                return self._count(association, study_uid)
        except (DestinationUnreachable, AssociationRejected, SopClassRefused) as error:
            raise ArchiveQueryFailed(error.sentence) from error

    def fetch(self, study_uid: StudyUid) -> int:
        """Have the archive send the study to the listener that it knows under our AE title (PS3.4 C.4.2).

        Returns how many sub-operations succeeded, with or without a warning. Raises ArchiveFetchFailed.
        """
        query = Dataset()
        query.QueryRetrieveLevel = "STUDY"
        query.StudyInstanceUID = study_uid
        status, sent, failed = None, 0, 0
        try:
            with self._requestor.associate(self._source, (STUDY_ROOT_MOVE,)) as association:
                for answer, _ in association.send_c_move(query, self._requestor.ae_title, STUDY_ROOT_MOVE):
                    status = answer.get("Status")
                    sent = int(answer.get("NumberOfCompletedSuboperations", sent) or 0)
                    failed = int(answer.get("NumberOfFailedSuboperations", failed) or 0)
        except (DestinationUnreachable, AssociationRejected, SopClassRefused) as error:
            raise ArchiveFetchFailed(error.sentence) from error
        if status not in (0x0000, 0xB000) or not sent:
            shown = "nothing" if status is None else f"0x{status:04X}"
            raise ArchiveFetchFailed(f"{self._source.ae_title} answered C-MOVE with {shown}, {sent} sent, {failed} not")
        return sent

    def _count(self, association: Association, study_uid: StudyUid) -> int | None:
        rows = self._find(association, "SERIES", StudyInstanceUID=study_uid, SeriesInstanceUID="", Modality="")
        if not rows:
            return None
        series = [row for row in rows if row.get("Modality", "") in _MODALITIES]
        return sum(self._images(association, study_uid, row) for row in series)

    def _images(self, association: Association, study_uid: StudyUid, series: Dataset) -> int:
        count = series.get("NumberOfSeriesRelatedInstances")
        if count is not None and int(count) > _SMALL_SERIES:
            return int(count)
        rows = self._find(
            association,
            "IMAGE",
            StudyInstanceUID=study_uid,
            SeriesInstanceUID=str(series.SeriesInstanceUID),
            SOPInstanceUID="",
            SOPClassUID="",
        )
        # An archive that does not tell the class gets the benefit of the doubt.
        return sum(1 for row in rows if str(row.get("SOPClassUID", "") or "") in {"", *IMAGE_CLASSES})

    def _find(self, association: Association, level: str, **keys: str) -> list[Dataset]:
        query = Dataset()
        query.QueryRetrieveLevel = level
        for keyword, value in keys.items():
            setattr(query, keyword, value)
        if level == "SERIES":
            query.NumberOfSeriesRelatedInstances = None
        rows: list[Dataset] = []
        status = None
        for answer, row in association.send_c_find(query, STUDY_ROOT_FIND):
            status = answer.get("Status")
            if status in _PENDING and row is not None:
                rows.append(row)
        if status != 0x0000:
            shown = "nothing" if status is None else f"0x{status:04X}"
            raise ArchiveQueryFailed(f"{self._source.ae_title} answered C-FIND with {shown}")
        return rows
