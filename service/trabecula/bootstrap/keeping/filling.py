"""Builder of how the disk of the data folder fills."""

from __future__ import annotations

from typing import Any

import psycopg

from trabecula.bootstrap.storage import artifacts_of, spool_of
from trabecula.domain.study.disk_room import DiskRoom
from trabecula.ledger.retention.filling import disk_room, newest_results
from trabecula.settings import Settings


def disk_room_of(settings: Settings, connection: psycopg.Connection[Any]) -> DiskRoom | None:
    """Return how the disk of the data folder fills; None before the first image. Raises SpoolUnavailable."""
    artifacts = artifacts_of(settings)
    newest, count = newest_results(connection)
    sizes = [artifacts.bytes_of(study_uid, revision) for study_uid, revision in newest]
    results_bytes = round(count * sum(sizes) / len(sizes)) if sizes else 0
    free_bytes = spool_of(settings).free_bytes()
    return disk_room(connection, free_bytes, int(settings.min_free_gib * 2**30), results_bytes)
