"""Whether a folder lies on a disk of this host: a journal on a network mount would promise what the network keeps."""

from __future__ import annotations

import os
from pathlib import Path

from trabecula.domain.errors_of.reception import JournalOnNetworkMount

_NETWORK = frozenset(
    {
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "coda", "9p", "virtiofs", "ceph", "glusterfs",
        "lustre", "gpfs", "beegfs", "ocfs2", "gfs", "gfs2", "orangefs", "pvfs2", "vboxsf", "davfs", "prl_fs",
    }
)  # fmt: skip
"""File systems whose fsync ends on another machine, or on one that shares the disk (filesystems(5), mount(8))."""
_LOCAL_FUSE = frozenset({"fuseblk", "fuse.fuse-overlayfs"})
"""FUSE of a local disk: ntfs-3g, and the root of a container without root rights. Any other FUSE may be anything."""
_IN_MEMORY = frozenset({"tmpfs", "ramfs"})


def file_system_of(folder: Path, table: Path = Path("/proc/self/mountinfo")) -> str:
    """Return the type of the file system a folder lies on, "" where the system does not tell (proc(5), mountinfo)."""
    try:
        lines = table.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    where = os.path.realpath(folder)
    found, longest = "", -1
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = _unescaped(fields[4])
        inside = where == point or where.startswith(point.rstrip("/") + "/")
        # Of two mounts on one point the later one is seen.
        if inside and len(point) >= longest:
            found, longest = after.split()[0], len(point)
    return found


def refuse_network_mount(folder: Path, file_system: str) -> None:
    """Raise JournalOnNetworkMount unless the file system is one of this host's own disks."""
    if file_system in _NETWORK or (file_system.startswith("fuse") and file_system not in _LOCAL_FUSE):
        raise JournalOnNetworkMount(f"{folder} is on {file_system}")


def is_in_memory(file_system: str) -> bool:
    """Return whether nothing there survives the loss of power."""
    return file_system in _IN_MEMORY


def _unescaped(point: str) -> str:
    """Return a mount point as it is: blanks, tabs, line ends and backslashes come as octal numbers."""
    for code in ("040", "011", "012", "134"):
        point = point.replace(f"\\{code}", chr(int(code, 8)))
    return point
