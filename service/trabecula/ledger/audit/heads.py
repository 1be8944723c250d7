"""Exported heads: one JSON line for each, in a file that is only ever added to, and synced."""

from __future__ import annotations

import json
import os
from pathlib import Path

from trabecula.domain.audit.chain import Head
from trabecula.domain.errors_of.ledger import AuditHeadInvalid

_BEGIN = '{"number": '


def append_head(path: Path, head: Head) -> bool:
    """Add a head to the file and sync it; False where it is the newest line already.

    Raises OSError, AuditHeadInvalid.
    """
    known = read_heads(path) if path.exists() else ()
    if known and (known[-1].number, known[-1].seal) == (head.number, head.seal):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    line = json.dumps({"number": head.number, "seal": head.seal, "at": head.at}) + "\n"
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.write(number, (line if is_new or _ends_a_line(path) else "\n" + line).encode())
        os.fsync(number)
    finally:
        os.close(number)
    if is_new:
        _sync_folder(path.parent)
    return True


def read_heads(path: Path) -> tuple[Head, ...]:
    """Return the heads of a file, in their order; lines that a crash cut off are left out.

    Raises OSError, AuditHeadInvalid.
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    whole = [(number, line) for number, line in enumerate(lines, 1) if line.strip() and not _is_cut_off(line)]
    return tuple(_head(path, number, line) for number, line in whole)


def _is_cut_off(line: str) -> bool:
    return not line.endswith("}") and (line.startswith(_BEGIN) or _BEGIN.startswith(line))


def _head(path: Path, number: int, line: str) -> Head:
    try:
        found = json.loads(line)
        return Head(int(found["number"]), str(found["seal"]), str(found.get("at", "")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise AuditHeadInvalid(f"{path}, line {number}") from error


def _ends_a_line(path: Path) -> bool:
    """Whether the file ends with a whole line; a crash may have cut the last one off."""
    with path.open("rb") as opened:
        if opened.seek(0, os.SEEK_END) == 0:
            return True
        opened.seek(-1, os.SEEK_END)
        return opened.read(1) == b"\n"


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
