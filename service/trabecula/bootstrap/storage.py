"""Builders of what lies on disk: received files and results."""

from __future__ import annotations

from trabecula.intake.storage.spool import Spool
from trabecula.ledger.artifacts import ArtifactStore
from trabecula.settings import Settings


def spool_of(settings: Settings) -> Spool:
    """Return the spool. Raises SpoolUnavailable."""
    return Spool(settings.data_dir / "spool")


def artifacts_of(settings: Settings) -> ArtifactStore:
    """Return the store of results on disk, without their label maps."""
    return ArtifactStore(settings.data_dir / "results")
