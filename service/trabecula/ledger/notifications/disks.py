"""The disks of every host, on a plain connection: told by its processes, asked by whoever watches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import psycopg

from trabecula.domain.notification.troubles import HostDisk

_TELL = """
    INSERT INTO host_disks (host, folder, free_bytes, watermark_bytes)
    VALUES (%(host)s, %(folder)s, %(free_bytes)s, %(watermark_bytes)s)
    ON CONFLICT (host, folder) DO UPDATE SET
        free_bytes = excluded.free_bytes, watermark_bytes = excluded.watermark_bytes, told_at = clock_timestamp()
"""
_TOLD = """
    SELECT host, folder, free_bytes, watermark_bytes, extract(epoch FROM clock_timestamp() - told_at)::float
    FROM host_disks WHERE told_at > clock_timestamp() - make_interval(secs => %s) ORDER BY host, folder LIMIT 1000
"""
_FORGET = "DELETE FROM host_disks WHERE told_at < clock_timestamp() - interval '30 days'"


def tell_disks(connection: psycopg.Connection[Any], disks: Iterable[HostDisk]) -> None:
    """Write what a host says of its disks, in an order of its own, so that two processes never wait for each other."""
    for disk in sorted(disks, key=lambda item: item.folder):
        connection.execute(_TELL, asdict(disk))


def host_disks(connection: psycopg.Connection[Any], within_s: float) -> tuple[HostDisk, ...]:
    """Return the disks that were told within so many seconds."""
    rows = connection.execute(_TOLD, (within_s,)).fetchall()
    return tuple(
        HostDisk(host=host, folder=folder, free_bytes=free, watermark_bytes=watermark, told_s=told_s)
        for host, folder, free, watermark, told_s in rows
    )


def forget_disks(connection: psycopg.Connection[Any]) -> None:
    """Forget hosts that have said nothing for a month."""
    connection.execute(_FORGET)
