from __future__ import annotations

from pathlib import Path

import pytest

from trabecula.domain.errors_of.reception import JournalOnNetworkMount
from trabecula.intake.journal.mounts import file_system_of, is_in_memory, refuse_network_mount

TABLE = """\
22 1 259:1 / / rw,relatime - ext4 /dev/root rw
30 22 0:40 / /srv rw - nfs4 filer:/srv rw,vers=4.2
31 30 259:2 / /srv/local\\040disk rw - xfs /dev/sdb rw
32 22 0:41 / /share rw - cifs //filer/share rw
33 22 0:42 / /fuse rw - fuse.sshfs user@host:/ rw
34 22 0:43 / /memory rw - tmpfs tmpfs rw
35 22 0:44 / /windows rw - fuseblk /dev/sdc rw
garbage
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "mountinfo"
    path.write_text(TABLE)
    return path


@pytest.mark.parametrize(
    ("folder", "found"),
    [
        ("/srv/journal", "nfs4"),
        ("/srv/local disk/journal", "xfs"),
        ("/srv2", "ext4"),
        ("/share", "cifs"),
        ("/fuse/a", "fuse.sshfs"),
        ("/memory/a", "tmpfs"),
        ("/windows/a", "fuseblk"),
    ],
)
def test_the_mount_a_folder_lies_on(table: Path, folder: str, found: str) -> None:
    assert file_system_of(Path(folder), table) == found


@pytest.mark.parametrize(
    "file_system", ["nfs", "nfs4", "cifs", "smb3", "fuse", "fuse.sshfs", "fuse.s3fs", "ceph", "9p"]
)
def test_a_network_mount_is_refused_with_the_next_step(file_system: str) -> None:
    with pytest.raises(JournalOnNetworkMount, match=rf"/journal is on {file_system}\. .*TRABECULA_JOURNAL_DIR"):
        refuse_network_mount(Path("/journal"), file_system)


@pytest.mark.parametrize("file_system", ["ext4", "xfs", "btrfs", "zfs", "fuseblk", "tmpfs", "overlay", ""])
def test_a_disk_of_this_host_is_taken(file_system: str) -> None:
    refuse_network_mount(Path("/journal"), file_system)

    assert is_in_memory(file_system) == (file_system == "tmpfs")


def test_without_a_table_nothing_is_known(tmp_path: Path) -> None:
    assert file_system_of(tmp_path, tmp_path / "absent") == ""
