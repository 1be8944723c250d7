"""Every process that receives or works tells the ledger how much room its host has: nobody else can see it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psycopg
import structlog

from trabecula.domain.errors import DatabaseUnavailable
from trabecula.domain.notification.troubles import HostDisk
from trabecula.ledger.connections import connect
from trabecula.ledger.notifications.disks import tell_disks
from trabecula.settings import Settings

_TELL_SECONDS = 30.0

log = structlog.get_logger(__name__)


@contextmanager
def telling_disks(settings: Settings, url: str, *, journal: bool = False) -> Iterator[None]:
    """Tell the disks of this host meanwhile, every half a minute; a mount or database that hangs holds nobody up."""
    folders = {"data": settings.data_dir} | ({"journal": settings.journal_folder} if journal else {})
    ended = threading.Event()
    arguments = (url, folders, int(settings.min_free_gib * 2**30), ended)
    threading.Thread(target=_tell, args=arguments, name="disks", daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def disks_here(folders: Mapping[str, Path], watermark_bytes: int) -> tuple[HostDisk, ...]:
    """Return the disks of this host; a folder that is not there yet lies where its parent does. Raises OSError."""
    host, found = socket.gethostname(), []
    for name, folder in folders.items():
        there = next(place for place in (folder.expanduser().absolute(), *folder.absolute().parents) if place.exists())
        told = os.statvfs(there)
        free_bytes = told.f_bavail * told.f_frsize
        found.append(HostDisk(host=host, folder=name, free_bytes=free_bytes, watermark_bytes=watermark_bytes))
    return tuple(found)


def _tell(url: str, folders: Mapping[str, Path], watermark_bytes: int, ended: threading.Event) -> None:
    while True:
        try:
            with connect(url) as connection:
                tell_disks(connection, disks_here(folders, watermark_bytes))
        except (OSError, DatabaseUnavailable, psycopg.Error) as error:
            log.debug("disk.not_told", error=type(error).__name__)
        if ended.wait(_TELL_SECONDS):
            return
