"""The verdict: what a reader must know first, from the figures alone."""

from __future__ import annotations

from typing import Any

import pytest

from trabecula_training.reporting.verdict import Answer, Belief, Finding, against_baseline, verdict


def interval(estimate: float, half: float = 0.05) -> dict[str, Any]:
    return {"estimate": estimate, "low": estimate - half, "high": estimate + half, "method": "made"}


def evaluation(area: float, slope: float = 1.0, half: float = 0.2) -> dict[str, Any]:
    return {
        "metrics": {
            "auc": interval(area),
            "calibration_slope": interval(slope, half),
            "calibration_intercept": interval(0.0, 0.2),
        }
    }


def counted(patients: int, positive: int) -> dict[str, int]:
    return {"patients": patients, "positive": positive}


def comparison(baseline: str, difference: float, half: float) -> dict[str, Any]:
    folds = {"mean": difference, "low": difference - half, "high": difference + half, "p_value": 0.1}
    paired = {"difference": difference, "low": difference - half / 2, "high": difference + half / 2, "p_value": 0.1}
    return {"baseline": baseline, "paired": paired, "corrected": folds}


def task(area: float = 0.85, difference: float = 0.1, half: float = 0.05, **more: Any) -> dict[str, Any]:
    return {
        "input": "CT",
        "task": "osteoporosis",
        "evaluations": {
            "RF": evaluation(area, more.get("slope", 1.0), more.get("slope_half", 0.2)),
            "KNN": evaluation(area - 0.1),
            "mean HU": evaluation(area - difference),
            "OST": evaluation(0.6),
            "RF + OST": evaluation(0.99),
        },
        "stability": {"KNN": [], "RF": []},
        "comparisons": {
            "RF": [
                comparison("OST", 0.25, 0.01),
                comparison("mean HU", difference, half),
                comparison("RF + OST", -0.2, 0.01),
            ]
        },
        "sample_size": {"events": 60, "shortfalls": more.get("shortfalls", [])},
        "external": more.get("external", {"RF": {"n_patients": 40, "metrics": {"auc": interval(0.84)}}}),
        "sites": more.get("sites", {}),
        "site_counts": more.get("site_counts", {name: counted(30, 12) for name in more.get("sites", {})}),
        "external_counts": more.get("external_counts", counted(0, 0)),
        "fewest_external": 5,
    }


def document(*tasks: dict[str, Any], phantoms: int = 0, optimistic: bool = False) -> dict[str, Any]:
    return {"optimistic": optimistic, "cohort": {"patients": 120, "phantoms": phantoms}, "tasks": list(tasks)}


def answers(made: dict[str, Any]) -> list[Answer]:
    return [finding.answer for finding in verdict(document(made)).tasks[0].findings]


def test_everything_well_answered_is_supported() -> None:
    found = verdict(document(task()))

    assert found.belief is Belief.SUPPORTED
    assert found.headline == (
        "As far as one cohort can show: yes. Of 1 question, 1 told patients apart better than chance, 1 beat the "
        "strongest simple baseline, 1 had enough patients, and 1 held on another set of patients."
    )
    assert found.tasks[0].model == "RF"


def test_the_strongest_simple_baseline_counts_not_the_weakest_nor_a_combination() -> None:
    name, difference = against_baseline(task(), "RF")

    assert name == "mean HU"
    assert difference is not None
    assert (difference.estimate, difference.low, difference.high) == pytest.approx((0.1, 0.05, 0.15))


@pytest.mark.parametrize(
    ("made", "question", "answer", "belief"),
    [
        (task(0.52), 0, Answer.OPEN, Belief.NO),
        (task(difference=0.01), 1, Answer.OPEN, Belief.WITH_CARE),
        (task(difference=-0.1), 1, Answer.BAD, Belief.NO),
        (task(shortfalls=["20 events, fewer than 50"]), 2, Answer.BAD, Belief.WITH_CARE),
        (task(0.3), 0, Answer.BAD, Belief.NO),
        (task(slope=0.5), 3, Answer.BAD, Belief.WITH_CARE),
        (task(slope=0.9, slope_half=0.6), 3, Answer.OPEN, Belief.WITH_CARE),
        (task(slope=-0.38, slope_half=1.9), 3, Answer.OPEN, Belief.WITH_CARE),
        (task(external={}), 4, Answer.OPEN, Belief.WITH_CARE),
        (
            task(external={"RF": {"n_patients": 9, "metrics": {"auc": interval(0.51)}}}),
            4,
            Answer.OPEN,
            Belief.WITH_CARE,
        ),
        (
            task(external={"RF": {"n_patients": 35, "metrics": {"auc": interval(0.235, 0.18)}}}),
            4,
            Answer.BAD,
            Belief.NO,
        ),
        (
            task(external={"RF": {"n_patients": 35, "metrics": {"auc": interval(0.6, 0.05)}}}),
            4,
            Answer.OPEN,
            Belief.WITH_CARE,
        ),
        (
            task(external={}, sites={"a": {"RF": interval(0.85)}, "b": {"RF": interval(0.8, 0.1)}}),
            4,
            Answer.GOOD,
            Belief.SUPPORTED,
        ),
        (
            task(external={}, sites={"a": {"RF": interval(0.85)}, "b": {"RF": interval(0.45, 0.2)}}),
            4,
            Answer.BAD,
            Belief.NO,
        ),
    ],
)
def test_one_weak_answer_is_enough(made: dict[str, Any], question: int, answer: Answer, belief: Belief) -> None:
    found = verdict(document(made))

    assert found.tasks[0].findings[question].answer is answer
    assert found.tasks[0].belief is belief
    assert found.belief is belief
    assert [item for index, item in enumerate(answers(made)) if index != question].count(Answer.GOOD) >= 3


def test_without_any_baseline_nothing_is_shown() -> None:
    made = task()
    made["comparisons"] = {}

    finding = verdict(document(made)).tasks[0].findings[1]

    assert finding.answer is Answer.OPEN
    assert "age, weight or biomarker are missing" in finding.sentence


def test_phantoms_make_a_demonstration_however_good_the_figures() -> None:
    whole, half = (verdict(document(task(), phantoms=count)) for count in (120, 60))

    assert whole.belief is Belief.DEMONSTRATION
    assert whole.headline.startswith("Only as a demonstration: all 120 patients are digital phantoms.")
    assert half.headline.startswith("Only as a demonstration: 60 of the 120 patients are digital phantoms.")


def test_paper_mode_is_a_no() -> None:
    parts = {name: {"parts": {"internal": {"auc": interval(area)}}} for name, area in (("RF", 0.99), ("KNN", 0.9))}
    made = {"input": "CT", "task": "osteoporosis", "paper": parts}

    found = verdict(document(made, optimistic=True))

    assert found.belief is Belief.NO
    assert found.tasks[0].model == "RF"
    assert found.tasks[0].findings == (
        Finding(
            "Evaluated on patients it has not seen?",
            Answer.BAD,
            "The patients it was evaluated on took part in its making.",
        ),
    )


def test_one_bad_question_among_good_ones_is_with_care() -> None:
    assert verdict(document(task(), task(0.52))).belief is Belief.WITH_CARE
    assert verdict(document(task(0.52), task(0.52))).belief is Belief.NO


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({}, "Not tested: sites are not named; no external set."),
        ({"site_counts": {"a": counted(26, 9)}}, "Not tested: one site; no external set."),
        (
            {"site_counts": {"a": counted(9, 3), "b": counted(7, 2)}},
            "Not tested: 2 sites, none with enough patients of each class (a 3 of 9 positive, b 2 of 7 positive); "
            "no external set.",
        ),
        (
            {"external_counts": counted(12, 2)},
            "Not tested: sites are not named; an external set of 12 with 2 positive, fewer than 5 of a class.",
        ),
        (
            {"sites": {"a": {"RF": interval(0.8)}}, "site_counts": {"a": counted(30, 12), "b": counted(6, 1)}},
            "1 of 2 sites left out once: lowest AUC 0.80 (0.75 to 0.85). The others have fewer than 5 patients of a "
            "class.",
        ),
    ],
)
def test_sites_and_external_patients_are_counted_before_they_are_called_missing(
    more: dict[str, Any], words: str
) -> None:
    finding = verdict(document(task(external={}, **more))).tasks[0].findings[4]

    assert finding.sentence == words
