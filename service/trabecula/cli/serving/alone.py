"""One `trabecula serve` for each data folder of a host."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from trabecula.domain.errors import DataFolderUnusable
from trabecula.domain.errors_of.serving import ServiceRunsAlready


@contextlib.contextmanager
def alone_in(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this service; the kernel lets go of it however the process dies.

    Hosts that share a folder have a lock each. Raises ServiceRunsAlready, DataFolderUnusable.
    """
    try:
        folder = data_dir.expanduser().resolve()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / f".serve-{socket.gethostname()}.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (OSError, RuntimeError) as error:  # RuntimeError: ~ of nobody, links in a circle
        raise DataFolderUnusable(f"{data_dir}: {getattr(error, 'strerror', '') or error}") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            raise ServiceRunsAlready(f"{folder}{': ' + holder if holder else ''}") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(
            descriptor, f"process {os.getpid()}, since {datetime.now().astimezone():%Y-%m-%d %H:%M:%S}".encode(), 0
        )
        yield
    finally:
        os.close(descriptor)
