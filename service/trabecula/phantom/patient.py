"""Who a phantom is: age, sex, size, the true bone density and marrow fat of each level, and what densitometry said.

The true density of a level drives its attenuation and its fat, each with a spread of its own; the reference values
(QCT, DXA T-score) see the same density through the errors of densitometry. No image is therefore a perfect witness.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.phantom.anatomy_types import Sex
from trabecula.phantom.tables import entry, number


@dataclass(frozen=True)
class BoneTruth:
    """The bone of one level: density in mg/cm3, native attenuation in HU at 120 kVp, fat fraction 0 to 1."""

    density: float
    attenuation_hu: float
    fat_fraction: float


@dataclass(frozen=True)
class PhantomReference:
    """What the hospital measured: QCT in mg/cm3 (mean of L1 and L2) and the DXA T-score of L1-L4."""

    qct: float
    t_score: float

    @property
    def osteoporosis(self) -> bool:
        """True at or below the WHO threshold."""
        return self.t_score <= number("reference", "osteoporosis_t")


@dataclass(frozen=True, kw_only=True)
class PhantomPatient:
    """One phantom person. ``number`` names them, ``seed`` makes them: the same pair is the same person."""

    number: int
    seed: int
    sex: Sex
    age_years: int
    height_cm: float
    weight_kg: float
    bone: Mapping[Level, BoneTruth]
    reference: PhantomReference
    fractured: bool

    @property
    def patient_id(self) -> str:
        """The Patient ID (0010,0020), e.g. ``PHANTOM-0001``."""
        return f"PHANTOM-{self.number:04d}"

    @property
    def mean_density(self) -> float:
        """Mean true density of L1-L4 in mg/cm3."""
        return float(np.mean([self.bone[level].density for level in MEASURED_LEVELS]))


def generator(*key: int) -> np.random.Generator:
    """Return the random generator that belongs to a key; different keys are independent."""
    return np.random.default_rng(np.random.SeedSequence(key))


def expected_density(age_years: float) -> float:
    """Return the mean trabecular density (mg/cm3) at an age, by the attenuation norm and the HU line."""
    attenuation = number("population", "hu_at_27") + number("population", "hu_per_year") * (age_years - 27.0)
    return density_of_hu(attenuation)


def density_of_hu(attenuation_hu: float) -> float:
    """Return the density (mg/cm3) that the phantoms' line gives for a native attenuation at 120 kVp."""
    return attenuation_hu * number("bone", "hu_per_density_slope") + number("bone", "hu_per_density_offset")


def hu_of_density(density: float) -> float:
    """Return the mean native attenuation (HU at 120 kVp) of trabecular bone of a density."""
    return (density - number("bone", "hu_per_density_offset")) / number("bone", "hu_per_density_slope")


def expected_fat(density: float) -> float:
    """Return the marrow fat fraction expected at a density."""
    line = number("bone", "fat_intercept") + number("bone", "fat_slope") * density
    return float(np.clip(line, number("bone", "fat_min"), number("bone", "fat_max")))


def bone_of(rng: np.random.Generator, density_l1: float) -> dict[Level, BoneTruth]:
    """Draw the bone of every level of a person whose L1 has this density."""
    hu_shift = rng.normal(0.0, number("bone", "hu_residual_sd"))
    fat_shift = rng.normal(0.0, number("bone", "fat_residual_sd"))
    bone: dict[Level, BoneTruth] = {}
    for name, offset in entry("population", "level_offset").items():
        density = density_l1 + float(offset["value"]) + rng.normal(0.0, number("population", "level_sd"))
        density = float(np.clip(density, 15.0, number("population", "density_max")))
        expected = expected_fat(density)
        fat = float(np.clip(expected + fat_shift + rng.normal(0.0, 0.015), 0.05, 0.9))
        attenuation = hu_of_density(density) + hu_shift + number("bone", "hu_per_fat_percent") * 100 * (fat - expected)
        bone[Level[name]] = BoneTruth(density, float(attenuation), fat)
    return bone


def sample_patient(
    seed: int,
    number_: int = 1,
    *,
    sex: Sex | None = None,
    age_years: int | None = None,
    density_l1: float | None = None,
    null: bool = False,
) -> PhantomPatient:
    """Draw a person; what is given is kept. With ``null`` the bone in the images is a stranger's of another age, so
    that no image says anything about the reference values."""
    rng = generator(seed, number_, 1)
    sex = sex or (Sex.FEMALE if rng.random() < 0.65 else Sex.MALE)
    age = int(age_years if age_years is not None else np.clip(rng.normal(63.0, 12.0), 20, 94))
    bmi_z = rng.normal()
    drawn = _draw_density(rng, age, bmi_z)
    density = drawn if density_l1 is None else density_l1
    height = rng.normal(number("population", f"height_{sex.value[0]}_mean"), number("population", "height_sd"))
    bmi = np.clip(number("population", "bmi_mean") + number("population", "bmi_sd") * bmi_z, 16.5, 42.0)
    truth = bone_of(rng, density)
    reference = _densitometry(rng, truth)
    if null:
        stranger = generator(seed, number_, 2)
        density = _draw_density(stranger, float(np.clip(stranger.normal(63.0, 12.0), 20, 94)), stranger.normal())
        truth = bone_of(stranger, density)
    return PhantomPatient(
        number=number_,
        seed=seed,
        sex=sex,
        age_years=age,
        height_cm=round(float(height), 1),
        weight_kg=round(float(bmi * (height / 100) ** 2), 1),
        bone=truth,
        reference=reference,
        fractured=bool(rng.random() < fracture_probability(density)),
    )


def expected_t_score(age_years: float) -> float:
    """Return the mean T-score of people of an age: what a Z-score is measured from."""
    return _t_score(expected_density(age_years))


def fracture_probability(density: float) -> float:
    """Return the share of people of this density (mg/cm3) with a fractured lumbar body."""
    at_50 = number("population", "fracture_at_50")
    return float(at_50 / (at_50 + (1 - at_50) * np.exp((density - 50.0) / number("population", "fracture_scale"))))


def _draw_density(rng: np.random.Generator, age: float, bmi_z: float) -> float:
    link = number("population", "bmi_density_correlation")
    z = link * bmi_z + np.sqrt(1 - link**2) * rng.normal()
    spread = number("population", "hu_sd") * number("bone", "hu_per_density_slope")
    density = expected_density(age) + spread * z
    return float(np.clip(density, number("population", "density_min"), number("population", "density_max")))


def _t_score(density: float) -> float:
    return number("reference", "t_at_115") + number("reference", "t_per_density") * (density - 115.0)


def _densitometry(rng: np.random.Generator, bone: Mapping[Level, BoneTruth]) -> PhantomReference:
    qct = (bone[Level.L1].density + bone[Level.L2].density) / 2 + rng.normal(0, number("reference", "qct_error_sd"))
    density = float(np.mean([bone[level].density for level in MEASURED_LEVELS]))
    t_score = _t_score(density) + rng.normal(0.0, number("reference", "t_residual_sd"))
    return PhantomReference(round(max(float(qct), 5.0), 1), round(float(t_score), 2))
