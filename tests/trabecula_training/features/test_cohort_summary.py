"""Who took part and how they were imaged, in numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.trabecula_training.builders import made_cohort
from trabecula_training.features.cohort_summary import acquisition_facts, cohort_facts, spread, stability_facts
from trabecula_training.reporting.wording import number, p_value, percent, signed


def test_the_parts_are_described_apart() -> None:
    cohort, _ = made_cohort(40, external=10)

    facts = cohort_facts(cohort)

    assert (facts["patients"], facts["phantoms"], facts["references"]) == (40, 0, "QCT")
    assert [part["patients"] for part in facts["parts"].values()] == [30, 10]
    development = facts["parts"]["development"]
    assert sum(development["categories"].values()) == 30
    assert development["t_score"] is None
    assert development["age_years"]["low"] <= development["age_years"]["mean"] <= development["age_years"]["high"]
    assert facts["sites"] == {"site-1": 20, "site-2": 20}
    assert facts["limits"] == ["QCT: osteoporosis below 80 mg/cm³, normal above 120 mg/cm³"]


def test_nobody_is_named() -> None:
    cohort, table = made_cohort(5)

    assert "p00" not in str(cohort_facts(cohort)) + str(acquisition_facts(table))


def test_acquisition_is_a_range_for_numbers_and_counts_for_words() -> None:
    _, table = made_cohort(4)
    role = table.roles[0]
    kvps = dict(zip(sorted(set(table.patients)), (100.0, 120.0, 120.0, 140.0), strict=True))
    table = replace(table, facts={(name, role): {"kvp": kvp, "kernel": "B30f"} for name, kvp in kvps.items()})

    facts = acquisition_facts(table)["CT"]

    assert facts["kernel"] == {"B30f": 4}
    assert (facts["kvp"]["low"], facts["kvp"]["mean"], facts["kvp"]["high"]) == (100.0, 120.0, 140.0)


def test_stability_counts_features_and_not_biomarkers() -> None:
    _, table = made_cohort(4, n_features=5)
    bounds = np.array([0.9, 0.74, 0.75, 0.1, 1.0, 1.0])

    facts = stability_facts(replace(table, stability={table.roles[0]: bounds}))

    assert facts == {"CT": {"features": 5, "stable": 3, "limit": 0.75}}


def test_a_spread_of_nothing_is_nothing() -> None:
    assert spread([None, None]) is None
    assert spread([3.0, None]) == {"n": 1, "mean": 3.0, "sd": 0.0, "low": 3.0, "high": 3.0}


def test_numbers_are_printed_with_true_minus_and_dashes() -> None:
    assert (number(-0.5, 2), number(None), number(float("nan")), number(-0.0004, 3)) == ("−0.50", "–", "–", "0.000")
    assert (signed(0.25, 2), signed(-0.25, 2), signed(0.0, 2), signed(None)) == ("+0.25", "−0.25", "0.00", "–")
    assert (percent(0.256), percent(None)) == ("26 %", "–")
    assert (p_value(0.0001), p_value(0.04), p_value(None)) == ("< 0.001", "0.040", "–")
