"""A running embedded PostgreSQL, joined by a command that only wants its URL: without the wheel that starts servers."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trabecula.domain.errors import DatabaseUnavailable
from trabecula.ledger.connections import connect

USERS_FILE = ".database.users"
"""Beside the server's folder: whoever uses the server holds a shared lock on it, however it dies."""
DATABASE = "trabecula"
_DATA_LINE, _SOCKET_LINE, _STATUS_LINE = 1, 4, 7
"""Lines of postmaster.pid (src/include/utils/pidfile.h): data folder, socket folder, whether it takes connections."""


def holds_database(data_dir: Path) -> bool:
    """Whether a data folder has an embedded database, running or not; what cannot be looked into may have one."""
    try:
        folder = data_dir.expanduser().resolve()
        return (folder.exists() and not folder.is_dir()) or (folder / "database" / "PG_VERSION").exists()
    except (OSError, RuntimeError):  # RuntimeError: ~ of nobody, links in a circle
        return True


@contextmanager
def joined(data_dir: Path) -> Iterator[str | None]:
    """Give the URL of the server of a data folder while one runs and answers, else None.

    The server does not end meanwhile. Whoever leaves last has to end it, as ``EmbeddedPostgres.stop`` does.
    """
    with contextlib.ExitStack() as held:
        url = None
        with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: ~ of nobody, links in a circle
            folder = data_dir.expanduser().resolve() / "database"
            users = held.enter_context((folder.parent / USERS_FILE).open("rb"))
            fcntl.flock(users, fcntl.LOCK_SH | fcntl.LOCK_NB)
            url = _url_of(folder)
        if url is None or not _answers(url):
            held.close()
            yield None
            return
        try:
            yield url
        finally:
            alone = _is_alone(users.fileno())
            held.close()
            if alone:
                _end(data_dir)


def running_url(data_dir: Path) -> str | None:
    """Return the URL of the server of a data folder, None where none runs; for who is kept by whoever started it."""
    try:
        return _url_of(data_dir.expanduser().resolve() / "database")
    except (OSError, RuntimeError):
        return None


def _url_of(folder: Path) -> str | None:
    """Return the URL that the server's own file tells, None where it is not ready."""
    lines = (folder / "postmaster.pid").read_text().splitlines()
    if len(lines) <= _STATUS_LINE or lines[_STATUS_LINE].strip() != "ready" or Path(lines[_DATA_LINE]) != folder:
        return None
    return f"postgresql://postgres:@/{DATABASE}?host={lines[_SOCKET_LINE]}"


def _answers(url: str) -> bool:
    try:
        connect(url).close()
    except DatabaseUnavailable:
        return False
    return True


def _is_alone(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _end(data_dir: Path) -> None:
    """End the server unless somebody else came meanwhile."""
    from trabecula.ledger.embedded import EmbeddedPostgres

    server = EmbeddedPostgres(data_dir)
    server.start()
    server.stop()
