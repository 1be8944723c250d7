"""What is true of a phantom study: written beside the images, read by tests and by training."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from trabecula.domain.uids import SeriesUid, StudyUid
from trabecula.phantom.anatomy import BodyTruth, Spine, truths
from trabecula.phantom.patient import BoneTruth, PhantomPatient


@dataclass(frozen=True, kw_only=True)
class LevelTruth:
    """One level: its bone, and its body's measures (domain units: mm, mm3, HU, mg/cm3)."""

    level: str
    density_mg_cm3: float
    attenuation_native_hu: float
    fat_fraction: float
    height_anterior_mm: float
    height_middle_mm: float
    height_posterior_mm: float
    depth_mm: float
    width_mm: float
    volume_mm3: float
    centre_mm: tuple[float, float, float]
    metal: bool
    cement: bool


@dataclass(frozen=True, kw_only=True)
class SeriesTruth:
    """One series: what its trabecular bone must read, per level.

    CT: attenuation in HU at its kVp and phase. MR: signal of the marrow over that of cerebrospinal fluid (VBQ per
    level), and ``vbq`` the median over L1-L4 as the physics has it, before coil shading and noise.
    """

    role: str
    series_uid: SeriesUid
    attenuation_hu: Mapping[str, float] = field(default_factory=dict)
    marrow_to_csf: Mapping[str, float] = field(default_factory=dict)
    vbq: float | None = None


@dataclass(frozen=True, kw_only=True)
class StudyTruth:
    """Everything that is true of one study."""

    study_uid: StudyUid
    patient_id: str
    sex: str
    age_years: int
    height_cm: float
    weight_kg: float
    qct_mg_cm3: float
    t_score: float
    mean_density_mg_cm3: float
    lumbar_count: int
    scoliosis_deg: float
    fractures: tuple[tuple[str, str, float], ...]
    defects: tuple[str, ...]
    levels: tuple[LevelTruth, ...]
    series: tuple[SeriesTruth, ...]

    def level(self, name: str) -> LevelTruth:
        """Return the truth of a level by name; raises KeyError."""
        for item in self.levels:
            if item.level == name:
                return item
        raise KeyError(name)

    def to_json(self) -> str:
        """The truth as JSON, two spaces deep, keys in order of definition."""
        return json.dumps(asdict(self), indent=2) + "\n"


def _level(body: BodyTruth, bone: BoneTruth, spine: Spine) -> LevelTruth:
    vertebra = spine.vertebra(body.level)
    return LevelTruth(
        level=body.level.name,
        density_mg_cm3=round(bone.density, 2),
        attenuation_native_hu=round(bone.attenuation_hu, 2),
        fat_fraction=round(bone.fat_fraction, 4),
        height_anterior_mm=round(body.height_anterior_mm, 2),
        height_middle_mm=round(body.height_middle_mm, 2),
        height_posterior_mm=round(body.height_posterior_mm, 2),
        depth_mm=round(body.depth_mm, 2),
        width_mm=round(body.width_mm, 2),
        volume_mm3=round(body.volume_mm3, 1),
        centre_mm=(
            round(float(body.centre_mm[0]), 2),
            round(float(body.centre_mm[1]), 2),
            round(float(body.centre_mm[2]), 2),
        ),
        metal=vertebra.screws,
        cement=vertebra.cement,
    )


def study_truth(
    study_uid: StudyUid,
    patient: PhantomPatient,
    spine: Spine,
    series: tuple[SeriesTruth, ...],
    defects: tuple[str, ...],
) -> StudyTruth:
    """Gather the truth of a study from the person, the spine and what each series must read."""
    bodies = [body for body in truths(spine) if body.level in patient.bone]
    return StudyTruth(
        study_uid=study_uid,
        patient_id=patient.patient_id,
        sex=patient.sex.value,
        age_years=patient.age_years,
        height_cm=patient.height_cm,
        weight_kg=patient.weight_kg,
        qct_mg_cm3=patient.reference.qct,
        t_score=patient.reference.t_score,
        mean_density_mg_cm3=round(patient.mean_density, 2),
        lumbar_count=spine.lumbar_count,
        scoliosis_deg=round(spine.scoliosis_deg, 1),
        fractures=tuple((item.level.name, item.kind.value, round(item.loss, 3)) for item in spine.fractures),
        defects=defects,
        levels=tuple(_level(body, patient.bone[body.level], spine) for body in bodies),
        series=series,
    )
