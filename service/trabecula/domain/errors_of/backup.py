"""Every failure of backup and restore an operator can see; the tree is that of errors.py."""

from __future__ import annotations

from trabecula.domain.errors import TrabeculaError


class BackupFolderUnusable(TrabeculaError):
    """The folder cannot take this backup."""

    code = "BACKUP_FOLDER_UNUSABLE"
    next_step = "Name an empty folder outside of data_dir, or one that holds an earlier backup of this installation."


class BackupFailed(TrabeculaError):
    """The ledger could not be written to or read from the backup."""

    code = "BACKUP_FAILED"
    next_step = "See what PostgreSQL said; check room in the folder and the rights of the database user."


class BackupInvalid(TrabeculaError):
    """The folder holds no backup that this program can restore."""

    code = "BACKUP_INVALID"
    next_step = "Name a folder that `trabecula backup` finished; for one of a newer version install that version."


class RestoreRefused(TrabeculaError):
    """The ledger is not empty, and restoring would replace it."""

    code = "RESTORE_REFUSED"
    next_step = "Restore into an empty data_dir or database; --replace-ledger loses what the ledger holds now."
