"""Files written whole: a name holds nothing, the old content or the new, whatever is killed meanwhile."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole_file(path: Path, *, synced: bool = False) -> Iterator[BinaryIO]:
    """Yield a stream whose content takes the name ``path`` when the block ends well; else nothing is left of it.

    It is written beside ``path`` under a name of its own, so that two writers do not meet. ``synced`` also survives a
    power cut: content and name are on stable storage when the block has ended. Raises OSError.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with partial.open("xb") as stream:
            yield stream
            stream.flush()
            if synced:
                os.fsync(stream.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
    if synced:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
