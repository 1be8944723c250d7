"""The service as ``trabecula demo`` runs it: a whole installation in a folder of its own, gone when the demo ends.

Nothing of the user's is read or changed: TRABECULA_* variables do not reach it, and data, ledger and activated models
lie in a temporary folder.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trabecula.cli.results.steps import Steps
from trabecula.data.bundle_location import find_bundles_root
from trabecula.domain.errors import DemoFailed
from trabecula.domain.modality import Modality
from trabecula.domain.models.bundle import BundleKind
from trabecula.domain.uids import StudyUid
from trabecula.scoring.activation import Activation, ModelRole, change_activation
from trabecula.scoring.bundles import find_bundles

_READY = "trabecula is ready"
_FINAL_STATES = ("DONE", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class DemoService:
    """The running service: its environment, port and log."""

    environment: dict[str, str]
    port: int
    log: Path

    def final_document(self, study_uid: StudyUid, deadline: float) -> dict[str, Any]:
        """Return the study's document once it is final, or as it stands at the deadline (of time.monotonic)."""
        while True:
            answer = subprocess.run(
                [sys.executable, "-m", "trabecula", "studies", "show", study_uid, "--json"],
                capture_output=True,
                text=True,
                env=self.environment,
                check=False,
            )
            if answer.returncode != 0:
                raise DemoFailed(answer.stderr.strip())
            document: dict[str, Any] = json.loads(answer.stdout)
            if document["state"] in _FINAL_STATES or time.monotonic() > deadline:
                return document
            time.sleep(0.5)


def activate_demonstrations(data_dir: Path, modality: Modality) -> tuple[str, ...]:
    """Activate the shipped demonstration bundles of a modality in ``data_dir`` and return their names.

    One model speaks for each modality, the radiomics score; the others are silent challengers. A bundle that does not
    verify is left out: the demo then shows the rest.
    """
    found = [item.bundle for item in find_bundles((find_bundles_root(),)) if item.bundle is not None]
    ours = [bundle for bundle in found if bundle.manifest.demonstration and bundle.modality is modality]
    activation = Activation()
    for bundle in ours:
        radiomics = bundle.manifest.kind is BundleKind.RADIOMICS
        activation = activation.with_role(bundle, ModelRole.ACTIVE if radiomics else ModelRole.CHALLENGER)
    change_activation(data_dir, activation, "demo", datetime.now(UTC).replace(microsecond=0), "demonstration")
    return tuple(activation.models)


@contextmanager
def running_service(log: Path, receiver_port: int, modality: Modality, steps: Steps) -> Iterator[DemoService]:
    """Run the service on a free port with the demonstration models of a modality; end it and remove its folder."""
    folder = Path(tempfile.mkdtemp(prefix="trabecula-demo-"))
    try:
        activate_demonstrations(folder / "data", modality)
        port = _free_port()
        service = DemoService(_environment(_configuration(folder, port, receiver_port)), port, log)
        with log.open("w") as log_file, _started(service, log_file.fileno(), steps):
            yield service
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _started(service: DemoService, log_descriptor: int, steps: Steps) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "trabecula", "serve"],
        stdout=subprocess.PIPE,
        stderr=log_descriptor,
        text=True,
        env=service.environment,
    )
    try:
        with steps.step("starting the service on an embedded PostgreSQL, with the demonstration models"):
            _wait_until_ready(process, service.log)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(90)
        except subprocess.TimeoutExpired:
            process.kill()
        if process.stdout is not None:
            process.stdout.close()


def _configuration(folder: Path, port: int, receiver_port: int) -> Path:
    config = folder / "demo.toml"
    config.write_text(
        f'data_dir = "{folder / "data"}"\ndicom_port = {port}\nweb_port = 0\nstudy_quiet_seconds = 4.0\nworkers = 1\n'
        "min_free_gib = 0.1\n"
        f'[[destinations]]\nname = "DEMO"\nae_title = "DEMO-PACS"\nhost = "127.0.0.1"\nport = {receiver_port}\n'
        "commitment = false\n"
    )
    return config


def _environment(config: Path) -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if not name.startswith("TRABECULA_")}
    return others | {"TRABECULA_CONFIG": str(config)}


def _wait_until_ready(process: subprocess.Popen[str], log: Path) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == _READY:
            return
    raise DemoFailed(f"the service ended with exit code {process.wait()}; log: {log}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
