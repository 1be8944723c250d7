"""Ready-made phantoms: the ones that the demo, the canary and `doctor` send through the service."""

from __future__ import annotations

from trabecula.phantom.anatomy_types import Sex
from trabecula.phantom.patient import Patient, sample_patient
from trabecula.phantom.protocols import SMALL_CT, SMALL_MR
from trabecula.phantom.study import CtStudySpec, MrStudySpec

_DEMO_SEED = 2026


def demo_patient() -> Patient:
    """Return a woman of 71 with sparse bone (about 70 mg/cm3, an attenuation near 75 HU)."""
    return sample_patient(_DEMO_SEED, 1, sex=Sex.FEMALE, age_years=71, density_l1=72.0)


def demo_ct(case: str = "") -> CtStudySpec:
    """Return the small CT of the demo; another ``case`` gives the same images under other UIDs."""
    return CtStudySpec(demo_patient(), SMALL_CT, case=case)


def demo_mr(case: str = "") -> MrStudySpec:
    """Return the small MR (T1w and T2w) of the demo."""
    return MrStudySpec(demo_patient(), SMALL_MR, case=case)
