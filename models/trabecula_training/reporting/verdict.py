"""Can a run be believed? The questions a reader must ask first, answered from metrics.json alone, per task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trabecula.domain.models.bundle import Interval
from trabecula_training.learning.baselines import PREVALENCE
from trabecula_training.learning.recipe import StudyPart
from trabecula_training.reporting.findings import (
    Answer,
    Finding,
    better_than_baseline,
    better_than_chance,
    calibrated,
    enough_patients,
    held_elsewhere,
    read_interval,
)


class Belief(StrEnum):
    """What a reader may make of a task or a run."""

    SUPPORTED = "supported"
    """Every question is answered well; what remains is a prospective study."""
    WITH_CARE = "with care"
    NO = "no"
    DEMONSTRATION = "demonstration only"
    """Trained on phantoms: it shows that the machinery works."""


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
    tasks = tuple(judged(task, best_model(task)) for task in document["tasks"])
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
    def area(item: tuple[str, Mapping[str, Any]]) -> float:
        return float(item[1]["parts"][StudyPart.INTERNAL]["auc"]["estimate"])

    name, best = max(task["paper"].items(), key=area)
    told = "The patients it was evaluated on took part in its making."
    finding = Finding("Evaluated on patients it has not seen?", Answer.BAD, told)
    return TaskVerdict(
        input=task["input"],
        task=task["task"],
        model=name,
        belief=Belief.NO,
        auc=read_interval(best["parts"][StudyPart.INTERNAL]["auc"]),
        baseline="",
        difference=None,
        findings=(finding,),
    )


def judged(task: Mapping[str, Any], name: str) -> TaskVerdict:
    """Return the verdict on one classifier of one task of a sound run."""
    metrics = task["evaluations"][name]["metrics"]
    auc = read_interval(metrics["auc"])
    baseline, difference = against_baseline(task, name)
    findings = (
        better_than_chance(auc),
        better_than_baseline(baseline, difference),
        enough_patients(task),
        calibrated(metrics),
        held_elsewhere(task, name, auc),
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
    """No where chance is not excluded, a baseline is better or the scores failed elsewhere; supported where nothing is
    left open."""
    chance, baseline, _, _, elsewhere = findings
    if chance.answer is not Answer.GOOD or Answer.BAD in (baseline.answer, elsewhere.answer):
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
