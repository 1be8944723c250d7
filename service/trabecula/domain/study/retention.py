"""Retention: how long files are kept, what may go now, and what holds the rest back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trabecula.domain.uids import InstanceUid, StudyUid


class FileKind(StrEnum):
    """Which files of a study a rule is about."""

    IMAGES = "IMAGES"
    """Received images, in every copy that was ever in use."""
    RESULTS = "RESULTS"
    """Result, label maps and DICOM objects of one revision."""


class HeldBy(StrEnum):
    """Why files that are old enough are not removed; the first that holds is named."""

    OPEN = "OPEN"
    """The study is neither DONE nor CANCELLED."""
    FAILED = "FAILED"
    """The study failed, and its images are what a retry needs."""
    HOLD = "HOLD"
    """An operator holds it."""
    BUSY = "BUSY"
    """A job of the study waits or runs."""
    QUARANTINE = "QUARANTINE"
    """An instance of the study, or another copy of one, is held in quarantine."""
    WITHHELD = "WITHHELD"
    """The result was not sent because a person has to look first; the images are its only source."""
    UNCONFIRMED = "UNCONFIRMED"
    """A destination has not confirmed what it was sent (storage commitment missing or failed counts as that)."""

    @property
    def words(self) -> str:
        """The reason for people."""
        return _HELD_WORDS[self]


_HELD_WORDS = {
    HeldBy.OPEN: "still in work",
    HeldBy.FAILED: "failed; retry, cancel or delete them",
    HeldBy.HOLD: "held by an operator",
    HeldBy.BUSY: "a job waits or runs",
    HeldBy.QUARANTINE: "an instance is held in quarantine",
    HeldBy.WITHHELD: "the result was withheld until a person has looked",
    HeldBy.UNCONFIRMED: "not confirmed by every destination",
}


@dataclass(frozen=True, kw_only=True)
class RetentionPolicy:
    """How many days files are kept after a study was last touched; None keeps them for ever.

    ``unasked`` are the destinations that are not asked for storage commitment: that they accepted an object is all
    they ever say.
    """

    keep_images_days: float | None = None
    keep_results_days: float | None = None
    unasked: frozenset[str] = frozenset()

    def days(self, kind: FileKind) -> float | None:
        """Return for how many days files of a kind are kept."""
        return self.keep_images_days if kind is FileKind.IMAGES else self.keep_results_days

    def rule(self, kind: FileKind) -> str:
        """Return the rule as settings write it."""
        return f"keep_{kind.lower()}_days = {self.days(kind):g}"


@dataclass(frozen=True, kw_only=True)
class DueFiles:
    """Files that a rule lets go now, or that something holds back. ``size_bytes`` is of images; of results unknown."""

    kind: FileKind
    study_uid: StudyUid
    revision: int
    """0 for images: those of all revisions go together."""
    last_touched: datetime
    size_bytes: int
    held_by: HeldBy | None = None


@dataclass(frozen=True)
class BegunRemoval:
    """A removal that was recorded and is not confirmed yet."""

    number: int
    kind: FileKind
    study_uid: StudyUid
    revision: int
    rule: str


@dataclass(frozen=True)
class RemovedImages:
    """How many images of a study are gone, when and by which rule."""

    count: int = 0
    removed_at: datetime | None = None
    rule: str = ""

    @property
    def words(self) -> str:
        """A clause for people: ``64 images were removed on 2026-11-30 (keep_images_days = 30)``."""
        when = f" on {self.removed_at:%Y-%m-%d}" if self.removed_at else ""
        return f"{self.count} image{'s were' if self.count != 1 else ' was'} removed{when} ({self.rule})"


@dataclass(frozen=True)
class ReturnedImage:
    """A removed image that came again; ``awaited`` says that its study waits for it."""

    sop_instance_uid: InstanceUid
    study_uid: StudyUid
    awaited: bool
