"""Can a run be believed? The questions a reader must ask first, answered from metrics.json alone, per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trabecula.domain.models.bundle import Interval
from trabecula_training.learning.baselines import PREVALENCE
from trabecula_training.reporting.wording import interval_words, signed

CHANCE = 0.5


class Answer(StrEnum):
    """How a question came out."""

    GOOD = "yes"
    OPEN = "not shown"
    BAD = "no"


class Belief(StrEnum):
    """What a reader may make of a task or a run."""

    SUPPORTED = "supported"
    """Every question is answered well; what remains is a prospective study."""
    WITH_CARE = "with care"
    NO = "no"
    DEMONSTRATION = "demonstration only"
    """Trained on phantoms: it shows that the machinery works."""


@dataclass(frozen=True)
class Finding:
    """One question with its answer and the figures behind it."""

    question: str
    answer: Answer
    sentence: str


@dataclass(frozen=True, kw_only=True)
class TaskVerdict:
    """One input and task, by the classifier with the largest AUC over outer folds.

    ``difference`` is its AUC minus that of ``baseline``, the strongest simple comparator, with the wider of both
    intervals; None where there is none.
    """

    input: str
    task: str
    model: str
    belief: Belief
    auc: Interval
    baseline: str
    difference: Interval | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Verdict:
    """The verdict on a run: one headline, and the tasks."""

    belief: Belief
    headline: str
    tasks: tuple[TaskVerdict, ...]


def verdict(document: Mapping[str, Any]) -> Verdict:
    """Return the verdict on a run from its metrics.json."""
    if document["optimistic"]:
        headline = (
            "No. Paper mode repeats the study's own order of operations, leaks included: every figure is optimistic by "
            "construction and says nothing of new patients."
        )
        return Verdict(Belief.NO, headline, tuple(_paper(task) for task in document["tasks"]))
    tasks = tuple(_sound(task) for task in document["tasks"])
    phantoms, patients = document["cohort"]["phantoms"], document["cohort"]["patients"]
    if phantoms:
        whom = f"{phantoms} of the" if phantoms < patients else "all"
        headline = (
            f"Only as a demonstration: {whom} {patients} patients are digital phantoms. The figures show that the "
            f"machinery works and say nothing of people. {_count_words(tasks)}"
        )
        return Verdict(Belief.DEMONSTRATION, headline, tasks)
    worst = _overall(tasks)
    opening = {
        Belief.SUPPORTED: "As far as one cohort can show: yes.",
        Belief.WITH_CARE: "With care.",
        Belief.NO: "No.",
    }[worst]
    return Verdict(worst, f"{opening} {_count_words(tasks)}", tasks)


def _overall(tasks: Sequence[TaskVerdict]) -> Belief:
    """The belief of the whole: supported only when every task is, no when none is better than that."""
    beliefs = {task.belief for task in tasks}
    if beliefs == {Belief.SUPPORTED}:
        return Belief.SUPPORTED
    return Belief.NO if beliefs == {Belief.NO} else Belief.WITH_CARE


def _count_words(tasks: Sequence[TaskVerdict]) -> str:
    def count(number: int) -> int:
        return sum(task.findings[number].answer is Answer.GOOD for task in tasks)

    total = len(tasks)
    noun = "question" if total == 1 else "questions"
    return (
        f"Of {total} {noun}, {count(0)} told patients apart better than chance, {count(1)} beat the strongest simple "
        f"baseline, {count(2)} had enough patients, and {count(4)} held on another set of patients."
    )


def _paper(task: Mapping[str, Any]) -> TaskVerdict:
    name, best = max(task["paper"].items(), key=lambda item: float(item[1]["auc"]))
    auc = Interval(best["auc"], best["interval"]["low"], best["interval"]["high"], "DeLong")
    told = "The patients it was evaluated on took part in its making."
    finding = Finding("Evaluated on patients it has not seen?", Answer.BAD, told)
    return TaskVerdict(
        input=task["input"],
        task=task["task"],
        model=name,
        belief=Belief.NO,
        auc=auc,
        baseline="",
        difference=None,
        findings=(finding,),
    )


def _sound(task: Mapping[str, Any]) -> TaskVerdict:
    name = best_model(task)
    metrics = task["evaluations"][name]["metrics"]
    auc = _interval(metrics["auc"])
    baseline, difference = against_baseline(task, name)
    findings = (
        _chance(auc),
        _better(baseline, difference),
        _enough(task),
        _calibrated(metrics),
        _elsewhere(task, name),
    )
    return TaskVerdict(
        input=task["input"],
        task=task["task"],
        model=name,
        belief=_belief(findings),
        auc=auc,
        baseline=baseline,
        difference=difference,
        findings=findings,
    )


def _belief(findings: Sequence[Finding]) -> Belief:
    """No where chance is not excluded or a baseline is better; supported where nothing is left open."""
    chance, baseline, *_ = findings
    if chance.answer is not Answer.GOOD or baseline.answer is Answer.BAD:
        return Belief.NO
    return Belief.SUPPORTED if {finding.answer for finding in findings} == {Answer.GOOD} else Belief.WITH_CARE


def best_model(task: Mapping[str, Any]) -> str:
    """Return the classifier with the largest AUC; the first of equals. Choosing after the fact is a little kind."""
    areas = {str(name): float(task["evaluations"][name]["metrics"]["auc"]["estimate"]) for name in task["stability"]}
    return max(areas, key=lambda name: areas[name])


def against_baseline(task: Mapping[str, Any], model: str) -> tuple[str, Interval | None]:
    """Return the strongest simple comparator and the model's AUC minus its AUC, with the wider of two intervals."""
    rows = [row for row in task["comparisons"].get(model, ()) if " + " not in row["baseline"]]
    rows = [row for row in rows if row["baseline"] != PREVALENCE]
    if not rows:
        return "", None

    def strength(row: Mapping[str, Any]) -> float:
        return float(task["evaluations"][row["baseline"]]["metrics"]["auc"]["estimate"])

    row = max(rows, key=strength)
    paired, folds = row["paired"], row["corrected"]
    half = max(paired["high"] - paired["low"], folds["high"] - folds["low"]) / 2
    return row["baseline"], Interval(folds["mean"], folds["mean"] - half, folds["mean"] + half, "wider of two")


def _interval(value: Mapping[str, Any]) -> Interval:
    numbers = [float("nan") if value[key] is None else float(value[key]) for key in ("estimate", "low", "high")]
    return Interval(numbers[0], numbers[1], numbers[2], str(value["method"]))


def _chance(auc: Interval) -> Finding:
    answer = Answer.GOOD if auc.low > CHANCE else Answer.OPEN
    return Finding("Better than chance?", answer, f"AUC {interval_words(auc)} on patients held out.")


def _better(baseline: str, difference: Interval | None) -> Finding:
    question = "Better than the strongest simple baseline?"
    if difference is None:
        return Finding(question, Answer.OPEN, "No baseline could be computed: age, weight or biomarker are missing.")
    low, high = difference.low, difference.high
    answer = Answer.GOOD if low > 0 else Answer.BAD if high < 0 else Answer.OPEN
    figures = f"{signed(difference.estimate)} ({signed(low)} to {signed(high)})"
    return Finding(question, answer, f"Difference in AUC from {baseline}: {figures}.")


def _enough(task: Mapping[str, Any]) -> Finding:
    short, events = task["sample_size"]["shortfalls"], task["sample_size"]["events"]
    told = f"Too small: {'; '.join(short)}." if short else f"{events} events pass the guard."
    return Finding("Enough patients?", Answer.BAD if short else Answer.GOOD, told)


def _calibrated(metrics: Mapping[str, Any]) -> Finding:
    slope, intercept = _interval(metrics["calibration_slope"]), _interval(metrics["calibration_intercept"])
    good = slope.low <= 1 <= slope.high and intercept.low <= 0 <= intercept.high
    told = f"Slope {interval_words(slope)}, ideal 1; intercept {interval_words(intercept)}, ideal 0."
    return Finding("Do probabilities mean what they say?", Answer.GOOD if good else Answer.OPEN, told)


def _elsewhere(task: Mapping[str, Any], model: str) -> Finding:
    question = "Held on patients of another place?"
    if model in task["external"]:
        found = task["external"][model]
        auc = _interval(found["metrics"]["auc"])
        told = f"External set of {found['n_patients']}: AUC {interval_words(auc)}."
        return Finding(question, Answer.GOOD if auc.low > CHANCE else Answer.OPEN, told)
    sites = [_interval(found[model]) for found in task["sites"].values() if model in found]
    if sites:
        worst = min(sites, key=lambda interval: interval.low)
        told = f"Each of {len(sites)} sites left out once: lowest AUC {interval_words(worst)}."
        return Finding(question, Answer.GOOD if worst.low > CHANCE else Answer.OPEN, told)
    return Finding(question, Answer.OPEN, "Not tested: one site, no external set.")
