"""C-FIND SCU (PS3.4 C, study root): how many instances of the kinds we keep a study has at its source."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import structlog
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association

from trabecula.domain.errors import ArchiveQueryFailed
from trabecula.intake.wanted import IMAGE_CLASSES

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
_MODALITIES = frozenset({"CT", "MR"})
_PENDING = frozenset({0xFF00, 0xFF01})
_SMALL_SERIES = 8
"""A series this small may be a dose sheet or a protocol page under Modality CT; it is looked into, class by class."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ArchiveConfig:
    """The source archive and how we call ourselves to it; the time-outs are per step."""

    own_ae_title: str
    ae_title: str
    host: str
    port: int
    connect_seconds: float = 10.0
    answer_seconds: float = 30.0


class FindArchive:
    """Implements domain.ports.SourceArchive on pynetdicom."""

    def __init__(self, config: ArchiveConfig) -> None:
        self._config = config

    def count_instances(self, study_uid: str) -> int | None:
        """Return how many CT and MR images the archive holds of the study; None when it does not know the study.

        Other objects of the study (reports, pictures, segmentations, our own results) are not counted: the intake
        drops them, so they could never all arrive. Raises ArchiveQueryFailed.
        """
        with self._association() as association:
            rows = self._find(association, "SERIES", StudyInstanceUID=study_uid, SeriesInstanceUID="", Modality="")
            if not rows:
                return None
            series = [row for row in rows if row.get("Modality", "") in _MODALITIES]
            return sum(self._images(association, study_uid, row) for row in series)

    def _images(self, association: Association, study_uid: str, series: Dataset) -> int:
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
            raise ArchiveQueryFailed(f"{self._config.ae_title} answered C-FIND with {shown}")
        return rows

    @contextlib.contextmanager
    def _association(self) -> Iterator[Association]:
        entity = AE(ae_title=self._config.own_ae_title)
        entity.connection_timeout = self._config.connect_seconds
        entity.acse_timeout = self._config.answer_seconds
        entity.dimse_timeout = self._config.answer_seconds
        entity.network_timeout = self._config.answer_seconds
        entity.add_requested_context(STUDY_ROOT_FIND)
        association = entity.associate(
            self._config.host,
            self._config.port,
            ae_title=self._config.ae_title,
            evt_handlers=[(evt.EVT_CONN_OPEN, self._bound_socket)],
        )
        if not association.is_established:
            raise ArchiveQueryFailed(f"no association with {self._config.ae_title}")
        try:
            yield association
        finally:
            if association.is_established:
                association.release()

    def _bound_socket(self, event: Any) -> None:
        connected: socket.socket = event.assoc.dul.socket.socket
        connected.settimeout(self._config.answer_seconds)
