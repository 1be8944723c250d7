"""Builders of what removes and deletes files of studies."""

from __future__ import annotations

from collections.abc import Callable

import structlog
from sqlalchemy import Engine

from trabecula.bootstrap.ledger import ledger_of
from trabecula.bootstrap.storage import artifacts_of, spool_of
from trabecula.domain.errors_of.retention import DeletionUnfinished
from trabecula.domain.study.retention import RetentionPolicy
from trabecula.jobs.study_files import StoredStudyFiles
from trabecula.ledger.retention.deletion_log import DELETIONS, DeletionLogFile
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
    log_of_deletions = DeletionLogFile(settings.data_dir / DELETIONS)
    return RetentionServices(
        open_ledger=ledger_of(engine), files=files, log=log_of_deletions, policy=policy_of(settings)
    )


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
