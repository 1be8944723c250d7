"""What goes over a wire: sealed entries with their numbers, and who says so."""

from __future__ import annotations

from dataclasses import dataclass

from trabecula.domain.audit.chain import KeptEntry


@dataclass(frozen=True)
class NumberedEntry:
    """An entry and the number of its seal: the order in which entries are sent, and the name by which one is known."""

    number: int
    entry: KeptEntry


@dataclass(frozen=True, kw_only=True)
class AuditSource:
    """Who reports: our AE title, the site, this host, the version of the program, and the UID of the installation."""

    ae_title: str
    site: str
    host: str
    version: str
    installation_uid: str
