"""What the use cases need of the world, bundled once by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trabecula.domain.delivery import Destination
from trabecula.domain.errors import DestinationUnknown, SpoolObjectMissing
from trabecula.domain.errors_of.retention import ImagesRemoved, ResultsRemoved
from trabecula.domain.ports.artifacts import Artifacts
from trabecula.domain.ports.commitment_requester import CommitmentRequester
from trabecula.domain.ports.copy_store import CopyStore
from trabecula.domain.ports.ledger import Ledger, OpenLedger
from trabecula.domain.ports.observer import NobodyWatches, StageObserver
from trabecula.domain.ports.sender import Sender
from trabecula.domain.ports.source_archive import SourceArchive
from trabecula.domain.study.facts import StudyFacts
from trabecula.domain.study.jobs import Job, RetryPolicy
from trabecula.domain.study.study import StoredFile
from trabecula.domain.uids import StudyUid
from trabecula.pipeline.requests import StageRequest

ShouldStop = Callable[[], bool]


class StageRunner(Protocol):
    """Port: runs the processor-heavy stages away from this process; they leave their artifacts in the folder.

    Both raise what the stage raised, AnalysisTimeout, AnalysisCrashed, or Interrupted when ``should_stop`` said so.
    """

    def analyse(self, request: StageRequest, should_stop: ShouldStop) -> None:
        """Run pipeline.run_analysis for the request."""
        ...

    def report(self, request: StageRequest, should_stop: ShouldStop) -> None:
        """Run pipeline.run_report for the request."""
        ...


class FactsReader(Protocol):
    """Port: reads from the headers what coordinators need to find a study."""

    def read(self, files: Sequence[StoredFile]) -> StudyFacts:
        """Return the facts; what cannot be read stays empty."""
        ...


class Interrupted(Exception):
    """The worker is shutting down or the work is no longer wanted; nothing failed."""


@dataclass(frozen=True)
class SettlePolicy:
    """When a study counts as complete.

    ``quiet_s`` without a new image; then, where the source archive can be asked, its count, at most ``count_checks``
    times with ``count_pause_s`` between: a source that counts what it never sends must not hold a study for ever.
    A listener that may hold more of it is waited for while it was heard within ``listener_grace_s``, refused images
    until ``refused_hold_s`` after the last refusal. Studies that come from ``bulk_sources`` (AE titles) wait behind all
    others.
    """

    quiet_s: float = 60.0
    count_checks: int = 5
    count_pause_s: float = 60.0
    listener_grace_s: float = 600.0
    refused_hold_s: float = 6 * 3600.0
    bulk_sources: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Services:
    """The adapters and rules of one installation."""

    open_ledger: OpenLedger
    locate: Callable[[str], Path]
    """From a spool key to the path of its bytes."""
    artifacts: Artifacts
    runner: StageRunner
    sender: Sender
    requester: CommitmentRequester
    facts: FactsReader
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    archive: SourceArchive | None = None
    settle: SettlePolicy = field(default_factory=SettlePolicy)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    reader_ae_titles: frozenset[str] = frozenset()
    """AE titles from which a DICOM SEG is a reader's correction."""
    unspent: dict[Job, int] = field(default_factory=dict, compare=False)
    """Attempts of jobs that a lost database ended and that could not be taken back yet, as it was away."""
    commitment_timeout_s: float = 900.0
    """How long a storage commitment answer may take before it is shown as missing."""

    observer: StageObserver = field(default_factory=NobodyWatches)
    """Who counts what happened."""

    def destination(self, name: str) -> Destination:
        """Return a configured destination. Raises DestinationUnknown."""
        if name not in self.destinations:
            raise DestinationUnknown(name)
        return self.destinations[name]


@dataclass(frozen=True, kw_only=True)
class OperatorServices(Services):
    """What operators use beside: the files of copies of an image."""

    copies: CopyStore


def check_images(ledger: Ledger, study_uid: StudyUid) -> None:
    """Raise ImagesRemoved where retention removed images of the study and they have not come again."""
    removed = ledger.retention.removed_images(study_uid)
    if removed.count:
        raise ImagesRemoved(removed.words)


def check_results(ledger: Ledger, study_uid: StudyUid, revision: int) -> None:
    """Raise ResultsRemoved where retention removed the files of a revision."""
    rule = ledger.retention.results_rule(study_uid, revision)
    if rule is not None:
        raise ResultsRemoved(rule)


def stored_files(services: Services, ledger: Ledger, study_uid: StudyUid, revision: int) -> tuple[StoredFile, ...]:
    """Return the files of a revision, ordered by SOP Instance UID. Raises SpoolObjectMissing, ImagesRemoved."""
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
        check_images(ledger, study_uid)
        raise SpoolObjectMissing(f"{len(lost)} of {len(files)} files, among them {lost[0].path}")
    return files
