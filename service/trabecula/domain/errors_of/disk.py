"""A full disk, told apart from one that is broken: it passes, and nothing has to be done again by hand."""

from __future__ import annotations

import errno

from trabecula.domain.errors import SpoolUnavailable

_FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFull(SpoolUnavailable):
    """No space is left on the disk of the data folder."""

    code = "DISK_FULL"
    next_step = "Free space, or set keep_images_days; nothing is lost, and what waits goes on by itself."


def disk_error(error: OSError, detail: str) -> SpoolUnavailable:
    """Return our error for what the system said of a disk."""
    return (DiskFull if is_full(error) else SpoolUnavailable)(detail)


def is_full(error: OSError) -> bool:
    """Return whether the system says that no space is left, or none of a quota."""
    return error.errno in _FULL
