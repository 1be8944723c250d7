"""Adapters that are built, and their libraries imported, when they are used first: most processes never use them.

The libraries of DICOM bring numpy along and take half a second. A worker that delivers replaces these by the real ones
when it starts (``peers.with_peers``), so that a wrong certificate is told then and not at the first delivery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from trabecula.domain.delivery import Destination, SendOutcome
from trabecula.domain.ports.commitment_requester import CommitmentRequester
from trabecula.domain.ports.sender import Sender
from trabecula.domain.ports.source_archive import SourceArchive
from trabecula.domain.results.result import ResultObject
from trabecula.domain.study.facts import StudyFacts
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import StudyUid
from trabecula.settings import Settings


@dataclass(frozen=True)
class LateSender:
    """Implements domain.ports.Sender with the sender of the settings. Methods also raise ConfigurationInvalid."""

    settings: Settings

    def send(self, destination: Destination, objects: Sequence[ResultObject]) -> tuple[SendOutcome, ...]:
        """Send over one association."""
        return self._real.send(destination, objects)

    def echo(self, destination: Destination) -> None:
        """C-ECHO."""
        self._real.echo(destination)

    @cached_property
    def _real(self) -> Sender:
        from trabecula.bootstrap.peers import sender_of

        return sender_of(self.settings)


@dataclass(frozen=True)
class LateRequester:
    """Implements domain.ports.CommitmentRequester with the SCU of the settings; also raises ConfigurationInvalid."""

    settings: Settings

    def request(
        self, destination: Destination, transaction_uid: str, objects: Sequence[tuple[str, str]]
    ) -> Mapping[str, bool] | None:
        """Send N-ACTION and return the answer if it came on the same association."""
        return self._real.request(destination, transaction_uid, objects)

    @cached_property
    def _real(self) -> CommitmentRequester:
        from trabecula.bootstrap.peers import requester_of

        return requester_of(self.settings)


@dataclass(frozen=True)
class LateArchive:
    """Implements domain.ports.SourceArchive with the archive of the settings, which must name one."""

    settings: Settings

    def count_instances(self, study_uid: StudyUid) -> int | None:
        """Return how many CT and MR images the archive holds of the study."""
        return self._real.count_instances(study_uid)

    def fetch(self, study_uid: StudyUid) -> int:
        """Have the archive send the study again; return how many images it says it sent."""
        return self._real.fetch(study_uid)

    @cached_property
    def _real(self) -> SourceArchive:
        from trabecula.bootstrap.peers import archive_of

        archive = archive_of(self.settings)
        assert archive is not None, "made only where the settings name an archive"
        return archive


class LateFacts:
    """Implements pipeline.services.FactsReader with the reader of headers."""

    def read(self, files: Sequence[StoredFile]) -> StudyFacts:
        """Return the facts of the study."""
        from trabecula.imaging.headers.facts import HeaderFactsReader

        return HeaderFactsReader().read(files)
