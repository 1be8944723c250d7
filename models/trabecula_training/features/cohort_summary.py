"""Who took part and how they were imaged, in numbers: what metrics.json says of cohort and features, naming nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from trabecula_training.cohort.labels import BoneCategory, reference_limits
from trabecula_training.cohort.table import Cohort, Part, Patient
from trabecula_training.features.table import FeatureTable

PHANTOM_PREFIX = "PHANTOM-"
"""How the Patient ID of every digital phantom begins (trabecula.phantom.patient)."""
PHANTOM_FACT = "phantom"
"""The fact of a series whose headers say that it is of a phantom (trabecula.imaging.headers.phantoms)."""


def phantoms_among(people: Sequence[Patient], table: FeatureTable | None) -> int:
    """Return how many are digital phantoms: by the mark that extraction takes from the images' headers, or by name."""
    marked = {patient for (patient, _), facts in table.facts.items() if facts.get(PHANTOM_FACT)} if table else set()
    return sum(item.patient in marked or item.patient.startswith(PHANTOM_PREFIX) for item in people)


def cohort_facts(cohort: Cohort, table: FeatureTable | None = None) -> dict[str, Any]:
    """Return numbers and characteristics of a cohort, by part; ``table`` knows which images are of phantoms."""
    people = cohort.patients
    return {
        "patients": len(people),
        "phantoms": phantoms_among(people, table),
        "references": cohort.references,
        "limits": _limits(people),
        "parts": {str(part): part_facts(cohort.part(part).patients) for part in Part if cohort.part(part).patients},
        "sites": counted(patient.site for patient in people),
        "scanners": counted(patient.scanner for patient in people),
    }


def part_facts(people: Sequence[Patient]) -> dict[str, Any]:
    """Return the characteristics of some patients: numbers by category, age, sex, height, weight and reference."""
    categories = [patient.category for patient in people]
    return {
        "patients": len(people),
        "categories": {
            str(category): categories.count(category) for category in BoneCategory if category in categories
        },
        "women": sum(patient.sex == "F" for patient in people),
        "age_years": spread([patient.age_years for patient in people]),
        "height_cm": spread([patient.height_cm for patient in people]),
        "weight_kg": spread([patient.weight_kg for patient in people]),
        "qct_bmd_mg_cm3": spread([patient.qct_bmd_mg_cm3 for patient in people]),
        "t_score": spread([patient.t_score for patient in people]),
    }


def spread(values: Iterable[float | None]) -> dict[str, float | int] | None:
    """Return number, mean, SD, least and largest of what is known, or None where nothing is."""
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if not len(known):
        return None
    return {
        "n": len(known),
        "mean": round(float(known.mean()), 2),
        "sd": round(float(known.std(ddof=1)), 2) if len(known) > 1 else 0.0,
        "low": round(float(known.min()), 2),
        "high": round(float(known.max()), 2),
    }


def counted(words: Iterable[str]) -> dict[str, int]:
    """Return how often each word that is not empty stands, most often first."""
    found: dict[str, int] = {}
    for word in words:
        if word:
            found[word] = found.get(word, 0) + 1
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def _limits(people: Sequence[Patient]) -> list[str]:
    """The limits that made the categories, for the references that occur."""
    kinds = {str(patient.reference) for patient in people}
    limits = {name: entry["value"] for name, entry in reference_limits().items()}
    sentences = {
        "QCT": f"QCT: osteoporosis below {limits['qct_osteoporosis_below_mg_cm3']} mg/cm³, "
        f"normal above {limits['qct_normal_above_mg_cm3']} mg/cm³",
        "DXA": f"DXA: osteoporosis at T ≤ {limits['t_score_osteoporosis_at_most']}, low below "
        f"{limits['t_score_low_below']}; younger people (men under {limits['t_score_from_age_years']}, women before "
        f"menopause) by Z-score, below the expected range at ≤ {limits['z_score_below_expected_at_most']}",
    }
    return [sentence for kind, sentence in sentences.items() if kind in kinds]


def acquisition_facts(table: FeatureTable) -> dict[str, dict[str, Any]]:
    """Return per series role how the images were acquired: numbers as a spread, words as counts."""
    by_role: dict[str, dict[str, list[str | float]]] = {}
    for (_, role), facts in table.facts.items():
        for name, value in facts.items():
            by_role.setdefault(str(role), {}).setdefault(name, []).append(value)
    return {
        role: {name: _told(values) for name, values in sorted(named.items())} for role, named in sorted(by_role.items())
    }


def _told(values: Sequence[str | float]) -> Any:
    numbers = [value for value in values if not isinstance(value, str)]
    return spread(numbers) if len(numbers) == len(values) else counted(str(value) for value in values)


def reader_facts(table: FeatureTable) -> dict[str, Mapping[str, float | int]]:
    """Return per series role how far two readers agree: bodies, features, how many have an ICC (the estimate) above the
    limit, how many a lower bound at or above it, and the median ICC."""
    limit = float(reference_limits()["icc_lower_bound_at_least"]["value"])
    named = [number for number, name in enumerate(table.names) if name in set(table.feature_names)]
    return {
        str(role): {
            "bodies": found.bodies,
            "features": len(named),
            "estimate_above": int((found.estimate[named] > limit).sum()),
            "lower_bound_at_least": int((found.low[named] >= limit).sum()),
            "median": round(float(np.median(found.estimate[named])), 3),
            "limit": limit,
        }
        for role, found in table.readers.items()
    }


def stability_facts(table: FeatureTable) -> dict[str, Mapping[str, float | int]]:
    """Return per series role how many features were tested under perturbed outlines and how many bore it."""
    limit = float(reference_limits()["icc_lower_bound_at_least"]["value"])
    named = [number for number, name in enumerate(table.names) if name in set(table.feature_names)]
    return {
        str(role): {"features": len(named), "stable": int((bounds[named] >= limit).sum()), "limit": limit}
        for role, bounds in table.stability.items()
    }
