"""From the records of a journal to one file each in the spool: written aside, synced together, then named."""

from __future__ import annotations

import contextlib
import functools
import os
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import structlog

from trabecula.domain.errors import InstanceConflict, InstanceUnparsable, TrabeculaError
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid
from trabecula.intake.storage.file_system import FileSystem, can_sync_file_system
from trabecula.intake.storage.identity import read_again
from trabecula.intake.storage.spool import INCOMING, QUARANTINE, Spool, as_spool_error, describe, named, sync_folder

_MANY = 8
"""From so many files on, one sync of the whole file system is less work than one for each file and folder."""
_SYNCS_AT_ONCE = 4
"""Syncs that wait together share the commits of the file system's own journal."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Arrival:
    """An instance of the journal, without a place yet; ``copy`` writes its file and returns what its SHA-256 is."""

    instance: ReceivedInstance
    copy: Callable[[int], str]


@dataclass
class Placed:
    """What became of a batch: for each arrival the instances to register, in order; none where its bytes were damaged.

    ``close`` it after the rows are written.
    """

    spool: Spool
    entries: list[tuple[ReceivedInstance, ...]] = field(default_factory=list)
    aside: list[Path] = field(default_factory=list)
    quarantined: list[tuple[Path, str]] = field(default_factory=list)
    repeated: list[tuple[Path, str]] = field(default_factory=list)

    def close(self) -> None:
        """Remove the files aside. Raises SpoolUnavailable."""
        with as_spool_error():
            for path, key in self.quarantined:
                # An operator may have deleted the same bytes between file and row.
                self.spool.link(path, key)
            for path, key in self.repeated:
                # Retention may have removed the first copy between file and row.
                if not (self.spool.root / key).exists():
                    self.spool.link(path, key)
        self.discard()

    def discard(self) -> None:
        """Remove the files aside; never raises."""
        for path in self.aside:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


class Placer:
    """Places batches in one spool. ``knows`` asks the ledger whether an instance has a row."""

    def __init__(self, spool: Spool, knows: Callable[[InstanceUid], bool]) -> None:
        self._spool = spool
        self._knows = knows
        self._syncing = ThreadPoolExecutor(_SYNCS_AT_ONCE, "sync")

    def place(self, arrivals: Sequence[Arrival]) -> Placed:
        """Make one durable file of each arrival, under its key or in quarantine. Raises SpoolUnavailable.

        As at reception itself, the first bytes under a UID stay; the same again are a repetition, others a conflict.
        """
        placed = Placed(self._spool)
        with contextlib.ExitStack() as unless_placed:
            unless_placed.callback(placed.discard)
            with as_spool_error(), contextlib.closing(FileSystem(self._spool.root)) as file_system:
                placed.aside = [self._spool.root / INCOMING / f"{uuid.uuid4().hex}.part" for _ in arrivals]
                together = len(arrivals) >= _MANY and can_sync_file_system()
                digests = list(self._syncing.map(functools.partial(_write, sync=not together), placed.aside, arrivals))
                if together:
                    file_system.sync()
                folders: set[Path] = set()
                for arrival, path, digest in zip(arrivals, placed.aside, digests, strict=True):
                    whole = digest == arrival.instance.sha256
                    placed.entries.append(self._named(arrival.instance, path, placed, folders) if whole else ())
                if len(folders) >= _MANY and can_sync_file_system():
                    file_system.sync()
                else:
                    list(self._syncing.map(sync_folder, folders))
            unless_placed.pop_all()
        return placed

    def forget(self, sop_instance_uid: InstanceUid) -> None:
        """Remove a file without a row that an earlier try placed for an image which is not kept."""
        if not self._knows(sop_instance_uid):
            self._spool.remove(self._spool.key_of(sop_instance_uid))

    def quarantine(self, arrival: Arrival, error: TrabeculaError) -> Placed:
        """Make a durable file in quarantine of an arrival that cannot be used. Raises SpoolUnavailable."""
        fault = f"{error.code}: {error.sentence}"
        return self.place([Arrival(replace(arrival.instance, fault=fault), arrival.copy)])

    def _named(
        self, instance: ReceivedInstance, path: Path, placed: Placed, folders: set[Path]
    ) -> tuple[ReceivedInstance, ...]:
        if instance.fault:
            return (self._quarantined(instance, path, placed),)
        key = self._spool.key_of(instance.sop_instance_uid)
        target = self._spool.root / key
        folders.add(target.parent)
        if named(path, target):
            return (replace(instance, spool_key=key),)
        there = describe(target, key)
        if there.sha256 == instance.sha256:
            placed.repeated.append((path, key))
            return (replace(instance, spool_key=key),)
        beside = self._spool.key_beside(instance.sop_instance_uid, instance.sha256)
        if (self._spool.root / beside).is_file():
            return (replace(instance, spool_key=beside),)
        error = InstanceConflict()
        conflict = replace(instance, fault=f"{error.code}: {error.sentence}")
        first = replace(instance, spool_key=key, size_bytes=there.size_bytes, sha256=there.sha256)
        return (*self._without_row(first), self._quarantined(conflict, path, placed))

    def _without_row(self, first: ReceivedInstance) -> tuple[ReceivedInstance, ...]:
        """Return the instance of a file that has no row: its reception was stopped between the two."""
        if self._knows(first.sop_instance_uid):
            return ()
        try:
            stated, head = read_again(self._spool.path(first.spool_key))
        except InstanceUnparsable:
            return ()
        return (
            replace(
                first,
                sop_class_uid=stated.sop_class_uid,
                transfer_syntax_uid=stated.transfer_syntax_uid,
                study_uid=head.study_uid,
                series_uid=head.series_uid,
            ),
        )

    def _quarantined(self, instance: ReceivedInstance, path: Path, placed: Placed) -> ReceivedInstance:
        key = f"{QUARANTINE}/{instance.sha256}.dcm"
        self._spool.link(path, key)
        placed.quarantined.append((path, key))
        code, _, reason = instance.fault.partition(": ")
        log.warning("instance.quarantined", code=code, reason=reason, key=key)
        return replace(instance, spool_key=key)


def _write(path: Path, arrival: Arrival, *, sync: bool) -> str:
    """Write an arrival aside and return its SHA-256; with ``sync`` after its bytes are on stable storage."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        digest = arrival.copy(descriptor)
        if sync:
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)
    return digest
