from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from trabecula.supervisor import ServicePart, Supervisor


class ScriptPart(ServicePart):
    """A part that is a Python script instead of a trabecula command."""

    @property
    def command(self) -> list[str]:
        return [sys.executable, *self.arguments]


class Lines:
    """Collects lines; lets a test wait for the n-th."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []
        self._more = threading.Condition()

    def add(self, part: ServicePart, line: str) -> None:
        with self._more:
            self.seen.append((part.name, line))
            self._more.notify_all()

    def wait_for(self, count: int) -> list[tuple[str, str]]:
        with self._more:
            assert self._more.wait_for(lambda: len(self.seen) >= count, timeout=30), self.seen
            return list(self.seen)


@pytest.fixture
def script(tmp_path: Path) -> str:
    path = tmp_path / "part.py"
    path.write_text(
        textwrap.dedent(
            """
            import os, signal, sys
            def end(*_):
                os.write(1, b"ended\\n")  # print would break a print that the signal interrupts
                sys.exit(0)
            signal.signal(signal.SIGTERM, end)
            os.write(1, b"%d\\n" % os.getpid())
            while True:
                signal.pause()
            """
        )
    )
    return str(path)


def test_a_part_that_dies_is_started_again(script: str) -> None:
    lines = Lines()
    supervisor = Supervisor(parts=[ScriptPart("one", (script,))], environment=dict(os.environ), on_line=lines.add)

    supervisor.start()
    first = int(lines.wait_for(1)[0][1])
    os.kill(first, signal.SIGKILL)
    second = int(lines.wait_for(2)[1][1])
    supervisor.stop()

    assert second != first


def test_parts_end_in_their_order_on_stop(script: str) -> None:
    lines = Lines()
    supervisor = Supervisor(
        parts=[ScriptPart("listener", (script,)), ScriptPart("worker", (script,))],
        environment=dict(os.environ),
        on_line=lines.add,
    )

    supervisor.start()
    lines.wait_for(2)
    supervisor.stop()

    assert [name for name, line in lines.wait_for(4) if line == "ended"] == ["listener", "worker"]


def test_a_part_that_ignores_the_signal_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "deaf.py"
    path.write_text(
        "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(os.getpid(), flush=True)\nwhile True:\n    signal.pause()\n"
    )
    lines = Lines()
    supervisor = Supervisor(
        parts=[ScriptPart("deaf", (str(path),), grace_seconds=0.2)], environment=dict(os.environ), on_line=lines.add
    )

    supervisor.start()
    pid = int(lines.wait_for(1)[0][1])
    supervisor.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_parts_die_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    # Arrange: a supervisor in a process of its own, with one part that asks the kernel to be ended with it
    program = tmp_path / "supervise.py"
    program.write_text(
        "import os, signal\n"
        "from trabecula.supervisor import ServicePart, Supervisor\n"
        "supervisor = Supervisor(parts=[ServicePart('sleeper', ('sleep-for-tests',))], environment=dict(os.environ),\n"
        "    on_line=lambda part, line: print(line, flush=True))\n"
        "supervisor.start()\nsignal.pause()\n"
    )
    module = tmp_path / "trabecula_part.py"
    module.write_text(
        "import os, signal\nfrom trabecula.supervised import end_with_supervisor\n"
        "end_with_supervisor()\nprint(os.getpid(), flush=True)\nsignal.pause()\n"
    )
    program.write_text(
        program.read_text().replace(
            "supervisor = Supervisor(",
            f"ServicePart.command = property(lambda self: ['{sys.executable}', '{module}'])\nsupervisor = Supervisor(",
        )
    )

    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            pid = int(process.stdout.readline())
            handle = os.pidfd_open(pid)
        finally:
            process.kill()
    ended, _, _ = select.select([handle], [], [], 30)
    os.close(handle)

    assert ended


def test_parts_are_renewed_without_a_pause(script: str) -> None:
    lines = Lines()
    supervisor = Supervisor(parts=[ScriptPart("one", (script,))], environment=dict(os.environ), on_line=lines.add)

    supervisor.start()
    lines.wait_for(1)
    supervisor.renew()
    first, ended, second = (line for _name, line in lines.wait_for(3))
    supervisor.stop()

    assert ended == "ended"
    assert second != first


def test_a_part_that_its_settings_keep_from_starting_is_not_started_again(tmp_path: Path) -> None:
    path = tmp_path / "hopeless.py"
    path.write_text(
        f"import pathlib, sys\npathlib.Path({str(tmp_path / 'starts')!r}).open('a').write('x')\nsys.exit(78)\n"
    )
    given_up: list[str] = []
    told = threading.Event()

    def give_up(part: ServicePart) -> None:
        given_up.append(part.name)
        told.set()

    supervisor = Supervisor(
        parts=[ScriptPart("hopeless", (str(path),))],
        environment=dict(os.environ),
        on_line=Lines().add,
        on_hopeless=give_up,
    )
    supervisor.start()
    assert told.wait(30)
    supervisor.stop()

    assert given_up == ["hopeless"]
    assert (tmp_path / "starts").read_text() == "x"
