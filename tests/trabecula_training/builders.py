"""Made-up cohorts with known truth: bone density drives a few features, the rest are noise."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula_training.cohort.labels import ReferenceKind
from trabecula_training.cohort.table import Cohort, Part, Patient
from trabecula_training.features.table import FeatureTable

FACTS = {"kvp": 120.0, "kernel": "B30f", "kernel_class": "SOFT", "contrast_phase": "NATIVE"}
HEADING = ("patient", "qct_bmd_mg_cm3", "age_years", "sex", "weight_kg", "site", "scanner", "part")


def made_cohort(
    n_patients: int = 80,
    n_features: int = 30,
    informative: int = 3,
    roles: tuple[SeriesRole, ...] = (SeriesRole.CT,),
    seed: int = 3,
    external: int = 0,
    noise: float = 1.0,
) -> tuple[Cohort, FeatureTable]:
    """Return a cohort with QCT densities and its feature table; the first ``informative`` features follow density."""
    generator = np.random.default_rng(seed)
    density = generator.normal(105, 35, n_patients).clip(20, 250)
    patients = tuple(
        Patient(
            patient=f"p{number:03d}",
            study=None,
            reference=ReferenceKind.QCT,
            age_years=float(np.clip(85 - 0.2 * density[number] + generator.normal(0, 8), 20, 100).round(1)),
            sex="F" if number % 3 else "M",
            qct_bmd_mg_cm3=float(density[number].round(2)),
            weight_kg=float(np.clip(generator.normal(65, 10), 40, 110).round(1)),
            site=f"site-{1 + number % 2}",
            scanner="A" if number % 2 else "B",
            part=Part.EXTERNAL if number >= n_patients - external else Part.DEVELOPMENT,
        )
        for number in range(n_patients)
    )
    names: list[str] = []
    levels: list[Level] = []
    row_roles: list[SeriesRole] = []
    rows: list[np.ndarray] = []
    scaled = (density - 105) / 35
    for number, patient in enumerate(patients):
        for role in roles:
            own = generator.normal(0, noise, informative)
            for level in MEASURED_LEVELS:
                row = generator.normal(0, 1, n_features + 1)
                row[:informative] = scaled[number] + own + generator.normal(0, 0.3, informative)
                row[-1] = 120 + 40 * scaled[number] + generator.normal(0, 25)
                rows.append(row * 10 + 1000)
                names.append(patient.patient)
                levels.append(level)
                row_roles.append(role)
    columns = (*(f"original_feature_{number}" for number in range(n_features)), "measure_hu")
    table = FeatureTable(
        names=columns,
        patients=tuple(names),
        levels=tuple(levels),
        roles=tuple(row_roles),
        values=np.array(rows),
        settings_sha256="ab" * 32,
        regions="body_v1",
        facts={(patient.patient, role): FACTS for patient in patients for role in roles},
        ibsi={"software": "made up"},
    )
    return Cohort(patients), table


def write_cohort_csv(cohort: Cohort, path: Path) -> Path:
    """Write a made cohort as cohort.csv."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADING)
        for patient in cohort.patients:
            writer.writerow(["" if getattr(patient, name) is None else getattr(patient, name) for name in HEADING])
    return path
