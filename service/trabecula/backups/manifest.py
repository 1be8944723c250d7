"""What a backup says of itself: ``backup.json``, written when everything else of it is on disk."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from trabecula.domain.errors_of.backup import BackupInvalid
from trabecula.files import whole_file

MANIFEST, LEDGER = "backup.json", "ledger.dump"
FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class BackupManifest:
    """When a backup was made, of what, and how much is in it; ``settings`` without secrets, for people to read."""

    made_at: datetime
    """The moment of the ledger, by the database's clock; every image that had its row then is in the backup."""
    software: str
    schema: str
    installation_uid: str
    with_images: bool
    journal_waiting: bool
    """Images that were acknowledged before and had no row yet: they are in the copy of the journal."""
    files: int
    size_bytes: int
    studies: int
    settings: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it, synced: with it the backup is whole."""
        document = {"format": FORMAT} | asdict(self) | {"made_at": self.made_at.isoformat()}
        with whole_file(folder / MANIFEST, synced=True) as stream:
            stream.write(json.dumps(document, indent=1, ensure_ascii=False, default=str).encode())


def read_manifest(folder: Path) -> BackupManifest:
    """Return what a backup says of itself. Raises BackupInvalid."""
    try:
        document = json.loads((folder / MANIFEST).read_text())
        found = document.pop("format")
        if found != FORMAT:
            raise BackupInvalid(f"{folder} has format {found}, this program reads {FORMAT}")
        return BackupManifest(**document | {"made_at": datetime.fromisoformat(document["made_at"])})
    except OSError as error:
        raise BackupInvalid(f"{folder / MANIFEST}: {error.strerror}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BackupInvalid(f"{folder / MANIFEST} is not whole") from error
