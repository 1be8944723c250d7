"""The load: senders that behave as routers do, each study sent again and again until every image is taken."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

from tests.builders import uid, write_series
from tests.system.chaos.history import History

IMAGES = 3


class Load:
    """Sends small studies from several threads until told to stop, and what was begun to its end."""

    def __init__(self, storescu: str, port: int, folder: Path, *, pause_s: float) -> None:
        self._command = [storescu, "-v", "-to", "5", "-ta", "10", "-td", "10", "-aec", "TRABECULA", "127.0.0.1"]
        self._port = port
        self._folder = folder
        self._pause_s = pause_s
        self._history = History(folder / "sender.jsonl")
        self._numbers = iter(range(1, 1_000_000))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._give_up = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, senders: int) -> None:
        self._threads = [threading.Thread(target=self._send, args=(f"SITE{number}",)) for number in range(senders)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Begin no further study and wait until all images of those begun are taken."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def give_up(self) -> None:
        """End whatever has not been taken."""
        self._give_up.set()
        self.stop()

    def _send(self, ae_title: str) -> None:
        while not self._stop.is_set():
            with self._lock:
                study = next(self._numbers)
            files = write_series(self._folder / "images" / str(study), IMAGES, study=study)
            images = [uid(study, 1, number) for number in range(1, IMAGES + 1)]
            self._history.add("sends", study=uid(study), images=images)
            while not self._taken(ae_title, files, images) and not self._give_up.wait(1.0):
                pass
            self._stop.wait(self._pause_s)

    def _taken(self, ae_title: str, files: list[Path], images: list[str]) -> bool:
        """Send the files over one association; note which were acknowledged, and return whether all were."""
        command = [*self._command[:-1], "-aet", ae_title, self._command[-1], str(self._port), *map(str, files)]
        answer = subprocess.run(
            command, env=os.environ | {"TCP_NODELAY": "1"}, capture_output=True, text=True, timeout=120, check=False
        )
        taken = (answer.stdout + answer.stderr).count("Store Response (Success)")
        self._history.add("acknowledged", images=images[:taken])
        return answer.returncode == 0 and taken == len(files)
