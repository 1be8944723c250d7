"""Errors by their codes, as files, rows and people name them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from trabecula.domain.errors import TrabeculaError
from trabecula.domain.errors_of import (
    access,
    backup,
    bulk,
    copies,
    disk,
    doctor,
    fonts,
    ledger,
    notification,
    provider,
    readers,
    reception,
    retention,
    serving,
    trust,
)

ERROR_MODULES = (
    access, backup, bulk, copies, disk, doctor, fonts, ledger, notification, provider, readers, reception, retention,
    serving, trust,
)  # fmt: skip
"""Every module beside errors.py that adds to the tree; importing them makes the tree whole."""


@cache
def errors_by_code() -> Mapping[str, type[TrabeculaError]]:
    """Return every class of the tree by its code."""
    found: dict[str, type[TrabeculaError]] = {}
    pending = [TrabeculaError]
    while pending:
        kind = pending.pop()
        found[kind.code] = kind
        pending += kind.__subclasses__()
    return found
