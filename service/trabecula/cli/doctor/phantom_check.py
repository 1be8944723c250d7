"""The check of ``trabecula doctor`` that measures a phantom end to end."""

from __future__ import annotations

import tempfile
from pathlib import Path

from trabecula.bootstrap.analysing import analyser_of
from trabecula.domain import codes
from trabecula.domain.errors import PhantomMissed
from trabecula.domain.results.result import StudyResult
from trabecula.domain.spine import Level
from trabecula.imaging.headers.frames import scan_folder
from trabecula.phantom.ct import make_ct_study
from trabecula.phantom.dicom import write_study
from trabecula.phantom.patient import sample_patient
from trabecula.phantom.study import CtStudySpec
from trabecula.settings import Settings

_PHANTOM_TOLERANCE_HU = 12.0


def measure_phantom(settings: Settings) -> str:
    """Return L1 as measured and as true. Raises PhantomMissed, and what the analyser raises."""
    patient = sample_patient(2026, 1, age_years=70, density_l1=80.0)
    study = make_ct_study(CtStudySpec(patient, case="doctor"))
    with tempfile.TemporaryDirectory(prefix="trabecula-doctor-") as folder:
        write_study(study, Path(folder))
        result = analyser_of(settings).analyse(study.study_uid, 1, scan_folder(Path(folder))).result
    measured = _attenuation(result, Level.L1)
    true = patient.bone[Level.L1].attenuation_hu
    if measured is None:
        raise PhantomMissed(f"L1 was not measured: {', '.join(reason.code.name for reason in result.reasons)}")
    if abs(measured - true) > _PHANTOM_TOLERANCE_HU:
        raise PhantomMissed(f"L1 {measured:.0f} HU instead of {true:.0f} HU")
    return f"L1 {measured:.0f} HU, truth {true:.0f} HU"


def _attenuation(result: StudyResult, level: Level) -> float | None:
    found = result.level(level)
    measurements = found.measurements if found else ()
    return next(
        (item.value for item in measurements if item.concept == codes.ATTENUATION and item.derivation == codes.MEAN),
        None,
    )
