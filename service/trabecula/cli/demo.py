"""``trabecula demo``: a phantom study through the whole service, over real associations, and its result."""

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
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.status import Status

from trabecula.cli.output import EXIT_FAILURE, console, error_console, errors_as_exit_code, print_json
from trabecula.cli.picture_file import write_png
from trabecula.cli.receiver import ResultReceiver
from trabecula.cli.result_table import show_result
from trabecula.cli.sending import send_files
from trabecula.domain.errors import DemoFailed
from trabecula.domain.volume import Modality
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomStudy

_READY = "trabecula is ready"
_FINAL_STATES = ("DONE", "FAILED", "CANCELLED")


@dataclass(frozen=True)
class _Service:
    """The service as started for the demo: its process, environment, port and log."""

    process: subprocess.Popen[str]
    environment: dict[str, str]
    port: int
    log: Path


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the study, the received objects and the picture.")] = Path(
        "trabecula-demo"
    ),
    modality: Annotated[Modality, typer.Option(help="Which phantom examination.")] = Modality.CT,
    density: Annotated[float, typer.Option(help="Bone density of the phantom at L1 in mg/cm3.")] = 62.0,
    timeout: Annotated[float, typer.Option(help="Give up after this many seconds.")] = 300.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a phantom study, send it through the whole service, wait for the report and show it."""
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with errors_as_exit_code(), _progress(as_json) as status:
        status.update("drawing a phantom spine")
        study = _phantom(modality, density)
        files = write_study(study, _emptied(out / "study"))
        receiver = ResultReceiver(_emptied(out / "received"))
        receiver_port = receiver.start()
        status.update("starting the service on an embedded PostgreSQL")
        with _running_service(out / "service.log", receiver_port) as service:
            status.update(f"sending {len(files)} images over a DICOM association")
            send_files(files, "127.0.0.1", service.port, "TRABECULA", "DEMO-MODALITY")
            status.update("waiting for the study to settle and for its Structured Report")
            if receiver.wait_for("SR", timeout) is None:
                raise DemoFailed(f"no Structured Report came within {timeout:g} s; log: {service.log}")
            document = _final_document(study.study_uid, service, started + timeout)
        receiver.stop()
    picture = receiver.received.get("OT")
    if picture is not None:
        write_png(picture.read_bytes(), out / "picture.png")
    (out / "result.json").write_text(json.dumps(document, indent=2))
    _show(document, out, receiver, as_json, time.monotonic() - started)
    if document["state"] != "DONE":
        raise typer.Exit(EXIT_FAILURE)


def _phantom(modality: Modality, density: float) -> PhantomStudy:
    patient = sample_patient(2026, 1, age_years=71, density_l1=density)
    if modality is Modality.CT:
        return make_ct_study(CtStudySpec(patient, case="demo"))
    return make_mr_study(MrStudySpec(patient, case="demo"))


def _show(document: dict[str, Any], out: Path, receiver: ResultReceiver, as_json: bool, seconds: float) -> None:
    if as_json:
        print_json(document)
        return
    show_result(document)
    console.print()
    console.print(f"  study sent      {out / 'study'}")
    for modality, path in sorted(receiver.received.items()):
        console.print(f"  received {modality:<6} {path}")
    console.print(f"  result          {out / 'result.json'}")
    console.print(f"  picture         {out / 'picture.png'}")
    console.print(f"  service log     {out / 'service.log'}")
    console.print(f"\nA digital phantom, not a patient. {seconds:.0f} s in all.", highlight=False)


@contextmanager
def _progress(quiet: bool) -> Iterator[Status]:
    with error_console.status("starting", spinner="dots") as status:
        if quiet:
            status.stop()
        yield status


@contextmanager
def _running_service(log: Path, receiver_port: int) -> Iterator[_Service]:
    data_dir = Path(tempfile.mkdtemp(prefix="trabecula-demo-"))
    port = _free_port()
    config = data_dir / "demo.toml"
    config.write_text(
        f'data_dir = "{data_dir / "data"}"\ndicom_port = {port}\nstudy_quiet_seconds = 2.0\nworkers = 1\n'
        "min_free_gib = 0.1\n"
        f'[[destinations]]\nname = "DEMO"\nae_title = "DEMO-PACS"\nhost = "127.0.0.1"\nport = {receiver_port}\n'
        "commitment = false\n"
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRABECULA_")}
    environment["TRABECULA_CONFIG"] = str(config)
    with log.open("w") as log_file:
        process = subprocess.Popen(
            [sys.executable, "-m", "trabecula", "serve"],
            stdout=subprocess.PIPE,
            stderr=log_file,
            text=True,
            env=environment,
        )
        try:
            _wait_until_ready(process, log)
            yield _Service(process, environment, port, log)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(90)
            except subprocess.TimeoutExpired:
                process.kill()
            if process.stdout is not None:
                process.stdout.close()
            shutil.rmtree(data_dir, ignore_errors=True)


def _wait_until_ready(process: subprocess.Popen[str], log: Path) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == _READY:
            return
    raise DemoFailed(f"the service ended with exit code {process.wait()}; log: {log}")


def _final_document(study_uid: str, service: _Service, deadline: float) -> dict[str, Any]:
    while True:
        answer = subprocess.run(
            [sys.executable, "-m", "trabecula", "studies", "show", study_uid, "--json"],
            capture_output=True,
            text=True,
            env=service.environment,
            check=False,
        )
        if answer.returncode != 0:
            raise DemoFailed(answer.stderr.strip())
        document: dict[str, Any] = json.loads(answer.stdout)
        if document["state"] in _FINAL_STATES or time.monotonic() > deadline:
            return document
        time.sleep(0.5)


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
