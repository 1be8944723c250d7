"""Builders of the listener and of its way into the ledger."""

from __future__ import annotations

import ssl

from sqlalchemy import Engine

from trabecula.bootstrap.ledger import ledger_of
from trabecula.bootstrap.storage import spool_of
from trabecula.domain.ports.registrar import Registrar
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.tls import server_context
from trabecula.jobs.registrar import LedgerRegistrar
from trabecula.settings import Settings


def registrar_of(settings: Settings, engine: Engine) -> Registrar:
    """Return the listener's way into the ledger."""
    return LedgerRegistrar(ledger_of(engine), settings.study_quiet_seconds)


def listener_of(settings: Settings, registrar: Registrar) -> Listener:
    """Return the listener, not started."""
    config = ListenerConfig(
        ae_title=settings.ae_title,
        host=settings.dicom_host,
        port=settings.dicom_port,
        calling_ae_titles=frozenset(settings.calling_ae_titles),
        max_associations=settings.max_associations,
        min_free_bytes=int(settings.min_free_gib * 2**30),
        tls=_server_tls(settings),
    )
    return Listener(config, spool_of(settings), registrar)


def _server_tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return server_context(settings.tls_certificate, settings.tls_key, settings.tls_ca)
