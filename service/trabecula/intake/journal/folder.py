"""The folder of one journal: who it is, which process uses it, its segments by name, and how far it is clear."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

import structlog

from trabecula.domain.errors_of.reception import JournalInUse, JournalTooNew, JournalUnusable
from trabecula.domain.identity import derived_uid
from trabecula.intake.journal.format import BLOCK, VERSION, NotASegment, decode_segment
from trabecula.intake.journal.mounts import file_system_of, is_in_memory, refuse_network_mount
from trabecula.intake.journal.spares import MOST_USED, USED, spare_files

LISTENER, REGISTRAR = "listener", "registrar"
_IDENTITY, _STATUS, _DAMAGED = "journal.json", "status.json", "damaged"
_LOCK_PATIENCE_SECONDS = 5.0

log = structlog.get_logger(__name__)


class SegmentState(StrEnum):
    """How a segment's file is named: what may still happen to it."""

    OPEN = "open"
    """Its listener may still write to it."""
    SEALED = "seg"
    """Ended in order: it ends where its file ends."""
    CUT = "cut"
    """Its listener was killed: what follows a gap in it is looked for."""


@dataclass(frozen=True, order=True)
class SegmentFile:
    """A segment on disk, ordered as they were made."""

    number: int
    path: Path
    state: SegmentState


@dataclass(frozen=True, kw_only=True)
class ListenerStatus:
    """What a listener says twice a second: every image that came wholly before ``clear_until`` can be read.

    The time is in seconds since the host was booted, in the boot ``boot_id``.
    """

    boot_id: str
    clear_until: float


def boot_id() -> str:
    """Return what names this boot of the host (random(4)); times since boot are only compared within one."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def since_boot() -> float:
    """Return the seconds since boot, sleep included; nobody can set this clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class JournalFolder:
    """A journal's folder on a disk of this host."""

    def __init__(self, root: Path) -> None:
        """Make it where there is none. Raises JournalOnNetworkMount, JournalUnusable, JournalTooNew."""
        self.root = root
        try:
            root.mkdir(parents=True, exist_ok=True)
            root.chmod(0o700)  # patient data: for the service's own user alone
            self.file_system = file_system_of(root)
            refuse_network_mount(root, self.file_system)
            self.journal_uid = self._identity()
        except OSError as error:
            raise JournalUnusable(f"{root}: {error.strerror or type(error).__name__}") from error
        if is_in_memory(self.file_system):
            log.warning("journal.kept_in_memory", file_system=self.file_system)
        self._refuse_newer()

    @contextlib.contextmanager
    def locked(self, user: str) -> Iterator[None]:
        """Be its only listener or registrar. Raises JournalInUse."""
        descriptor = self._lock(user, _LOCK_PATIENCE_SECONDS)
        if descriptor is None:
            raise JournalInUse(f"{self.root}, its {user}")
        try:
            yield
        finally:
            os.close(descriptor)

    def without_listener(self) -> bool:
        """Return whether no listener runs now; then what a killed one left open is named so."""
        descriptor = self._lock(LISTENER, 0.0)
        if descriptor is None:
            return False
        try:
            self.cut_open_segments()
        finally:
            os.close(descriptor)
        return True

    def cut_open_segments(self) -> None:
        """Name the segments of a killed listener. Only for who holds the listener's lock."""
        for segment in self.segments():
            if segment.state is SegmentState.OPEN:
                segment.path.rename(segment.path.with_suffix(f".{SegmentState.CUT}"))

    def segments(self) -> list[SegmentFile]:
        """Return the segments there are, in the order they were made."""
        found = []
        for name in os.listdir(self.root):
            stem, _, suffix = name.partition(".")
            number = stem.partition("-")[0]
            if suffix in set(SegmentState) and number.isdecimal():
                found.append(SegmentFile(int(number), self.root / name, SegmentState(suffix)))
        return sorted(found)

    def segment_path(self, number: int, segment_uid: str, state: SegmentState) -> Path:
        """Return the path of a segment."""
        return self.root / f"{number:012d}-{segment_uid[:8]}.{state}"

    def used_bytes(self) -> int:
        """Return the room that the segments take on the disk."""
        total = 0
        for segment in self.segments():
            with contextlib.suppress(FileNotFoundError):
                total += segment.path.stat().st_blocks * 512
        return total

    def oldest_waiting_s(self) -> float:
        """Return the age in seconds of the oldest segment that was ended and not yet registered, 0 without one."""
        ended = []
        for segment in self.segments():
            if segment.state is not SegmentState.OPEN:
                with contextlib.suppress(FileNotFoundError):
                    ended.append(segment.path.stat().st_mtime)
        return max(0.0, time.time() - min(ended)) if ended else 0.0

    def free_bytes(self) -> int:
        """Return the free space of its disk."""
        found = os.statvfs(self.root)
        return found.f_bavail * found.f_frsize

    def keep_damaged(self, segment: SegmentFile) -> None:
        """Put a damaged segment aside, for a person to look at; it is never removed by the program."""
        folder = self.root / _DAMAGED
        folder.mkdir(exist_ok=True)
        segment.path.rename(folder / segment.path.name)

    def release(self, segment: SegmentFile) -> None:
        """Give a registered segment back to the listener, to be written anew; without a listener it is removed."""
        if segment.state is SegmentState.SEALED and len(spare_files(self.root)) < MOST_USED and not self._is_free():
            segment.path.rename(self.root / f"{segment.path.stem}{USED}")
        else:
            segment.path.unlink()

    def _is_free(self) -> bool:
        """Return whether no listener runs now."""
        descriptor = self._lock(LISTENER, 0.0)
        if descriptor is not None:
            os.close(descriptor)
        return descriptor is not None

    def tell(self, status: ListenerStatus) -> None:
        """Write the listener's status."""
        aside = self.root / f"{_STATUS}.part"
        aside.write_text(json.dumps(asdict(status)))
        aside.replace(self.root / _STATUS)

    def status(self) -> ListenerStatus | None:
        """Return what the listener said last, None where it never said anything in this boot."""
        try:
            told = ListenerStatus(**json.loads((self.root / _STATUS).read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return told if told.boot_id == boot_id() else None

    def _identity(self) -> str:
        path = self.root / _IDENTITY
        if not path.exists():
            aside = path.with_suffix(f".{os.getpid()}.part")
            uid = derived_uid("journal", os.urandom(16).hex())
            with aside.open("x") as file:
                file.write(json.dumps({"version": VERSION, "journal": uid}))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):  # listener and registrar may start together
                os.link(aside, path)
            aside.unlink()
            descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        content = json.loads(path.read_text())
        if content["version"] > VERSION:
            raise JournalTooNew(f"{self.root} has format {content['version']}, this program knows {VERSION}")
        return str(content["journal"])

    def _refuse_newer(self) -> None:
        for segment in self.segments():
            with contextlib.suppress(FileNotFoundError, NotASegment), segment.path.open("rb") as file:
                decode_segment(file.read(BLOCK))

    def _lock(self, user: str, patience_s: float) -> int | None:
        descriptor = os.open(self.root / f"{user}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + patience_s
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    os.close(descriptor)
                    return None
                time.sleep(0.05)
            else:
                return descriptor
