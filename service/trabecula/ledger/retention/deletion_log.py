"""``deletions.jsonl`` in the data folder: one JSON line for each deletion and each permission, never rewritten.

A database that is restored is older than it, so it is what a restore deletes again by. A line has no UID: a study
stands there as its HMAC, and the key of this installation stands in the first line.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from trabecula.domain.errors_of.backup import BackupInvalid
from trabecula.domain.errors_of.disk import disk_error
from trabecula.domain.study.deletion import Tombstone

DELETIONS = "deletions.jsonl"
_TIMES = ("begun_at", "ended_at", "dropped_at", "allowed_at")


class DeletionLogFile:
    """Implements domain.ports.DeletionLog. Methods raise SpoolUnavailable, BackupInvalid for a damaged file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def key(self) -> str:
        """Return the key under which UIDs are kept, "" before the first deletion."""
        return self.read()[0]

    def read(self) -> tuple[str, tuple[Tombstone, ...]]:
        """Return the key, and of each deleted study what was written last."""
        try:
            lines = self._path.read_text("utf-8").splitlines() if self._path.exists() else []
        except OSError as error:
            raise disk_error(error, f"{self._path}: {error.strerror}") from error
        try:
            documents = [json.loads(line) for line in lines]
            key = str(documents[0]["key"]) if documents else ""
            found = {document["study_key"]: _tombstone(document) for document in documents[1:]}
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise BackupInvalid(f"{self._path} is not a log of deletions ({type(error).__name__})") from error
        return key, tuple(found.values())

    def keep(self, key: str, tombstones: Sequence[Tombstone]) -> int:
        """Add what the log does not know yet of these tombstones; it is on disk when this returns.

        A log of another installation is not added to: its key would not fit.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                os.fchmod(file.fileno(), 0o600)
                own, known = self.read()
                if own not in ("", key):
                    raise BackupInvalid(f"{self._path} is of another installation")
                lines = [] if own else [{"format": 1, "key": key}]
                lines += [_document(item) for item in new_among(tombstones, known)]
                file.write("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise disk_error(error, f"{self._path}: {error.strerror}") from error
        return len(lines)


def new_among(tombstones: Iterable[Tombstone], known: Iterable[Tombstone]) -> list[Tombstone]:
    """Return the tombstones that say something else than the known ones: deleted, or allowed since."""
    told = {item.study_key: (item.begun_at, item.allowed_at) for item in known}
    return [item for item in tombstones if told.get(item.study_key) != (item.begun_at, item.allowed_at)]


def _document(tombstone: Tombstone) -> dict[str, Any]:
    written = asdict(replace(tombstone, dropped=0, dropped_at=None))
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in written.items()}


def _tombstone(document: dict[str, Any]) -> Tombstone:
    values = {item.name: document[item.name] for item in fields(Tombstone)}
    times = {name: datetime.fromisoformat(values[name]) if values[name] else None for name in _TIMES}
    return Tombstone(**values | times)
