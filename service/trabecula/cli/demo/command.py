"""``trabecula demo``: a phantom study through the whole service, over real associations, and its result."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Annotated

import typer

from trabecula.cli.demo.receiver import ResultReceiver
from trabecula.cli.demo.screen import Shown, show
from trabecula.cli.demo.sending import send_files
from trabecula.cli.demo.service import running_service
from trabecula.cli.output import EXIT_FAILURE, errors_as_exit_code, print_json
from trabecula.cli.results.picture_file import write_png
from trabecula.cli.results.steps import Steps
from trabecula.domain.errors import DemoFailed
from trabecula.domain.modality import Modality
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import DEMO_CT
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomStudy

_MARK = ".trabecula-demo"
"""A file in the output folder that says its contents are a demo's: only then may the next run replace them."""

_PERSON = {Modality.CT: 37, Modality.MR: 34}
"""Numbers of phantoms none of whose bodies is so small or deformed that a gate remarks on it."""


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the study, the received objects and the picture.")] = Path(
        "trabecula-demo"
    ),
    modality: Annotated[
        Modality, typer.Option(help="Which phantom examination: CT, or MR with T1 and T2.", case_sensitive=False)
    ] = Modality.CT,
    density: Annotated[float, typer.Option(help="Bone density of the phantom at L1 in mg/cm3.")] = 62.0,
    timeout: Annotated[float, typer.Option(help="Give up after this many seconds.")] = 600.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Make a phantom study, send it through the whole service, wait for the report and show it."""
    out, started, steps = out.resolve(), time.monotonic(), Steps(quiet=as_json)
    with errors_as_exit_code():
        _claim(out)
        with steps.step("drawing a phantom spine"):
            study = _phantom(modality, density)
            files = write_study(study, _emptied(out / "study"))
        receiver = ResultReceiver(_emptied(out / "received"))
        receiver_port = receiver.start()
        with running_service(out / "service.log", receiver_port, modality, steps) as service:
            with steps.step(f"sending {len(files)} images over a DICOM association"):
                send_files(files, "127.0.0.1", service.port, "TRABECULA", "DEMO-MODALITY")
            with steps.step("segmenting, measuring, scoring and reporting (about a minute)"):
                if receiver.wait_for("SR", timeout) is None:
                    raise DemoFailed(f"no Structured Report came within {timeout:g} s; log: {service.log}")
                document = service.final_document(study.study_uid, started + timeout)
        receiver.stop()
    if (picture := receiver.received.get("OT")) is not None:
        write_png(picture.read_bytes(), out / "picture.png")
    (out / "result.json").write_text(json.dumps(document, indent=2))
    if as_json:
        print_json(document)
    else:
        show(
            Shown(
                document=document,
                study=study,
                images=len(files),
                out=out,
                received=receiver.received,
                seconds=time.monotonic() - started,
            )
        )
    if document["state"] != "DONE":
        raise typer.Exit(EXIT_FAILURE)


def _phantom(modality: Modality, density: float) -> PhantomStudy:
    """A woman of 71 of usual size, no fracture, scanned as hospitals scan the lumbar spine."""
    patient = sample_patient(2026, _PERSON[modality], age_years=71, density_l1=density)
    if modality is Modality.CT:
        return make_ct_study(CtStudySpec(patient, DEMO_CT, case="demo"))
    return make_mr_study(MrStudySpec(patient, case="demo"))


def _claim(out: Path) -> None:
    """Take a folder for the demo. Raises DemoFailed where it holds somebody's files: a demo replaces what is there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()) and not (out / _MARK).exists():
            raise DemoFailed(f"{out} holds files that are not a demo's; give an empty folder with --out")
        (out / _MARK).touch()
    except OSError as error:
        raise DemoFailed(f"{out} is no folder to write into ({error.strerror}); give another with --out") from error


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
