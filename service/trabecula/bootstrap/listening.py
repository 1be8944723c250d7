"""Builders of the listener and of its journal; nothing of a database is imported here."""

from __future__ import annotations

import ssl

from trabecula.bootstrap.storage import spool_of
from trabecula.domain.ports.registrar import Registrar
from trabecula.intake.journal.folder import JournalFolder
from trabecula.intake.journal.writer import Journal, JournalOptions
from trabecula.intake.listener import Listener, ListenerConfig
from trabecula.intake.tls import server_context
from trabecula.settings import Settings


def journal_folder_of(settings: Settings) -> JournalFolder:
    """Return the folder of the listener's journal. Raises JournalOnNetworkMount, JournalUnusable, JournalTooNew."""
    return JournalFolder(settings.journal_folder)


def journal_of(settings: Settings) -> Journal:
    """Return the listener's journal, not started."""
    options = JournalOptions(limit_bytes=int(settings.journal_limit_gib * 2**30))
    return Journal(journal_folder_of(settings), options)


def listener_of(settings: Settings, keeper: Registrar | Journal) -> Listener:
    """Return the listener, not started; ``keeper`` is what success waits for."""
    config = ListenerConfig(
        ae_title=settings.ae_title,
        host=settings.dicom_host,
        port=settings.dicom_port,
        calling_ae_titles=frozenset(settings.calling_ae_titles),
        committing_ae_titles=frozenset(item.ae_title for item in settings.destinations if item.commitment),
        max_associations=settings.max_associations,
        min_free_bytes=int(settings.min_free_gib * 2**30),
        tls=_server_tls(settings),
    )
    return Listener(config, spool_of(settings), keeper)


def _server_tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        return None
    return server_context(settings.tls_certificate, settings.tls_key, settings.tls_ca)
