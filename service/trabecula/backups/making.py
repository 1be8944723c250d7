"""Making a backup while the service runs: the ledger at one moment, then every file that its rows name."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from trabecula.backups.copying import Copied, copy_tree, drop_others, files_of
from trabecula.backups.manifest import LEDGER, MANIFEST, BackupManifest, read_manifest
from trabecula.backups.programs import dump
from trabecula.domain.errors_of.backup import BackupFolderUnusable
from trabecula.domain.errors_of.retention import BackupRunning
from trabecula.ledger.connections import connect
from trabecula.ledger.retention.deletion_log import DELETIONS
from trabecula.ledger.rows.retention import REMOVAL_LOCK
from trabecula.ledger.schema import schema_version
from trabecula.version import __version__

_LOCK_SECONDS = 60.0
_LOOK_SECONDS = 0.25

_CLEAR = """
    SELECT count(*) FROM listeners WHERE ended_at IS NULL AND backlog_bytes > 0 OR
      (ended_at IS NULL AND registered_until < %s AND told_at > clock_timestamp() - interval '30 seconds')
"""


@dataclass(frozen=True, kw_only=True)
class BackupSources:
    """What a backup is made of: the database, and folders by the names that they have in it."""

    url: str
    trees: Mapping[str, Path]
    images: str = "spool/objects"
    deletions: Path | None = None
    """The log of deletions, which a restore applies: a backup is older than what was deleted since."""
    settings: dict[str, Any] = field(default_factory=dict)


def make_backup(
    sources: BackupSources, folder: Path, *, with_images: bool = True, patience_s: float = 30.0
) -> tuple[BackupManifest, Copied]:
    """Make or renew the backup in a folder; until it is whole the earlier one in it stays valid.

    Files are written before their rows and, but for retention and deletion, which wait, never removed: so the ledger
    comes first, and files that came since are more than it names. Raises BackupFolderUnusable, BackupRunning,
    BackupFailed, DatabaseUnavailable.
    """
    with _alone(sources.url) as connection:
        (uid,) = connection.execute("SELECT coalesce(max(uid), '') FROM installation").fetchone() or ("",)
        _check_folder(folder, str(uid), sources)
        waiting = not _registered(connection, patience_s)
        made_at, studies = _moment(connection)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            folder.chmod(0o700)
            fresh = folder / f"{LEDGER}.new"
            dump(sources.url, fresh)
            copied = Copied()
            for name, tree in sources.trees.items():
                if tree.is_dir() and (with_images or name != sources.images):
                    part = copy_tree(tree, folder / name, replace=True)
                    copied.files += part.files
                    copied.size_bytes += part.size_bytes
                    copied.fresh += part.fresh
            if sources.deletions is not None and sources.deletions.is_file():
                shutil.copy2(sources.deletions, folder / DELETIONS)
            os.sync()
            os.replace(fresh, folder / LEDGER)
            manifest = BackupManifest(
                made_at=made_at,
                software=__version__,
                schema=schema_version(sources.url) or "",
                installation_uid=str(uid),
                with_images=with_images,
                journal_waiting=waiting,
                files=copied.files,
                size_bytes=copied.size_bytes + (folder / LEDGER).stat().st_size,
                studies=studies,
                settings=sources.settings,
            )
            manifest.write(folder)
            for name, tree in sources.trees.items():
                drop_others(folder / name, tree)
        except OSError as error:
            raise BackupFolderUnusable(f"{error.filename or folder}: {error.strerror}") from error
    return manifest, copied


@contextmanager
def _alone(url: str) -> Iterator[Connection[Any]]:
    """Give a connection that keeps retention, deletion and other backups away while it lasts. Raises BackupRunning."""
    until = time.monotonic() + _LOCK_SECONDS
    with connect(url) as connection:
        connection.autocommit = True
        while True:
            (alone,) = connection.execute("SELECT pg_try_advisory_lock(%s)", (REMOVAL_LOCK,)).fetchone() or (False,)
            if alone:
                break
            if time.monotonic() > until:
                raise BackupRunning
            time.sleep(_LOOK_SECONDS)
        yield connection


def _registered(connection: Connection[Any], patience_s: float) -> bool:
    """Wait until every image that was acknowledged before now has its row; False where that takes too long."""
    (start,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
    until = time.monotonic() + patience_s
    while True:
        (behind,) = connection.execute(_CLEAR, (start,)).fetchone() or (0,)
        if not behind:
            return True
        if time.monotonic() > until:
            return False
        time.sleep(_LOOK_SECONDS)


def _moment(connection: Connection[Any]) -> tuple[datetime, int]:
    row = connection.execute("SELECT clock_timestamp(), (SELECT count(*) FROM studies)").fetchone()
    assert row is not None, "a query without FROM has one row"
    return row[0], int(row[1])


def _check_folder(folder: Path, installation_uid: str, sources: BackupSources) -> None:
    place = folder.expanduser().resolve()
    for tree in sources.trees.values():
        if place.is_relative_to(tree.resolve()) or tree.resolve().is_relative_to(place):
            raise BackupFolderUnusable(f"{folder} and {tree} lie in one another")
    if (folder / MANIFEST).is_file():
        if read_manifest(folder).installation_uid != installation_uid:
            raise BackupFolderUnusable(f"{folder} holds a backup of another installation")
        return
    names = {str(path).split("/", 1)[0] for path in files_of(folder)} if folder.is_dir() else set()
    if names - {name.split("/", 1)[0] for name in sources.trees} - {f"{LEDGER}.new", LEDGER, DELETIONS}:
        raise BackupFolderUnusable(f"{folder} holds other things")
