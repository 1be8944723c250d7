"""Builders of what the use cases need, bundled for whoever runs them; the rarely used adapters come late."""

from __future__ import annotations

import sys

from sqlalchemy import Engine

from trabecula.bootstrap.destinations import destination_of
from trabecula.bootstrap.late import LateArchive, LateFacts, LateRequester, LateSender
from trabecula.bootstrap.ledger import ledger_of
from trabecula.bootstrap.storage import artifacts_of, spool_of
from trabecula.domain.study.jobs import RetryPolicy
from trabecula.jobs.child import ChildRunner
from trabecula.pipeline import Services, SettlePolicy
from trabecula.settings import Settings

CHILD_COMMAND = (sys.executable, "-m", "trabecula", "child")
"""Runs one heavy stage in a process of its own; see cli/serving/child.py."""
SERVER_COMMAND = (sys.executable, "-m", "trabecula", "children")
"""Forks a process for each heavy stage; see cli/serving/children.py."""


def services_of(settings: Settings, engine: Engine) -> Services:
    """Return what the use cases of workers and commands need."""
    return Services(
        open_ledger=ledger_of(engine),
        locate=spool_of(settings).path,
        artifacts=artifacts_of(settings),
        runner=ChildRunner(CHILD_COMMAND, settings.analysis_timeout_seconds),
        sender=LateSender(settings),
        requester=LateRequester(settings),
        facts=LateFacts(),
        destinations={peer.name: destination_of(peer, settings.send_not_evaluable) for peer in settings.destinations},
        archive=LateArchive(settings) if settings.archive is not None else None,
        settle=SettlePolicy(
            quiet_s=settings.study_quiet_seconds,
            listener_grace_s=settings.listener_grace_seconds,
            refused_hold_s=settings.refused_hold_hours * 3600.0,
            bulk_sources=frozenset(settings.bulk_ae_titles),
        ),
        retries=RetryPolicy(
            attempts=settings.max_attempts, delivery_give_up_s=settings.delivery_give_up_hours * 3600.0
        ),
        reader_ae_titles=frozenset(settings.reader_ae_titles),
        commitment_timeout_s=settings.commitment_timeout_seconds,
    )
