"""The ports of the use cases: what pipeline.py needs of the world, as protocols; adapters live outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.results.result import ResultObject, StudyResult
from trabecula.domain.study.study import ReceivedInstance, StoredFile
from trabecula.domain.volume import Volume


@dataclass(frozen=True)
class AnalysedVolume:
    """A measured series with its label map on the series' own grid (uint8, domain.spine labels).

    ``files`` are ordered like the slices of the volume; reporting reads the headers from them. A multi-frame instance
    is one file, ``volume.source_uids`` then repeats its UID and ``volume.source_frames`` says which of its frames.
    """

    volume: Volume
    labels: NDArray[np.uint8]
    files: tuple[StoredFile, ...]


@dataclass(frozen=True)
class Analysis:
    """What the analyser hands over: the result and the volumes it was measured on (primary first; may be empty)."""

    result: StudyResult
    volumes: tuple[AnalysedVolume, ...]


class Analyser(Protocol):
    """Port: chooses series, segments, measures, classifies. Pure CPU work, runs in a child process."""

    def analyse(self, study_uid: str, revision: int, files: Sequence[StoredFile]) -> Analysis:
        """Return the analysis; what cannot be measured is a NOT_EVALUABLE result with reasons, never an error."""
        ...


class VolumeLoader(Protocol):
    """Port: reads the pixels of chosen instances again, e.g. when a report is written after the analysis."""

    def load(
        self, files: Sequence[StoredFile], sop_instance_uids: Sequence[str], frames: Sequence[int | None] = ()
    ) -> Volume:
        """Return the volume of exactly these instances, one slice each, in this order (for a multi-frame instance its
        UID repeats, and ``frames`` are the numbers of its frames as in ``Volume.source_frames``). Raises
        GeometryInvalid, PixelDataUndecodable, SpoolObjectMissing."""
        ...


@dataclass(frozen=True)
class ReportContext:
    """What a report needs beside the analysis.

    ``analysed_at`` becomes the content date and time of every object (so that a rebuild gives the same bytes).
    ``predecessors`` are the SOP Class UID, SOP Instance UID and Series Instance UID of the SR this one supersedes.
    ``study_files`` are all image files of the revision (for a NOT_EVALUABLE study without a measured series).
    """

    analysed_at: datetime
    installation_uid: str
    study_files: tuple[StoredFile, ...]
    predecessors: tuple[tuple[str, str, str], ...] = ()


class Reporter(Protocol):
    """Port: turns an analysis into DICOM objects. Raises ReportInvalid."""

    def report(self, analysis: Analysis, context: ReportContext) -> tuple[ResultObject, ...]:
        """Return SR, then SEG and picture where there are any; the same input gives the same bytes."""
        ...


@dataclass(frozen=True)
class Destination:
    """A PACS that gets results. ``object_kinds`` are what it wants (SR, SEG, SC), ``commitment`` asks for N-ACTION."""

    name: str
    ae_title: str
    host: str
    port: int
    object_kinds: tuple[str, ...] = ("SR", "SEG", "SC")
    commitment: bool = True

    @property
    def address(self) -> str:
        """AE title, host and port as settings write them."""
        return f"{self.ae_title}@{host_and_port(self.host, self.port)}"


def host_and_port(host: str, port: int) -> str:
    """Return ``host:port``; an IPv6 address stands in brackets (RFC 3986 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class DeliveryState(StrEnum):
    """Where one object stands at one destination; refused, sent and confirmed are different things."""

    PENDING = "PENDING"
    SENT = "SENT"
    """The destination answered 0x0000 or a warning (0xBxxx)."""
    CONFIRMED = "CONFIRMED"
    """The destination took responsibility (storage commitment, PS3.4 J)."""
    REFUSED = "REFUSED"
    """The destination will not take it; a person must look."""
    FAILED = "FAILED"
    """Every attempt failed for reasons that may pass; retry is up to a person now."""


@dataclass(frozen=True)
class SendOutcome:
    """What the destination answered for one object: DIMSE status word, and the SOP Class and UID it went under."""

    sop_instance_uid: str
    sop_class_uid: str
    status: int
    error_comment: str = ""

    @property
    def accepted(self) -> bool:
        """True for success and for warnings (PS3.7 C: 0x0000, 0x0001, 0xBxxx, 0x0107, 0x0116)."""
        return self.status in (0x0000, 0x0001, 0x0107, 0x0116) or 0xB000 <= self.status <= 0xBFFF


class Sender(Protocol):
    """Port: C-STORE SCU."""

    def send(self, destination: Destination, objects: Sequence[ResultObject]) -> tuple[SendOutcome, ...]:
        """Send over one association; one outcome per object, in order; falls back to ``alternatives`` by what the
        peer accepted. Raises DestinationUnreachable, AssociationRejected; SopClassRefused is an outcome with
        status 0x0122."""
        ...

    def echo(self, destination: Destination) -> None:
        """C-ECHO. Raises DestinationUnreachable, AssociationRejected."""
        ...


class CommitmentRequester(Protocol):
    """Port: storage commitment SCU (PS3.4 J). The answer comes later, on the same or another association."""

    def request(
        self, destination: Destination, transaction_uid: str, objects: Sequence[tuple[str, str]]
    ) -> Mapping[str, bool] | None:
        """Send N-ACTION for (SOP Class UID, SOP Instance UID) pairs; return the answer per SOP Instance UID if it came
        on the same association, else None. Raises DestinationUnreachable, AssociationRejected, DeliveryRefused."""
        ...


class SourceArchive(Protocol):
    """Port: asks the sending archive how many instances a study has (C-FIND, study root)."""

    def count_instances(self, study_uid: str) -> int | None:
        """Return how many CT and MR images the archive holds of the study, or None when it does not know the study.

        Other objects are not counted: the intake drops them. Raises ArchiveQueryFailed.
        """
        ...


class Registrar(Protocol):
    """Port of the listener: writes the ledger row and defers ``settle`` in one transaction, then returns."""

    def register(self, instance: ReceivedInstance) -> bool:
        """Return True when the instance is new, False for a repetition. Raises DatabaseUnavailable.

        An instance with a ``fault`` is recorded as quarantined. The caller answers 0x0000 only after this returned.
        """
        ...

    def knows(self, sop_instance_uid: str) -> bool:
        """Return whether an instance is recorded under this UID. Raises DatabaseUnavailable."""
        ...

    def commitment_answered(self, transaction_uid: str, committed: Mapping[str, bool]) -> None:
        """Record a storage commitment answer (N-EVENT-REPORT) per SOP Instance UID."""
        ...
