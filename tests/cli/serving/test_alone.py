from __future__ import annotations

import os
from pathlib import Path

import pytest

from trabecula.cli.serving.alone import alone_in
from trabecula.domain.errors import DataFolderUnusable
from trabecula.domain.errors_of.serving import ServiceRunsAlready


def test_a_second_service_on_one_data_folder_is_refused_and_names_the_first(tmp_path: Path) -> None:
    with alone_in(tmp_path / "data"):
        with (
            pytest.raises(ServiceRunsAlready, match=f"process {os.getpid()}, since ") as caught,
            alone_in(tmp_path / "data"),
        ):
            pass
        assert str(tmp_path / "data") in caught.value.sentence
    with alone_in(tmp_path / "data"):
        pass


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DataFolderUnusable, match="file"), alone_in(tmp_path / "file"):
        pass
