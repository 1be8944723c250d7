"""The received bytes on disk: written aside, synced, and named only when they are whole; quarantine beside them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trabecula.domain.errors import SpoolObjectMissing
from trabecula.domain.errors_of.disk import disk_error
from trabecula.domain.uids import InstanceUid

INCOMING, OBJECTS, QUARANTINE = "incoming", "objects", "quarantine"
_BUFFER_BYTES = 1 << 16
_READ_BYTES = 1 << 20
_NO_HARD_LINKS = (PermissionError, NotImplementedError)


class Kept(StrEnum):
    """What became of an incoming file."""

    NEW = "NEW"
    REPEATED = "REPEATED"
    """The same bytes were there already."""
    CONFLICT = "CONFLICT"
    """Other bytes are there under the same SOP Instance UID; the incoming ones are still only aside."""


@dataclass(frozen=True)
class KeptFile:
    """A file in the spool: its key, size and SHA-256 (of the Part 10 file), and whether it is new."""

    outcome: Kept
    key: str
    size_bytes: int
    sha256: str


@contextlib.contextmanager
def as_spool_error() -> Iterator[None]:
    """Raise SpoolUnavailable for what the operating system refuses."""
    try:
        yield
    except OSError as error:
        # The reason only: a path may hold what a sender chose.
        raise disk_error(error, os.strerror(error.errno) if error.errno else type(error).__name__) from error


class Incoming:
    """One file that is being received; ``keep``, ``quarantine`` or ``discard`` ends it."""

    def __init__(self, spool: Spool, path: Path) -> None:
        self._spool = spool
        self._path = path
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        with as_spool_error():
            self._file = open(path, "xb+", buffering=_BUFFER_BYTES)  # noqa: SIM115 - closed by the three endings

    def write(self, data: bytes | memoryview) -> None:
        """Append bytes. Raises SpoolUnavailable."""
        with as_spool_error():
            self._file.write(data)
        self._digest.update(data)
        self.size_bytes += len(data)

    def beginning(self, offset: int, count: int) -> bytes:
        """Return up to ``count`` bytes from ``offset`` of what was written. Raises SpoolUnavailable."""
        with as_spool_error():
            self._file.flush()
            return os.pread(self._file.fileno(), count, offset)

    def keep(self, sop_instance_uid: InstanceUid) -> KeptFile:
        """Make the file durable under the instance's key, unless other bytes are there. Raises SpoolUnavailable.

        Returns only after the bytes and the name are on stable storage. A copy that was put beside the first one is a
        repetition, too. After CONFLICT (the answer then describes the first file) the incoming file is still to be
        ended.
        """
        key = self._spool.key_of(sop_instance_uid)
        with as_spool_error():
            self._sync()
            target = self._spool.root / key
            outcome = Kept.NEW if named(self._path, target) else Kept.REPEATED
            if outcome is Kept.REPEATED:
                there = describe(target, key)
                if there.sha256 != self._digest.hexdigest():
                    beside = self._spool.key_beside(sop_instance_uid, self._digest.hexdigest())
                    if not (self._spool.root / beside).is_file():
                        return KeptFile(Kept.CONFLICT, key, there.size_bytes, there.sha256)
                    key, target = beside, self._spool.root / beside
            self._file.close()
            self._path.unlink(missing_ok=True)
            sync_folder(target.parent)
        return KeptFile(outcome, key, self.size_bytes, self._digest.hexdigest())

    def quarantine(self) -> KeptFile:
        """Make the file durable in the quarantine, named by its content; may be repeated until ``discard``.

        Raises SpoolUnavailable.
        """
        sha256 = self._digest.hexdigest()
        key = f"{QUARANTINE}/{sha256}.dcm"
        with as_spool_error():
            if not self._file.closed:
                self._sync()
                self._file.close()
            outcome = Kept.NEW if self._spool.link(self._path, key) else Kept.REPEATED
        return KeptFile(outcome, key, self.size_bytes, sha256)

    def discard(self) -> None:
        """Drop the file; never raises, also after ``keep``."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _sync(self) -> None:
        self._file.flush()
        os.fdatasync(self._file.fileno())


class Spool:
    """A folder of received instances that any number of processes may share."""

    def __init__(self, root: Path) -> None:
        """Make ``incoming/``, ``objects/00`` to ``objects/ff`` and ``quarantine/``. Raises SpoolUnavailable."""
        self.root = root
        folders = [
            root / name for name in (INCOMING, QUARANTINE, *(f"{OBJECTS}/{number:02x}" for number in range(256)))
        ]
        with as_spool_error():
            missing = [folder for folder in folders if not folder.is_dir()]
            for folder in missing:
                folder.mkdir(parents=True, exist_ok=True)
            if missing:
                root.chmod(0o700)  # patient data: for the service's own user alone
            for parent in (OBJECTS, "") if missing else ():
                sync_folder(root / parent)

    def key_of(self, sop_instance_uid: InstanceUid) -> str:
        """Return the key of an instance: safe as a path whatever the UID holds."""
        name = hashlib.sha256(sop_instance_uid.encode()).hexdigest()
        return f"{OBJECTS}/{name[:2]}/{name}.dcm"

    def key_beside(self, sop_instance_uid: InstanceUid, sha256: str) -> str:
        """Return the key of another copy of an instance, taken over by an operator: beside the first one."""
        return f"{self.key_of(sop_instance_uid).removesuffix('.dcm')}-{sha256}.dcm"

    def owns(self, sop_instance_uid: InstanceUid, key: str) -> bool:
        """Return whether a key can only be of this instance: its first copy, or one that lies beside it."""
        first = self.key_of(sop_instance_uid)
        return key == first or key.startswith(f"{first.removesuffix('.dcm')}-")

    def link(self, source: Path, key: str) -> bool:
        """Give a synced file a second name durably; False where a file has it already.

        Atomic: the name holds the whole file or nothing. Raises OSError.
        """
        target = self.root / key
        made = True
        try:
            os.link(source, target)
        except FileExistsError:
            made = False
        except _NO_HARD_LINKS:
            made = not target.exists()
            if made:
                self._copy(source, target)
        sync_folder(target.parent)
        return made

    def _copy(self, source: Path, target: Path) -> None:
        partial = self.root / INCOMING / f"{uuid.uuid4().hex}.part"
        with source.open("rb") as reader, partial.open("xb") as writer:
            shutil.copyfileobj(reader, writer, _READ_BYTES)
            writer.flush()
            os.fdatasync(writer.fileno())
        os.replace(partial, target)

    def remove_all(self, keys: Sequence[str]) -> int:
        """Remove files durably, with one sync for each folder; return how many bytes they had. Raises as ``remove``."""
        paths = [self.path(key) for key in keys]
        freed = 0
        with as_spool_error():
            for path in paths:
                with contextlib.suppress(FileNotFoundError):
                    size = path.stat().st_size
                    path.unlink()
                    freed += size
            for folder in sorted({path.parent for path in paths}):
                sync_folder(folder)
        return freed

    def remove(self, key: str) -> None:
        """Remove a file durably; nothing happens where there is none. Raises SpoolUnavailable, SpoolObjectMissing."""
        path = self.path(key)
        with as_spool_error():
            path.unlink(missing_ok=True)
            sync_folder(path.parent)

    def path(self, key: str) -> Path:
        """Return the absolute path of a key; the file need not exist. Raises SpoolObjectMissing for a foreign key."""
        path = Path(os.path.normpath(self.root.absolute() / key))
        if not path.is_relative_to(self.root.absolute()) or path == self.root.absolute():
            raise SpoolObjectMissing("the key leads out of the spool")
        return path

    def existing(self, key: str) -> Path:
        """Return the path of a key whose file exists. Raises SpoolObjectMissing."""
        path = self.path(key)
        if not path.is_file():
            raise SpoolObjectMissing(key)
        return path

    def receive(self) -> Incoming:
        """Begin a file. Raises SpoolUnavailable."""
        name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex}.part"
        return Incoming(self, self.root / INCOMING / name)

    def free_bytes(self) -> int:
        """Return the free space where the spool lies. Raises SpoolUnavailable."""
        with as_spool_error():
            return shutil.disk_usage(self.root).free

    def sweep(self, older_than_seconds: float) -> int:
        """Remove what a killed process left in ``incoming/``; nothing there was ever acknowledged. Returns how many."""
        swept = 0
        oldest = time.time() - older_than_seconds
        with as_spool_error():
            for path in (self.root / INCOMING).glob("*.part"):
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime < oldest:
                        path.unlink()
                        swept += 1
        return swept


def named(source: Path, target: Path) -> bool:
    """Give ``source`` the name ``target``; False if that name is taken. Atomic, also between processes."""
    try:
        os.link(source, target)
    except FileExistsError:
        return False
    except _NO_HARD_LINKS:
        # Some mounted volumes have no hard links; there two listeners could race for one UID, and the later wins.
        if target.exists():
            return False
        os.rename(source, target)
    return True


def describe(path: Path, key: str) -> KeptFile:
    """Return size and SHA-256 of a file that is there, synced. Raises OSError."""
    digest = hashlib.sha256()
    size = 0
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
            size += len(block)
        os.fdatasync(file.fileno())
    return KeptFile(Kept.REPEATED, key, size, digest.hexdigest())


def sync_folder(folder: Path) -> None:
    """Return when the names in a folder are on stable storage. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
