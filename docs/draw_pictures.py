"""Draws the pages of the README and docs/analysis.md from digital phantoms: `python docs/draw_pictures.py [OUT]`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from trabecula.bootstrap.analysing import analyser_of
from trabecula.cli.results.picture_file import write_png
from trabecula.domain.ports.reporter import ReportContext
from trabecula.domain.results.result import ObjectKind
from trabecula.imaging.headers.frames import scan_folder
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.defects import Defect
from trabecula.phantom.dicom import write_study
from trabecula.phantom.mr import make_mr_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.protocols import ROUTINE_MR, CtProtocol
from trabecula.phantom.study import CtStudySpec, MrStudySpec, PhantomStudy
from trabecula.reporting.config import ReportingConfig
from trabecula.reporting.documents import DicomReporter
from trabecula.settings import Settings

IMAGES = Path(__file__).parent / "images"
PERSON = sample_patient(2026, 4, age_years=71, density_l1=88.0)
FIRM = sample_patient(2026, 9, age_years=58, density_l1=141.0)
AXIAL = CtProtocol(pixel_mm=0.7, matrix=(300, 300), thickness_mm=2.0, increment_mm=1.5)
WHEN = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


def studies() -> Iterable[tuple[str, PhantomStudy, bool]]:
    """Give name, study, and whether an earlier report is replaced."""
    yield "ct", make_ct_study(CtStudySpec(PERSON, AXIAL)), False
    yield "fracture", make_ct_study(CtStudySpec(FIRM, AXIAL, frozenset({Defect.WEDGE, Defect.PORTAL}))), True
    yield "mr", make_mr_study(MrStudySpec(PERSON, replace(ROUTINE_MR, localizer=True))), False
    yield "not-evaluable", make_ct_study(CtStudySpec(PERSON, AXIAL, frozenset({Defect.GANTRY_TILT}))), False


def draw(name: str, study: PhantomStudy, out: Path, *, replaces: bool) -> None:
    """Analyse a phantom with the shipped segmenter and write its page."""
    with tempfile.TemporaryDirectory() as folder:
        write_study(study, Path(folder))
        files = scan_folder(Path(folder))
        analysis = analyser_of(Settings(), files).analyse(study.study_uid, 2 if replaces else 1, files)
        context = ReportContext(
            analysed_at=WHEN,
            installation_uid="2.25.1",
            study_files=files,
            predecessors=(("1.2.840.10008.5.1.4.1.1.88.34", "2.25.2", "2.25.3"),) if replaces else (),
        )
        reporter = DicomReporter(ReportingConfig(name_on_picture=False, with_segmentation=False))
        objects = reporter.report(analysis, context)
    page = next(item for item in objects if item.kind is ObjectKind.PICTURE)
    write_png(page.content, out / f"picture-{name}.png")


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES
    target.mkdir(parents=True, exist_ok=True)
    wanted = set(sys.argv[2:])
    for title, made, earlier in studies():
        if not wanted or title in wanted:
            draw(title, made, target, replaces=earlier)
