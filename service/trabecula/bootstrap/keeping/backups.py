"""Builders of what a backup is made of and what a restore makes agree."""

from __future__ import annotations

from sqlalchemy import Engine

from trabecula.backups.making import BackupSources
from trabecula.backups.reconciling import reconcile
from trabecula.bootstrap.ledger import ledger_of
from trabecula.bootstrap.storage import spool_of
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
        settings={item.name: f"{item.value} ({item.origin})" for item in settings_in_force(settings)},
    )


def reconciled(settings: Settings, engine: Engine) -> tuple[int, int]:
    """Make ledger and files agree; return how many images were registered, and of how many the file is not here."""
    return reconcile(engine, ledger_of(engine), spool_of(settings), settings.study_quiet_seconds)
