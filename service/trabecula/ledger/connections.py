"""Plain connections to PostgreSQL, for what must start at once and needs no tables: schema checks, lists, the queue."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote

import psycopg

from trabecula.domain.errors import ConfigurationInvalid, DatabaseUnavailable

CONNECT_TIMEOUT_SECONDS = 10
_URL = re.compile(
    r"(?P<backend>\w+)(?:\+\w+)?://(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?(?P<rest>.*)", re.DOTALL
)


def conninfo_of(url: str) -> str:
    """Return the URL in the form libpq reads: no driver name, user and password quoted.

    Raises ConfigurationInvalid for what is not a URL of PostgreSQL.
    """
    found = _URL.fullmatch(url.strip())
    if found is None:
        raise ConfigurationInvalid("TRABECULA_DATABASE_URL is not a URL")
    if found["backend"] not in ("postgresql", "postgres"):
        raise ConfigurationInvalid(f"TRABECULA_DATABASE_URL must name PostgreSQL, not {found['backend']}")
    user, password = (quote(unquote(part or ""), safe="") for part in (found["user"], found["password"]))
    who = f"{user}{':' + password if password else ''}@" if user or password else ""
    return f"postgresql://{who}{found['rest']}"


def connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection of one's own. Raises DatabaseUnavailable, ConfigurationInvalid."""
    try:
        return psycopg.connect(conninfo_of(url), connect_timeout=CONNECT_TIMEOUT_SECONDS)
    except psycopg.OperationalError as error:
        raise DatabaseUnavailable(first_line(error)) from error


def first_line(error: BaseException) -> str:
    """Return the first line of what PostgreSQL or libpq said."""
    said = str(error).strip()
    return said.splitlines()[0] if said else ""
