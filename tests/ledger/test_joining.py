from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from trabecula.domain.errors import ConfigurationInvalid
from trabecula.ledger.connections import conninfo_of
from trabecula.ledger.embedded import EmbeddedPostgres
from trabecula.ledger.joining import joined


def test_a_running_server_is_joined_and_ended_by_whoever_leaves_last(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    url = server.start()
    told = tmp_path / "database" / "postmaster.pid"

    with joined(tmp_path) as first:
        assert first == url
    assert told.exists()  # the one that started it still uses it

    with joined(tmp_path) as second:
        server.stop()
        assert second is not None
        with psycopg.connect(second) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not told.exists()

    with joined(tmp_path) as third:
        assert third is None


@pytest.mark.parametrize(
    "lines",
    ["", "12\n", "{pid}\n{folder}\n1\n5432\n{folder}\n\n1\nstarting\n", "999999\n{folder}\n1\n5432\n/\n\n1\nready\n"],
)
def test_a_server_that_does_not_answer_is_not_joined(tmp_path: Path, lines: str) -> None:
    folder = tmp_path / "database"
    folder.mkdir()
    (tmp_path / ".database.users").touch()
    (folder / "postmaster.pid").write_text(lines.format(folder=folder, pid=1))

    with joined(tmp_path) as url:
        assert url is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres:@/trabecula?host=/var/lib/trabecula/database",
        "postgresql+psycopg://who:a%40b%2Fc@db.example:5433/ledger?sslmode=require",
        "postgresql://who:a/b?c#d@db.example/ledger",
        "postgresql://db.example/ledger",
        "postgresql://[::1]:5432/ledger",
    ],
)
def test_libpq_reads_a_url_as_the_layer_of_tables_does(url: str) -> None:
    told = psycopg.conninfo.conninfo_to_dict(conninfo_of(url))
    parsed = make_url(url)

    assert told.get("user") == parsed.username
    assert told.get("password", "") == (parsed.password or "")
    assert told.get("host") == (parsed.host or parsed.query.get("host"))
    assert told.get("port") == (str(parsed.port) if parsed.port else None)
    assert told["dbname"] == parsed.database


@pytest.mark.parametrize(("url", "said"), [("mysql://a/b", "not mysql"), ("nonsense", "is not a URL")])
def test_another_kind_of_url_is_named(url: str, said: str) -> None:
    with pytest.raises(ConfigurationInvalid, match=said):
        conninfo_of(url)
