"""Builders of where the audit log goes: files of heads, and wires to the servers that keep it."""

from __future__ import annotations

import socket
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from trabecula.domain.audit.wire import AuditSource
from trabecula.jobs.auditing import Auditing, Wire
from trabecula.settings import Settings
from trabecula.version import __version__

if TYPE_CHECKING:
    from sqlalchemy import Engine

_INSTALLATION = "SELECT uid FROM installation"


def head_files_of(settings: Settings) -> tuple[Path, ...]:
    """Return the files to which heads are added; the first one lies in the data folder."""
    own = settings.data_dir / "audit" / "head.jsonl"
    return (own,) if settings.audit_head_file is None else (own, settings.audit_head_file)


def source_of(settings: Settings, installation_uid: str) -> AuditSource:
    """Return who reports."""
    return AuditSource(
        ae_title=settings.ae_title,
        site=settings.institution_name,
        host=socket.gethostname(),
        version=__version__,
        installation_uid=installation_uid or settings.ae_title,
    )


def installation_uid(connection: psycopg.Connection[Any]) -> str:
    """Return the UID of the installation, "" before it has one."""
    row = connection.execute(_INSTALLATION).fetchone()
    return "" if row is None else str(row[0])


def auditing_of(settings: Settings, engine: Engine) -> Auditing:
    """Return where the log goes. Raises ConfigurationInvalid for certificates that cannot be used."""
    from trabecula.bootstrap.ledger import ledger_of  # all rows; who only asks for the wires needs none of them

    with ledger_of(engine)() as ledger:
        uid = ledger.installation_uid()
        ledger.commit()
    return Auditing(head_files_of(settings), wires_of(settings, uid))


def wires_of(settings: Settings, uid: str) -> dict[str, Wire]:
    """Return the wires by name; a server that is set anew is another wire, and gets the whole log."""
    source, found = source_of(settings, uid), dict[str, Wire]()
    if settings.audit_syslog:
        from trabecula.peers.audit.syslog import SyslogServer, send_to_syslog
        from trabecula.peers.connection import client_context

        ca = settings.audit_syslog_ca or settings.tls_ca
        host, _, port = settings.audit_syslog.rpartition(":")
        context = client_context(settings.tls_certificate, settings.tls_key, ca)
        server = SyslogServer(host.strip("[]"), int(port), context)
        found[server.words] = partial(send_to_syslog, server, source)
    if settings.audit_fhir_url:
        from trabecula.peers.audit.fhir import FhirServer, post_to_fhir

        fhir = FhirServer(settings.audit_fhir_url, str(settings.audit_fhir_token_file or ""))
        found[fhir.words] = partial(post_to_fhir, fhir, source)
    return found
