"""Errors by their codes, as files, rows and people name them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from trabecula.domain import copy_errors, doctor_errors, reader_errors, reception_errors, trust_errors
from trabecula.domain.errors import TrabeculaError

ERROR_MODULES = (copy_errors, doctor_errors, reader_errors, reception_errors, trust_errors)
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
