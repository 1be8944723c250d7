"""Real PostgreSQL for tests: the embedded one and a server, each started once a run and emptied before each test.

Parallel test processes have servers of their own, and databases of their own on a server that is given.
"""

from __future__ import annotations

import atexit
import functools
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from psycopg import sql

from tests.parallel import free_port, worker_number
from trabecula.ledger.embedded import EmbeddedPostgres
from trabecula.ledger.schema import migrate

_KEPT = {"alembic_version", "study_transitions"}


@functools.cache
def embedded_url() -> str:
    """Start the embedded PostgreSQL and return the URL of its migrated database."""
    folder = Path(tempfile.mkdtemp(prefix="trabecula-pg-"))
    server = EmbeddedPostgres(folder)
    url = server.start()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.stop)
    return _prepared(url)


@functools.cache
def server_url() -> str | None:
    """Return the URL of the server TRABECULA_TEST_DATABASE_URL names, or of one started from Debian's programs."""
    given = os.environ.get("TRABECULA_TEST_DATABASE_URL")
    if given:
        return _prepared(_own_database(given))
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return _prepared(_start_server(programs[-1].parent)) if programs else None


def _own_database(url: str) -> str:
    """Return ``url``, for a parallel process with a database of its own, made when it is not there."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return url
    parts = urlsplit(url)
    name = f"{parts.path.removeprefix('/') or 'trabecula'}_worker{worker_number()}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlunsplit(parts._replace(path=f"/{name}"))


def _start_server(programs: Path) -> str:
    folder = Path(tempfile.mkdtemp(prefix="trabecula-pgserver-"))
    user = None
    if os.geteuid() == 0:
        user = "postgres" if "postgres" in {entry.pw_name for entry in pwd.getpwall()} else "nobody"
        os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
    port = free_port()
    data = folder / "data"

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(programs / program), "-D", str(data), *arguments],
            check=True, user=user, cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    run("initdb", "--auth=trust", "--username=trabecula", "--encoding=UTF8", "--no-sync")
    options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off -c max_connections=60"
    run("pg_ctl", "-w", "-t", "60", "-l", str(folder / "log"), "-o", options, "start")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(run, "pg_ctl", "-m", "immediate", "stop")
    url = f"postgresql://trabecula@127.0.0.1:{port}/postgres"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE trabecula")
    return f"postgresql://trabecula@127.0.0.1:{port}/trabecula"


def _prepared(url: str) -> str:
    migrate(url)
    return url


def empty(url: str) -> None:
    """Empty every table and restart its numbers; what another test left running is disconnected first.

    Deleting the few rows of a test takes a fifth of the time of TRUNCATE, which makes new files for 21 tables and their
    indexes; it needs a superuser, who can switch off foreign keys and triggers meanwhile.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = [f'"{name}"' for (name,) in rows if name not in _KEPT]
        (superuser,) = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() or (
            0,
        )
        if not superuser:
            kept = ("audit_entries", "audit_seals")  # their triggers refuse to empty them
            steps = [f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in kept]
            steps += [f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE"]
            steps += [f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in kept]
            connection.execute("; ".join(steps))  # type: ignore[arg-type]
            return
        used = connection.execute(
            "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
        ).fetchall()
        steps = ["SET session_replication_role = replica"]
        steps += [f"DELETE FROM {table}" for table in tables]
        steps += [f'ALTER SEQUENCE "{name}" RESTART' for (name,) in used]
        connection.execute("; ".join(steps))  # type: ignore[arg-type]


@pytest.fixture(params=["embedded", "server"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty, migrated database on the embedded PostgreSQL, then the same on a server."""
    url = embedded_url() if request.param == "embedded" else server_url()
    if url is None:
        message = "no PostgreSQL server: set TRABECULA_TEST_DATABASE_URL or install the package postgresql"
        if os.environ.get("TRABECULA_REQUIRE_PEERS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    empty(url)
    return url


@pytest.fixture
def embedded_database_url() -> str:
    """An empty, migrated database on the embedded PostgreSQL alone."""
    url = embedded_url()
    empty(url)
    return url
