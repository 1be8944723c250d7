from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from trabecula.domain.errors import DatabaseUnavailable, DataFolderUnusable, EmbeddedDatabaseDead
from trabecula.domain.errors_of.disk import DiskFull
from trabecula.ledger import embedded
from trabecula.ledger.embedded import EmbeddedPostgres


def postmaster_pid(folder: Path) -> int:
    return int((folder / "database" / "postmaster.pid").read_text().splitlines()[0])


def has_ended(pid: int) -> bool:
    """True when the process is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_it_starts_answers_stops_and_keeps_its_data(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    url = server.start()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    pid = postmaster_pid(tmp_path)
    server.stop()
    server.stop()
    assert has_ended(pid)

    again = EmbeddedPostgres(tmp_path)
    with psycopg.connect(again.start()) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
    again.stop()


def test_nobody_else_reaches_its_socket(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / ("a-very-long-folder-name-" * 5)[:110])
    url = server.start()
    socket_dir = Path(psycopg.conninfo.conninfo_to_dict(url)["host"])  # type: ignore[arg-type]

    mode = socket_dir.stat().st_mode & 0o777
    server.stop()

    assert mode == 0o700


_KILLED_POSTMASTER = """
import ctypes, os, signal, sys
from pathlib import Path
import psycopg
from trabecula.domain.errors import TrabeculaError
from trabecula.ledger import embedded
from trabecula.ledger.embedded import EmbeddedPostgres

PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0  # the postmaster becomes our child
folder, reaps = Path(sys.argv[1]), sys.argv[2] == "reaps"
with psycopg.connect(EmbeddedPostgres(folder).start()) as connection:
    connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
pid = int((folder / "database" / "postmaster.pid").read_text().splitlines()[0])
os.kill(pid, signal.SIGKILL)
os.waitid(os.P_PID, pid, os.WEXITED | (0 if reaps else os.WNOWAIT))
if not reaps:  # it never comes back, so a short patience proves the same as a long one
    embedded._REAPED_WITHIN_SECONDS = 1.0
    embedded._PATIENCE_SECONDS = tuple((kind, 2.0) for kind, _ in embedded._PATIENCE_SECONDS)
try:
    server = EmbeddedPostgres(folder)
    with psycopg.connect(server.start()) as connection:
        print(connection.execute("SELECT answer FROM kept").fetchone()[0])
    server.stop()
except TrabeculaError as error:
    print(error)
"""


def start_after_a_kill(folder: Path, init: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED_POSTMASTER, str(folder), init],
        check=False,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_a_killed_server_comes_back_with_its_data_where_init_reaps(tmp_path: Path) -> None:
    assert start_after_a_kill(tmp_path, "reaps") == "42"


def test_a_killed_server_that_nobody_reaps_is_called_dead_with_the_next_step(tmp_path: Path) -> None:
    said = start_after_a_kill(tmp_path, "leaves zombies")

    assert said.startswith(f"{EmbeddedDatabaseDead.code}: The embedded PostgreSQL was killed")
    assert said.endswith(EmbeddedDatabaseDead.next_step)


def test_a_server_that_is_still_starting_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = EmbeddedPostgres(tmp_path)
    first.start()
    first.stop()
    pid_file = tmp_path / "database" / "postmaster.pid"
    lines = [str(os.getpid()), str(tmp_path / "database"), "1700000000", "5432", str(tmp_path), "", "0 0", "starting"]
    pid_file.write_text("\n".join(lines))

    def give_way(_seconds: float) -> None:
        if pid_file.exists() and pid_file.read_text().startswith(f"{os.getpid()}\n"):
            pid_file.unlink()

    monkeypatch.setattr(embedded.time, "sleep", give_way)

    server = EmbeddedPostgres(tmp_path)
    with psycopg.connect(server.start()) as connection:
        answer = connection.execute("SELECT 1").fetchone()
    server.stop()

    assert answer == (1,)


def test_a_folder_of_another_version_is_refused_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "database").mkdir()
    (tmp_path / "database" / "PG_VERSION").write_text("11\n")

    with pytest.raises(DatabaseUnavailable, match="does not start"):
        EmbeddedPostgres(tmp_path).start()


_MENDED = """
import ctypes, os, signal, subprocess, sys
from pathlib import Path
import psycopg
from trabecula.cli.edge import prepare_process
from trabecula.ledger.embedded import EmbeddedPostgres

folder = Path(sys.argv[1])
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: the postmaster is ours to reap, as in a container
prepare_process()
server, other = EmbeddedPostgres(folder), EmbeddedPostgres(folder)
url = server.start()
with psycopg.connect(url) as connection:
    connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
pid = int((folder / "database" / "postmaster.pid").read_text().splitlines()[0])
assert not server.mend()
os.kill(pid, signal.SIGKILL)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
assert server.mend()
(folder / "database" / ".handle_pids.json").write_text('[1, "half')
assert other.start() == url
server.stop()
with psycopg.connect(url) as connection:  # another user is left
    print(connection.execute("SELECT answer FROM kept").fetchone()[0], flush=True)
print(int((folder / "database" / "postmaster.pid").read_text().splitlines()[0]), flush=True)
signal.pause()
"""


def test_a_killed_server_is_mended_and_ends_with_its_last_user_also_by_sigterm(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _MENDED, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        answer, pid = process.stdout.readline().strip(), process.stdout.readline().strip()
        process.terminate()
        complaints = process.stderr.read()

    assert answer == "42", complaints
    assert process.returncode == 128 + signal.SIGTERM
    assert has_ended(int(pid))
    assert "Traceback" not in complaints


def test_a_server_that_another_process_started_again_is_ended_by_the_last_user(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path)
    url = server.start()
    first = postmaster_pid(tmp_path)
    os.kill(first, signal.SIGKILL)
    wait_until_ended(first)
    revive = "import sys; from pathlib import Path; from trabecula.ledger.embedded import EmbeddedPostgres as E;"
    revive += "server = E(Path(sys.argv[1])); print(server.start()); server.stop()"
    said = subprocess.run([sys.executable, "-c", revive, str(tmp_path)], capture_output=True, text=True, check=True)
    second = postmaster_pid(tmp_path)
    assert said.stdout.strip() == url
    assert not has_ended(second)

    server.stop()

    assert has_ended(second)


def wait_until_ended(pid: int) -> None:
    deadline = time.monotonic() + 60
    while not has_ended(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("place", ["file/data", "file", "/sys/kernel/trabecula", "~nobody-of-this-name/data"])
def test_a_folder_that_cannot_be_written_is_named_with_the_next_step(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("")
    folder = Path(place) if place.startswith(("/", "~")) else tmp_path / place

    with pytest.raises(DataFolderUnusable) as caught:
        EmbeddedPostgres(folder).start()

    assert str(folder) in caught.value.sentence
    assert "data_dir" in caught.value.next_step


def test_a_folder_of_rubbish_is_refused_with_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded.time, "sleep", lambda _seconds: None)
    monkeypatch.setattr(embedded, "_PATIENCE_SECONDS", ())
    (tmp_path / "database").mkdir()
    (tmp_path / "database" / "PG_VERSION").write_text("18\n")
    (tmp_path / "database" / "postmaster.pid").write_text("rubbish\n" * 8)

    with pytest.raises(DatabaseUnavailable, match="does not start"):
        EmbeddedPostgres(tmp_path).start()


def test_a_disk_too_full_for_a_database_is_said_to_be_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_PATIENCE_SECONDS", ())
    monkeypatch.setattr(embedded, "_ROOM_BYTES", 2**62)  # no disk has as much
    (tmp_path / "database").mkdir()
    (tmp_path / "database" / "PG_VERSION").write_text("11\n")

    with pytest.raises(DiskFull, match="none is left for the database"):
        EmbeddedPostgres(tmp_path).start()
