"""Builders of what removes and deletes files of studies."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from sqlalchemy import Engine

from trabecula.bootstrap.ledger import ledger_of
from trabecula.bootstrap.storage import artifacts_of, spool_of
from trabecula.domain.errors_of.retention import DeletionUnfinished
from trabecula.domain.study.disk_room import DiskRoom
from trabecula.domain.study.retention import RetentionPolicy
from trabecula.jobs.study_files import StoredStudyFiles
from trabecula.ledger.queries.retention import disk_room, newest_results
from trabecula.pipeline.retention.deleting import finish_deletions
from trabecula.pipeline.retention.removing import RetentionServices, remove_due
from trabecula.settings import Settings

log = structlog.get_logger(__name__)


def policy_of(settings: Settings) -> RetentionPolicy:
    """Return how long files are kept."""
    return RetentionPolicy(
        keep_images_days=settings.keep_images_days,
        keep_results_days=settings.keep_results_days,
        unasked=frozenset(peer.name for peer in settings.destinations if not peer.commitment),
    )


def retention_of(settings: Settings, engine: Engine) -> RetentionServices:
    """Return what retention needs."""
    files = StoredStudyFiles(spool_of(settings), artifacts_of(settings), settings.journal_folder)
    return RetentionServices(open_ledger=ledger_of(engine), files=files, policy=policy_of(settings))


def disk_room_of(settings: Settings, engine: Engine) -> DiskRoom | None:
    """Return how the disk of the data folder fills; None before the first image. Raises SpoolUnavailable."""
    artifacts = artifacts_of(settings)
    newest, count = newest_results(engine)
    sizes = [artifacts.bytes_of(study_uid, revision) for study_uid, revision in newest]
    results_bytes = round(count * sum(sizes) / len(sizes)) if sizes else 0
    free_bytes = spool_of(settings).free_bytes()
    return disk_room(engine, free_bytes, int(settings.min_free_gib * 2**30), results_bytes)


def housekeeping_of(settings: Settings, engine: Engine) -> Callable[[], None]:
    """Return what the worker of the queue ``sys`` does every ten minutes."""
    retention = retention_of(settings, engine)

    def keep_house() -> None:
        try:
            finish_deletions(retention)
        except DeletionUnfinished as error:
            log.warning("deletion.delayed", code=error.code, reason=error.sentence)
        removed = remove_due(retention)
        if removed.images or removed.results:
            log.info("retention.removed", studies=removed.images, revisions=removed.results, bytes=removed.size_bytes)

    return keep_house
