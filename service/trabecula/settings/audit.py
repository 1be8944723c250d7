"""The settings of the audit log: where head and entries go besides the ledger. Part of ``settings.Settings``."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class AuditSettings(BaseSettings):
    """Keys of the audit log, one base of the settings of an installation."""

    audit_head_file: Path | None = None
    """File to which the head of the audit log is added besides audit/head.jsonl in data_dir: on a disk of another
    host, so that who can change the ledger cannot change it."""
    audit_syslog: str = Field(default="", pattern=r"^((\[[0-9A-Fa-f:.]+\]|[^:@\[\]\s]+):\d{1,5})?$")
    """Syslog server (TLS) that gets every entry as a DICOM audit message: host:port, usually port 6514; empty: none."""
    audit_syslog_ca: Path | None = None
    """PEM certificates against which the syslog server is checked; empty: tls_ca, else the system's."""
    audit_fhir_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    """Base URL of a FHIR R4 server that gets every entry as an AuditEvent by POST; empty: none."""
    audit_fhir_token_file: Path | None = None
    """File with the bearer token for audit_fhir_url; empty: none is shown."""
