"""The service under test as real processes, driven as an admin drives it: settings, commands, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg

_TRACE = """
    SELECT s.state, s.revision, s.last_image_at, (SELECT max(id) FROM events e WHERE e.study_uid = s.study_uid),
           (SELECT max(changed_at) FROM object_deliveries d WHERE d.study_uid = s.study_uid)
    FROM studies s WHERE s.study_uid = %(uid)s
"""
_SAID = re.compile(
    r"(\w+ ready: .+|first sign-in: .+|database ready again: .+|trabecula is ready|trabecula has ended)$"
)
FINAL = frozenset({"DONE", "FAILED", "CANCELLED"})


def wait_until(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Return the condition's first true value; fail naming what was waited for."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {timeout_s} s for {what}"
        time.sleep(0.25)


def clean_environment(**settings: object) -> dict[str, str]:
    """Return this environment with our settings and none of anybody else's."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRABECULA_")}
    return environment | {f"TRABECULA_{name.upper()}": str(value) for name, value in settings.items()}


def trabecula(environment: dict[str, str], *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "trabecula", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


class Process:
    """A long-running command whose readiness lines are waited for; its output lies in a file."""

    def __init__(self, environment: dict[str, str], log: Path, *arguments: str) -> None:
        self.log = log
        self._log_file = log.open("w")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "trabecula", *arguments],
            env=environment,
            stdout=self._log_file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_for_line(self, text: str, timeout_s: float = 120) -> None:
        def seen() -> bool:
            assert self._process.poll() is None, self.log.read_text()[-4000:]
            return text in self.log.read_text()

        wait_until(seen, timeout_s, f"{text!r} in {self.log}")

    def web_address(self) -> str:
        """Where `serve` answers monitors."""
        self.wait_for_line("web ready: ")
        return self.log.read_text().partition("web ready: ")[2].split()[0]

    def events(self) -> list[dict[str, Any]]:
        """The log's events; whatever stands between them must be one of the lines that programs wait for."""
        lines = self.log.read_text().splitlines()
        others = [line for line in lines if not line.startswith("{") and not _SAID.match(line)]
        assert others == [], "something speaks between the lines of the log"
        return [json.loads(line) for line in lines if line.startswith("{")]

    def end(self, number: int = signal.SIGTERM, timeout_s: float = 90) -> int:
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            code = self._process.wait()
        self._log_file.close()
        return code


class Installation:
    """One installation: a data folder and a port, and what an admin asks of it."""

    def __init__(self, data_dir: Path, port: int, **settings: object) -> None:
        self.data_dir = data_dir
        self.port = port
        options = {
            "dicom_port": port,
            "web_port": 0,
            "min_free_gib": 0.1,
            "study_quiet_seconds": 2,
            "workers": 1,
        } | settings
        self.environment = clean_environment(data_dir=data_dir, **(options | settings))

    def start(self, log: Path, *arguments: str) -> Process:
        return Process(self.environment, log, *(arguments or ("serve",)))

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return trabecula(self.environment, *arguments)

    def show(self, study_uid: str) -> dict[str, Any] | None:
        answer = self.command("studies", "show", study_uid, "--json")
        return json.loads(answer.stdout) if answer.returncode == 0 else None

    def wait_for(
        self, study_uid: str, condition: Callable[[dict[str, Any]], object], what: str, timeout_s: float = 240
    ) -> dict[str, Any]:
        seen: list[tuple[Any, ...]] = []

        def met() -> dict[str, Any] | None:
            now = self._trace(study_uid)
            if seen == now:
                return None
            document = self.show(study_uid)
            seen[:] = now
            return document if document is not None and condition(document) else None

        found: dict[str, Any] = wait_until(met, timeout_s, what)
        return found

    def _trace(self, study_uid: str) -> list[tuple[Any, ...]]:
        """What changes when anything happens to a study; nothing where it, or the database, is not there.

        Asking a command instead starts a process, which takes a core from what is waited for.
        """
        url = self.environment.get("TRABECULA_DATABASE_URL")
        try:
            if url is None:
                place = (self.data_dir / "database" / "postmaster.pid").read_text().splitlines()[4]
                url = f"postgresql://postgres@/trabecula?host={place}"
            with psycopg.connect(url, connect_timeout=10) as connection:
                return connection.execute(_TRACE, {"uid": study_uid}).fetchall()
        except (psycopg.Error, OSError, IndexError):
            return []

    def wait_until_final(self, study_uid: str, timeout_s: float = 240) -> dict[str, Any]:
        return self.wait_for(study_uid, lambda item: item["state"] in FINAL, "a final state", timeout_s)


def storescu(tool: str, files: Sequence[Path], port: int, called: str = "TRABECULA", calling: str = "STORESCU") -> None:
    """Send files with DCMTK's storescu; every instance must be answered with success."""
    answer = subprocess.run(
        [tool, "-v", "-aet", calling, "-aec", called, "127.0.0.1", str(port), *map(str, files)],
        env=os.environ | {"TCP_NODELAY": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert (answer.stdout + answer.stderr).count("Success") >= len(files)
