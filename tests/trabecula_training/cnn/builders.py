"""Made-up patients with pictures: bone density makes the middle of the body darker and its grain coarser."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.scoring.crops.definition import load_crop_definition
from trabecula.scoring.crops.vertebra import Crop
from trabecula_training.cnn.crop_bank import CropBank, CropGroup
from trabecula_training.cohort.labels import ReferenceKind
from trabecula_training.cohort.table import Cohort, Patient

ROLES = (SeriesRole.T1W, SeriesRole.T2W)


def made_pictures(n_patients: int = 60, strength: float = 0.25, seed: int = 3) -> tuple[Cohort, CropBank]:
    """Return a cohort with QCT densities and its crops of both series; ``strength`` 0 cuts the link to density."""
    generator = np.random.default_rng(seed)
    density = generator.normal(90, 30, n_patients).clip(20, 250)
    patients = tuple(
        Patient(
            patient=f"p{number:03d}",
            study=None,
            reference=ReferenceKind.QCT,
            age_years=float(np.clip(generator.normal(68, 8), 40, 95).round(1)),
            sex="F" if number % 3 else "M",
            qct_bmd_mg_cm3=float(density[number].round(2)),
            weight_kg=float(np.clip(generator.normal(65, 10), 40, 110).round(1)),
            site="site-1",
            scanner="A" if number % 2 else "B",
        )
        for number in range(n_patients)
    )
    groups = tuple(
        _group(patient.patient, role, strength * (90 - density[number]) / 30, generator)
        for number, patient in enumerate(patients)
        for role in ROLES
    )
    return Cohort(patients), CropBank(groups, load_crop_definition("midsagittal_v1"))


def _group(patient: str, role: SeriesRole, shift: float, generator: np.random.Generator) -> CropGroup:
    crops = tuple(_crop(shift, generator) for _ in MEASURED_LEVELS)
    quality = tuple(2.5 + shift + generator.normal(0, 0.5) for _ in MEASURED_LEVELS)
    unknown = (float("nan"),) * len(crops)
    facts = {"field_strength_t": 1.5, "repetition_time_ms": 550.0, "echo_time_ms": 10.0, "manufacturer": "Made"}
    return CropGroup(
        patient=patient,
        role=role,
        levels=MEASURED_LEVELS,
        crops=crops,
        vbq=quality if role is SeriesRole.T1W else unknown,
        facts=facts,
    )


def _crop(shift: float, generator: np.random.Generator) -> Crop:
    rows, columns = 30 + int(generator.integers(4)), 34 + int(generator.integers(4))
    picture = np.full((rows, columns), 0.2)
    picture[3:-3, 3:-3] = 0.5 + shift
    picture += 0.08 * ndimage.gaussian_filter(generator.standard_normal(picture.shape), 1.0)
    return Crop(np.clip(picture, 0, 1).astype(np.float32), (0.9, 0.9))
