"""Restoring a backup: the ledger as it was, the files that lack, and what is on disk and newer than the ledger."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import structlog

from trabecula.backups.copying import copy_tree
from trabecula.backups.making import BackupSources
from trabecula.backups.manifest import LEDGER, BackupManifest, read_manifest
from trabecula.backups.programs import restore as restore_dump
from trabecula.domain.audit.acting import entry_of
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors_of.backup import BackupFailed, BackupInvalid, RestoreRefused
from trabecula.ledger.audit.writing import write_entry
from trabecula.ledger.connections import connect
from trabecula.ledger.schema import known_versions, migrate, schema_version

log = structlog.get_logger(__name__)

JOURNAL = "journal"


@dataclass(frozen=True, kw_only=True)
class Restored:
    """What a restore did: files copied, images registered again that the ledger did not know, images not here."""

    manifest: BackupManifest
    files: int
    registered_again: int
    images_missing: int
    deleted_again: int = 0


def restore_backup(
    folder: Path,
    target: BackupSources,
    reconcile: Callable[[], tuple[int, int]],
    delete_again: Callable[[], int],
    *,
    who: str,
    replace_ledger: bool = False,
) -> Restored:
    """Put a backup in place; nothing of the service may run. Files that are here already stay: they may be newer.

    ``delete_again`` deletes what was deleted since the backup, and returns how many studies that were; ``reconcile``
    makes ledger and files agree and returns how many images were registered again, and how many are not here.
    Raises BackupInvalid, RestoreRefused, BackupFailed, DatabaseUnavailable.
    """
    manifest = read_manifest(folder)
    if manifest.schema not in known_versions():
        raise BackupInvalid(f"it has version {manifest.schema} of the schema, which this program does not know")
    if not (folder / LEDGER).is_file():
        raise BackupInvalid(f"{folder / LEDGER} is not there")
    _empty_ledger(target.url, replace_ledger)
    restore_dump(target.url, folder / LEDGER)
    migrate(target.url)
    copied = _copy_files(folder, target.trees)
    _note(target.url, manifest, who)
    deleted = delete_again()
    again, missing = reconcile()
    return Restored(
        manifest=manifest, files=copied, registered_again=again, images_missing=missing, deleted_again=deleted
    )


def _empty_ledger(url: str, replace: bool) -> None:
    """Make room for the ledger of the backup. Raises RestoreRefused where one with studies is here."""
    if schema_version(url) is None:
        return
    with connect(url) as connection:
        held = connection.execute("SELECT count(*) FROM studies").fetchone() or (0,)
        if held[0] and not replace:
            raise RestoreRefused(f"it holds {held[0]} studies")
        try:
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        except psycopg.Error as error:
            raise BackupFailed(str(error).strip().splitlines()[0]) from error


def _copy_files(folder: Path, trees: Mapping[str, Path]) -> int:
    """Copy what lacks; a journal only where there is none: one that is here goes on where its listener was."""
    copied = 0
    try:
        for name, tree in trees.items():
            here = tree.is_dir() and any(tree.iterdir())
            if (folder / name).is_dir() and not (name == JOURNAL and here):
                copied += copy_tree(folder / name, tree, replace=False).fresh
        os.sync()
    except OSError as error:
        raise BackupFailed(f"{error.filename}: {error.strerror}") from error
    return copied


def _note(url: str, manifest: BackupManifest, who: str) -> None:
    """Say that this ledger was restored; listeners of then count as ended until they are heard again."""
    with connect(url) as connection:
        values = (manifest.made_at, who)
        connection.execute("INSERT INTO restores (backup_made_at, restored_by) VALUES (%s, %s)", values)
        connection.execute("UPDATE listeners SET ended_at = clock_timestamp() WHERE ended_at IS NULL")
        made = f"{manifest.made_at:%Y-%m-%dT%H:%M:%S%z}"
        write_entry(connection, entry_of(AuditAction.BACKUP_RESTORED, who, detail=f"backup of {made}"))
