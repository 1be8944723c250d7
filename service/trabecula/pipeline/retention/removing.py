"""Removing: files that a rule lets go are recorded, deleted, confirmed, in this order; one study at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

from trabecula.domain.ports.deletion_log import DeletionLog
from trabecula.domain.ports.ledger import OpenLedger
from trabecula.domain.ports.study_files import StudyFiles
from trabecula.domain.study.retention import BegunRemoval, DueFiles, FileKind, RetentionPolicy
from trabecula.domain.study.standing import Event

_AT_ONCE = 50
"""Studies looked up together; each is looked at again, under its lock, before anything of it is removed."""


@dataclass(frozen=True, kw_only=True)
class RetentionServices:
    """What retention needs of the world."""

    open_ledger: OpenLedger
    files: StudyFiles
    log: DeletionLog
    policy: RetentionPolicy = field(default_factory=RetentionPolicy)


@dataclass(frozen=True, kw_only=True)
class RemovedFiles:
    """What a run removed: studies whose images went, revisions whose results went, and bytes."""

    images: int = 0
    results: int = 0
    size_bytes: int = 0
    hindered: bool = False
    """A backup is being made: nothing may go meanwhile."""


def due_files(services: RetentionServices, limit: int) -> tuple[DueFiles, ...]:
    """Return what a run would remove, the oldest first, with the size of each; nothing is written."""
    with services.open_ledger() as ledger:
        found = [item for kind in FileKind for item in ledger.retention.old_enough(kind, services.policy, limit)]
    return tuple(
        item
        if item.kind is FileKind.IMAGES
        else replace(item, size_bytes=services.files.results_bytes(item.study_uid, item.revision))
        for item in found
    )


def remove_due(services: RetentionServices, seconds: float = 60.0, limit: int | None = None) -> RemovedFiles:
    """Remove what the rules let go, at most ``limit`` things, for at most about ``seconds``.

    First whatever an earlier run began and did not end. Raises SpoolUnavailable; what was recorded by then is taken up
    by the next run.
    """
    until = time.monotonic() + seconds
    done = RemovedFiles()
    with services.open_ledger() as ledger:
        left = ledger.retention.begun()
    for removal in left:
        done = _finished(services, removal, done)
    for kind in FileKind:
        while not done.hindered and time.monotonic() < until:
            room = _AT_ONCE if limit is None else min(_AT_ONCE, limit - done.images - done.results)
            with services.open_ledger() as ledger:
                found = ledger.retention.old_enough(kind, services.policy, room) if room > 0 else ()
            before = done
            for due in found:
                if time.monotonic() < until and not done.hindered:
                    done = _removed(services, due, done)
            if done == before:
                break
    return done


def _removed(services: RetentionServices, due: DueFiles, done: RemovedFiles) -> RemovedFiles:
    """Record one removal and carry it out, unless the study has changed since it was found."""
    with services.open_ledger() as ledger:
        if not ledger.retention.may_remove():
            return replace(done, hindered=True)
        ledger.studies.standing(due.study_uid, lock=True)
        still = ledger.retention.old_enough(due.kind, services.policy, 1000, due.study_uid)
        if due.revision not in {item.revision for item in still}:
            return done
        rule = services.policy.rule(due.kind)
        number = ledger.retention.begin(due, rule)
        ledger.commit()
    return _finished(services, BegunRemoval(number, due.kind, due.study_uid, due.revision, rule), done)


def _finished(services: RetentionServices, removal: BegunRemoval, done: RemovedFiles) -> RemovedFiles:
    """Delete the files of a recorded removal and confirm it; files that came again meanwhile stay."""
    images = removal.kind is FileKind.IMAGES
    with services.open_ledger() as ledger:
        if not ledger.retention.may_remove():
            return replace(done, hindered=True)
        if images:
            freed = services.files.remove_images(ledger.retention.image_files(removal.study_uid))
        else:
            freed = services.files.remove_results(removal.study_uid, removal.revision)
        ledger.retention.end(removal, freed)
        event = Event(
            what=f"{removal.kind}_REMOVED",
            detail=removal.rule,
            revision=removal.revision or None,
            facts={"bytes": str(freed)},
        )
        ledger.studies.note(removal.study_uid, event)
        ledger.commit()
    return replace(
        done, images=done.images + images, results=done.results + (not images), size_bytes=done.size_bytes + freed
    )
