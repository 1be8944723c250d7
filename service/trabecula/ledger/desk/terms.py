"""From a search to the marks it needs: each condition is a few terms, of which a study must have one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from trabecula.domain.desk.search import StudySearch

ALL = ""
"""The term that every study has."""
MOST_NAMES = 400
"""So many different names of one kind are looked at."""

_NAMES = """
    WITH RECURSIVE found AS (
        (SELECT term FROM desk_marks WHERE term > %(from)s AND term < %(to)s ORDER BY term LIMIT 1)
        UNION ALL
        SELECT (SELECT m.term FROM desk_marks m WHERE m.term > found.term AND m.term < %(to)s ORDER BY m.term LIMIT 1)
        FROM found WHERE found.term IS NOT NULL)
    SELECT term FROM found WHERE term IS NOT NULL LIMIT %(most)s
"""
_SITES = """
    WITH RECURSIVE found AS (
        (SELECT site FROM desk_marks WHERE term = '' ORDER BY site LIMIT 1)
        UNION ALL
        SELECT (SELECT m.site FROM desk_marks m WHERE m.term = '' AND m.site > found.site ORDER BY m.site LIMIT 1)
        FROM found WHERE found.site IS NOT NULL)
    SELECT site FROM found WHERE site IS NOT NULL LIMIT %(most)s
"""
"""One name after the other by the index, which skips their studies."""


@dataclass(frozen=True)
class Condition:
    """A study must have one of these terms."""

    terms: tuple[str, ...]


def names(connection: psycopg.Connection[Any], kind: str) -> tuple[str, ...]:
    """Return the names in use: ``scanner`` (in small letters), ``model``, ``reason``, ``tag``, ``pending``,
    ``undelivered`` (both destinations), or ``site``; at most MOST_NAMES."""
    if kind == "site":
        return tuple(str(name) for (name,) in connection.execute(_SITES, {"most": MOST_NAMES}))
    values = {"from": f"{kind}:", "to": f"{kind};", "most": MOST_NAMES}
    return tuple(str(term).partition(":")[2] for (term,) in connection.execute(_NAMES, values))


def conditions(connection: psycopg.Connection[Any], wanted: StudySearch) -> tuple[list[Condition], int]:
    """Return what a study must have, and how many rows were read to know; no term at all: no study has it."""
    single = {
        "state": str(wanted.state or ""),
        "category": str(wanted.category or ""),
        "model": wanted.model,
        "reason": wanted.reason.upper(),
        "tag": wanted.tag,
        "undelivered": wanted.undelivered,
    }
    found = [Condition((f"{kind}:{value}",)) for kind, value in single.items() if value]
    if not wanted.scanner:
        return found, 0
    known = names(connection, "scanner")
    needle = wanted.scanner.lower()
    found.append(Condition(tuple(f"scanner:{name}" for name in known if needle in name)))
    return found, 6 * len(known) + 6


def visible_sites(wanted: StudySearch) -> Sequence[str] | None:
    """Return the sites to look at, in order; None for all."""
    if wanted.site:
        return [wanted.site] if wanted.sites is None or wanted.site in wanted.sites else []
    return None if wanted.sites is None else sorted(wanted.sites)
