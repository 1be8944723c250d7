"""Tests of files that are written whole: the old content stays until the new is complete, and nothing is left over."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from trabecula.files import whole_file


@pytest.mark.parametrize("synced", [False, True])
def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path, synced: bool) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")

    with whole_file(path, synced=synced) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_bytes() == b"old"

    assert path.read_bytes() == b"new"
    assert [item.name for item in tmp_path.iterdir()] == ["state.json"]


def test_what_breaks_off_leaves_the_old_content_and_no_other_file(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")

    def break_off() -> None:
        with whole_file(path) as stream:
            stream.write(b"half")
            raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        break_off()

    assert path.read_bytes() == b"old"
    assert [item.name for item in tmp_path.iterdir()] == ["state.json"]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "state.json"

    with whole_file(path) as first, whole_file(path) as second:
        first.write(b"first")
        second.write(b"second")

    assert path.read_bytes() == b"first"


def test_its_mode_is_that_of_any_other_file(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")

    with whole_file(tmp_path / "whole"):
        pass

    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("plain", "whole")}
    assert len(modes) == 1
