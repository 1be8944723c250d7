"""Builders of what a backup is made of and what a restore makes agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine

from trabecula.backups.making import BackupSources
from trabecula.backups.reconciling import reconcile
from trabecula.bootstrap.keeping.retention import retention_of
from trabecula.bootstrap.ledger import ledger_of
from trabecula.bootstrap.storage import spool_of
from trabecula.ledger.retention.deletion_log import DELETIONS, DeletionLogFile, new_among
from trabecula.pipeline.retention.redeleting import delete_again
from trabecula.settings import Settings
from trabecula.settings.origins import settings_in_force


def sources_of(settings: Settings, database_url: str) -> BackupSources:
    """Return the database and the folders of an installation, by their names in a backup."""
    return BackupSources(
        url=database_url,
        trees={
            "journal": settings.journal_folder,
            "spool/objects": settings.data_dir / "spool" / "objects",
            "spool/quarantine": settings.data_dir / "spool" / "quarantine",
            "results": settings.data_dir / "results",
        },
        deletions=settings.data_dir / DELETIONS,
        settings={item.name: f"{item.value} ({item.origin})" for item in settings_in_force(settings)},
    )


def deleted_again(settings: Settings, engine: Engine, logs: Sequence[Path]) -> int:
    """Delete what these logs, and the one of the data folder, say was deleted; return how many studies that were.

    What only another log knows is in the one of the data folder afterwards. Raises BackupInvalid, SpoolUnavailable.
    """
    services, own = retention_of(settings, engine), DeletionLogFile(settings.data_dir / DELETIONS)
    for path in logs:
        key, tombstones = DeletionLogFile(path).read()
        if key:
            own.keep(key, new_among(tombstones, own.read()[1]))
    return delete_again(services, *own.read())


def reconciled(settings: Settings, engine: Engine) -> tuple[int, int]:
    """Make ledger and files agree; return how many images were registered, and of how many the file is not here."""
    return reconcile(engine, ledger_of(engine), spool_of(settings), settings.study_quiet_seconds)
