"""From a person to a spine: the anatomy that a patient of this age, sex, size and bone has."""

from __future__ import annotations

from trabecula.domain.spine import LUMBAR_LEVELS, Level
from trabecula.phantom.anatomy import Fracture, FractureKind, Sex, Spine, SpineOptions, sample_spine
from trabecula.phantom.defects import Defect, spine_options
from trabecula.phantom.patient import PhantomPatient, generator
from trabecula.phantom.tables import number

_FRACTURE_LEVELS = (Level.T12, Level.L1, Level.L1, Level.L2, Level.L3, Level.L4)


def spine_of(patient: PhantomPatient, defects: frozenset[Defect] = frozenset()) -> Spine:
    """Return the spine of a patient: always the same for the same person, whatever the scanner.

    Fractures are the person's own (more of them the lower the density); implants and miscounted spines come only by
    defect, so that a cohort holds what its studies included.
    """
    rng = generator(patient.seed, patient.number, 3)
    sex = patient.sex
    usual = number("population", "height_f_mean" if sex is Sex.FEMALE else "height_m_mean")
    options = SpineOptions(
        lumbar_count=len(LUMBAR_LEVELS),
        fractures=_fractures(patient),
        screws=(),
        cement=(),
        scale=1.0 + 0.8 * (patient.height_cm / usual - 1.0),
    )
    return sample_spine(rng, sex=sex, age_years=float(patient.age_years), options=spine_options(defects, options))


def _fractures(patient: PhantomPatient) -> tuple[Fracture, ...]:
    if not patient.fractured:
        return ()
    rng = generator(patient.seed, patient.number, 4)
    level = _FRACTURE_LEVELS[int(rng.integers(len(_FRACTURE_LEVELS)))]
    kind = list(FractureKind)[int(rng.choice(3, p=[0.5, 0.35, 0.15]))]
    return (Fracture(level, kind, float(rng.uniform(0.2, 0.5))),)
