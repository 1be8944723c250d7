"""What ``trabecula demo`` shows: what was sent, the result, where its files lie, what to do next."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trabecula.cli.output import console
from trabecula.cli.results.result_table import show_result
from trabecula.domain.modality import Modality
from trabecula.phantom.study import PhantomStudy

_OBJECTS = {"SR": "report (SR)", "SEG": "outlines (SEG)", "OT": "picture (SC)"}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A finished demo: the document of its result, the study sent, and the files by what they are."""

    document: Mapping[str, Any]
    study: PhantomStudy
    images: int
    out: Path
    received: Mapping[str, Path]
    seconds: float


def show(shown: Shown) -> None:
    """Print the first screen of the product, in the order in which a newcomer asks."""
    console.print()
    console.print(f"sent: {_sent(shown.study, shown.images)}", markup=False, highlight=False)
    show_result({**shown.document, "objects": ()})
    console.print()
    _section("files", _files(shown))
    console.print()
    _section("next", _next(shown))
    console.print(f"\nA digital phantom, not a patient. {shown.seconds:.0f} s in all.", highlight=False)


def _sent(study: PhantomStudy, images: int) -> str:
    patient = study.patient
    modality = study.series[0].volume.modality
    roles = ", ".join(series.role for series in study.series)
    return (
        f"{'an' if modality is Modality.MR else 'a'} {modality.value} of the lumbar spine ({roles}: {images} images)\n"
        f"      of {patient.patient_id}, a digital phantom: {patient.sex.value}, {patient.age_years} years, "
        f"{patient.reference.qct:.0f} mg/cm3 by QCT"
    )


def _files(shown: Shown) -> Iterable[tuple[str, str]]:
    yield "folder", str(shown.out)
    yield "picture", str(shown.out / "picture.png")
    for modality, path in sorted(shown.received.items()):
        yield _OBJECTS.get(modality, modality), str(path.relative_to(shown.out))
    yield "result", "result.json"
    yield "images sent", "study"
    yield "service log", "service.log"


def _next(shown: Shown) -> Iterable[tuple[str, str]]:
    program = _program()
    other = Modality.MR if shown.study.series[0].volume.modality is Modality.CT else Modality.CT
    yield "the other modality", f"{program} demo --modality {other.value}"
    yield "denser bone", f"{program} demo --density 160"
    yield "a study of yours", f"{program} analyse FOLDER --out DIR"
    yield "the service", f"{program} serve"
    yield "the installation", f"{program} doctor"
    yield "models to activate", f"{program} models list"


def _program() -> str:
    """Return how this program is called here: by name where it is on the path, else by the path it was called by."""
    if shutil.which("trabecula"):
        return "trabecula"
    called = Path(sys.argv[0])
    if called.name != "trabecula":
        return "python -m trabecula"
    return str(called.relative_to(Path.cwd())) if called.is_relative_to(Path.cwd()) else str(called)


def _section(title: str, rows: Iterable[tuple[str, str]]) -> None:
    console.print(f"{title}:", style="bold")
    for name, value in rows:
        console.print(f"  {name:<19} {value}", markup=False, highlight=False)
