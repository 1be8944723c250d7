"""Images are taken while the database is away, and rows follow when it answers, whatever is killed in between."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.builders import uid, write_series
from tests.databases import embedded_database_url
from tests.system.service import Installation, storescu, wait_until

__all__ = ["embedded_database_url"]

pytestmark = pytest.mark.system


def test_images_are_taken_without_a_database_and_rows_follow_when_it_answers(
    tmp_path: Path,
    installation: Callable[..., Installation],
    embedded_database_url: str,
    require_tool: Callable[[str], str],
) -> None:
    files = write_series(tmp_path / "series", 5)
    place = installation(database_url="postgresql://nobody@127.0.0.1:1/none", study_quiet_seconds=600)

    # Act: the listener alone, with a database that nobody reaches, and then not even the listener
    listener = place.start(tmp_path / "listen.log", "listen")
    listener.wait_for_line("listener ready")
    storescu(require_tool("storescu"), files, place.port)
    listener.end(signal.SIGKILL)
    place.environment["TRABECULA_DATABASE_URL"] = embedded_database_url
    registrar = place.start(tmp_path / "register.log", "register")

    def rows() -> list[str]:
        with psycopg.connect(embedded_database_url) as connection:
            return [uid for (uid,) in connection.execute("SELECT sop_instance_uid FROM instances ORDER BY 1")]

    found = wait_until(lambda: len(rows()) == 5 and rows(), 60, "five rows")
    code = registrar.end()

    # Assert
    assert found == [uid(1, 1, number) for number in range(1, 6)]
    assert code == 0
    assert sorted(path.suffix for path in (place.data_dir / "journal").iterdir()) == [
        ".json",
        ".json",
        ".lock",
        ".lock",
    ]
    with psycopg.connect(embedded_database_url) as connection:
        assert connection.execute("SELECT ended_at IS NOT NULL FROM listeners").fetchall() == [(True,)]


def test_a_second_listener_on_one_journal_is_refused_by_name(
    tmp_path: Path, installation: Callable[..., Installation]
) -> None:
    place = installation(database_url="postgresql://nobody@127.0.0.1:1/none")
    listener = place.start(tmp_path / "listen.log", "listen", "--no-registrar")
    listener.wait_for_line("listener ready")
    second = Installation(place.data_dir, 0, database_url="postgresql://nobody@127.0.0.1:1/none")

    refused = second.command("listen", "--no-registrar")
    code = listener.end()

    assert refused.returncode == 2
    assert "JOURNAL_IN_USE" in refused.stderr
    assert "TRABECULA_JOURNAL_DIR" in refused.stderr
    assert code == 0
