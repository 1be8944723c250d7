"""The five questions a reader asks first of one classifier on one task, answered from its part of metrics.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trabecula.domain.models.bundle import Interval
from trabecula_training.cohort.labels import reference_limits
from trabecula_training.reporting.wording import interval_words, signed

CHANCE = 0.5
CHANCE_QUESTION = "Better than chance?"


class Answer(StrEnum):
    """How a question came out."""

    GOOD = "yes"
    OPEN = "not shown"
    BAD = "no"


@dataclass(frozen=True)
class Finding:
    """One question with its answer and the figures behind it."""

    question: str
    answer: Answer
    sentence: str


def read_interval(value: Mapping[str, Any]) -> Interval:
    """Return an interval of metrics.json; what is not known there is NaN."""
    numbers = [float("nan") if value[key] is None else float(value[key]) for key in ("estimate", "low", "high")]
    return Interval(numbers[0], numbers[1], numbers[2], str(value["method"]))


def better_than_chance(auc: Interval) -> Finding:
    """Yes where the interval lies above 0.5, no where it lies below: the scores are turned round."""
    answer = Answer.GOOD if auc.low > CHANCE else Answer.BAD if auc.high < CHANCE else Answer.OPEN
    turned = " The scores are turned round." if answer is Answer.BAD else ""
    return Finding(CHANCE_QUESTION, answer, f"AUC {interval_words(auc)} on patients held out.{turned}")


def better_than_baseline(baseline: str, difference: Interval | None) -> Finding:
    """Yes where the interval of the difference lies above 0, no where it lies below."""
    question = "Better than the strongest simple baseline?"
    if difference is None:
        return Finding(question, Answer.OPEN, "No baseline could be computed: age, weight or biomarker are missing.")
    low, high = difference.low, difference.high
    answer = Answer.GOOD if low > 0 else Answer.BAD if high < 0 else Answer.OPEN
    figures = f"{signed(difference.estimate)} ({signed(low)} to {signed(high)})"
    return Finding(question, answer, f"Difference in AUC from {baseline}: {figures}.")


def enough_patients(task: Mapping[str, Any]) -> Finding:
    """What the sample-size guard says."""
    short, events = task["sample_size"]["shortfalls"], task["sample_size"]["events"]
    told = f"Too small: {'; '.join(short)}." if short else f"{events} events pass the guard."
    return Finding("Enough patients?", Answer.BAD if short else Answer.GOOD, told)


def calibrated(metrics: Mapping[str, Any]) -> Finding:
    """Yes where the intervals of slope and intercept hold 1 and 0 and are narrow enough to say so; no where one of them
    excludes its ideal; else not shown."""
    question = "Do probabilities mean what they say?"
    slope, intercept = read_interval(metrics["calibration_slope"]), read_interval(metrics["calibration_intercept"])
    told = f"Slope {interval_words(slope)}, ideal 1; intercept {interval_words(intercept)}, ideal 0."
    if any(math.isnan(value) for item in (slope, intercept) for value in (item.low, item.high)):
        return Finding(question, Answer.OPEN, f"{told} An interval could not be computed.")
    if slope.high < 1 or slope.low > 1 or intercept.low > 0 or intercept.high < 0:
        return Finding(question, Answer.BAD, told)
    widest = float(reference_limits()["calibration_interval_width_at_most"]["value"])
    if max(slope.high - slope.low, intercept.high - intercept.low) > widest:
        return Finding(question, Answer.OPEN, f"{told} Intervals wider than {widest:g} show nothing.")
    return Finding(question, Answer.GOOD, told)


def held_elsewhere(task: Mapping[str, Any], model: str, inside: Interval) -> Finding:
    """Whether the model held on an external set, or on every site left out once; no below an AUC of 0.5 there."""
    question = "Held on patients of another place?"
    if model in task["external"]:
        found = task["external"][model]
        auc = read_interval(found["metrics"]["auc"])
        answer, remark = _elsewhere(auc, inside)
        told = f"External set of {found['n_patients']}: AUC {interval_words(auc)}.{remark}"
        return Finding(question, answer, told)
    sites = [read_interval(found[model]) for found in task["sites"].values() if model in found]
    counts = task["site_counts"]
    if not sites and task.get("batches_left_out", ()):
        return Finding(question, Answer.OPEN, f"{_combat_words(task, model)} {_external_words(task).capitalize()}.")
    if not sites:
        return Finding(question, Answer.OPEN, f"Not tested: {_sites_words(counts)}; {_external_words(task)}.")
    worst = min(sites, key=lambda interval: interval.estimate)
    answers = [_elsewhere(item, inside)[0] for item in sites]
    answer = next((kind for kind in (Answer.BAD, Answer.OPEN) if kind in answers), Answer.GOOD)
    told = f"{len(sites)} of {len(counts)} sites left out once: lowest AUC {interval_words(worst)}."
    if len(sites) < len(counts):
        told += f" The others have fewer than {task['fewest_external']} patients of a class."
    return Finding(question, answer, told)


def _elsewhere(there: Interval, inside: Interval) -> tuple[Answer, str]:
    if there.estimate < CHANCE:
        return Answer.BAD, " Below 0.5: there the scores are worse than a coin."
    if not there.low > CHANCE:
        return Answer.OPEN, ""
    if there.high < inside.estimate:
        return Answer.OPEN, f" Above chance, but below the {interval_words(inside)} of the development part."
    return Answer.GOOD, ""


def _sites_words(counts: Mapping[str, Mapping[str, int]]) -> str:
    if not counts:
        return "sites are not named"
    if len(counts) == 1:
        return "one site"
    named = ", ".join(f"{name} {made['positive']} of {made['patients']} positive" for name, made in counts.items())
    return f"{len(counts)} sites, none with enough patients of each class ({named})"


def _combat_words(task: Mapping[str, Any], model: str) -> str:
    """What leaving a scanner out shows where ComBat withholds its scores."""
    told = "Not shown: ComBat withholds the scores of a scanner or site that was not in its fit."
    plain = [
        read_interval(made["without_combat"][model])
        for made in task.get("batches_left_out", ())
        if made["without_combat"]
    ]
    if not plain:
        return told
    worst = min(plain, key=lambda interval: interval.estimate)
    return f"{told} Without ComBat, {len(plain)} left out once: lowest AUC {interval_words(worst)}."


def _external_words(task: Mapping[str, Any]) -> str:
    made = task["external_counts"]
    if not made["patients"]:
        return "no external set"
    return (
        f"an external set of {made['patients']} with {made['positive']} positive, "
        f"fewer than {task['fewest_external']} of a class"
    )
