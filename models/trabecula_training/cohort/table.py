"""A cohort: patients with their study folder, reference measurement and clinical facts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from trabecula.domain.spine import Level
from trabecula_training.cohort.labels import (
    BoneCategory,
    ReferenceKind,
    category_by_qct,
    category_by_t_score,
    category_by_z_score,
    t_score_counts,
)


class Part(StrEnum):
    """What a patient is for."""

    DEVELOPMENT = "development"
    EXTERNAL = "external"
    """Never seen in training: the frozen model is judged on it once."""


@dataclass(frozen=True, kw_only=True)
class Patient:
    """One line of the cohort. ``study`` is the folder of the DICOM study (None when features come ready made).

    QCT: ``qct_bmd_mg_cm3``. DXA: ``t_score`` or, for those for whom T-scores do not count, ``z_score``. ``stated`` is
    the category in words, which counts where no value is at hand. ``masks`` are outlines of one's own, by a first and
    a second reader; ``level_t_scores`` T-scores of single vertebrae.
    """

    patient: str
    study: Path | None
    reference: ReferenceKind
    age_years: float
    sex: str
    qct_bmd_mg_cm3: float | None = None
    t_score: float | None = None
    z_score: float | None = None
    postmenopausal: bool | None = None
    height_cm: float | None = None
    weight_kg: float | None = None
    site: str = ""
    scanner: str = ""
    part: Part = Part.DEVELOPMENT
    stated: BoneCategory | None = None
    study_date: date | None = None
    reference_date: date | None = None
    level_t_scores: tuple[tuple[Level, float], ...] = ()
    masks: tuple[Path, ...] = ()
    masks_reader_2: tuple[Path, ...] = ()

    @property
    def interval_days(self) -> int | None:
        """Days from the images to the reference, negative where the reference came first; None where not known."""
        if self.study_date is None or self.reference_date is None:
            return None
        return (self.reference_date - self.study_date).days

    @property
    def category(self) -> BoneCategory | None:
        """The bone category by the reference that counts for this patient, else as stated, or None."""
        if self.reference is ReferenceKind.QCT:
            return self.stated if self.qct_bmd_mg_cm3 is None else category_by_qct(self.qct_bmd_mg_cm3)
        if t_score_counts(self.sex, self.age_years, self.postmenopausal):
            return self.stated if self.t_score is None else category_by_t_score(self.t_score)
        return self.stated if self.z_score is None else category_by_z_score(self.z_score)


@dataclass(frozen=True)
class Cohort:
    """Patients in the order of the file."""

    patients: tuple[Patient, ...]

    def part(self, part: Part) -> Cohort:
        """Return the patients of one part."""
        return Cohort(tuple(patient for patient in self.patients if patient.part is part))

    @property
    def references(self) -> str:
        """How bone density was measured, e.g. ``QCT`` or ``DXA, QCT``."""
        return ", ".join(sorted({str(patient.reference) for patient in self.patients}))

    def sha256(self) -> str:
        """Digest of every patient's facts; study folder and masks count by their names only."""
        lines = [
            "|".join(_digested(value) for value in vars(patient).values() if value != ()) for patient in self.patients
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _digested(value: object) -> str:
    """A fact for the digest: of paths the name only, so that a cohort may move."""
    if isinstance(value, tuple):
        return ";".join(map(_digested, value))
    return str(value.name if isinstance(value, Path) else value)
