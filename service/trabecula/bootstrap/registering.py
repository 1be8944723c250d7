"""Builders of the ways into the ledger: of a listener, and of its journal."""

from __future__ import annotations

import os

from sqlalchemy import Engine

from trabecula.bootstrap.ledger import ledger_of
from trabecula.bootstrap.storage import spool_of
from trabecula.domain.ports.registrar import Registrar
from trabecula.intake.journal.folder import JournalFolder
from trabecula.intake.journal.following import JournalFollower
from trabecula.jobs.registrar import LedgerReceptionRegister, LedgerRegistrar
from trabecula.settings import Settings


def registrar_of(settings: Settings, engine: Engine) -> Registrar:
    """Return the way of a listener into the ledger."""
    return LedgerRegistrar(ledger_of(engine), settings.study_quiet_seconds)


def follower_of(settings: Settings, folder: JournalFolder, engine: Engine) -> JournalFollower:
    """Return what follows a journal."""
    register = LedgerReceptionRegister(ledger_of(engine), settings.study_quiet_seconds)
    name = f"{settings.ae_title} on {os.uname().nodename}"
    return JournalFollower(folder, spool_of(settings), register, name)
