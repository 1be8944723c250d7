"""Figures of an evaluation: ROC, calibration, decision curve and selection stability, as SVG text or PNG files."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trabecula_training.evaluation.subgroups import ExternalPrediction, SubgroupRow
from trabecula_training.learning.nested_cv import NestedResult
from trabecula_training.statistics.calibration import smooth_calibration
from trabecula_training.statistics.decision import DECISION_THRESHOLDS, net_benefit, net_benefit_of_all, rates
from trabecula_training.statistics.roc import auc, roc_curve

COLOURS = ("#0b5fa5", "#c2410c", "#15803d", "#7c3aed", "#b45309", "#0e7490", "#be185d", "#4d7c0f")
GREY = "#6b7280"
SIZE_INCHES = (5.2, 4.6)
CALIBRATION_GROUPS = 8
MOST_FEATURES = 20


def _axes(title: str, x_label: str, y_label: str, size: tuple[float, float] = SIZE_INCHES) -> tuple[Figure, Axes]:
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def roc_figure(results: Mapping[str, NestedResult], families: Sequence[str], baselines: Sequence[str]) -> Figure:
    """ROC curves of the pooled out-of-fold ranks; baselines are dashed."""
    figure, axes = _axes(
        "ROC, patients held out", "1 − specificity (healthy people flagged)", "sensitivity (patients found)"
    )
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
    for number, name in enumerate([*families, *baselines]):
        result = results[name]
        area = auc(result.labels, result.pooled_ranks)
        axes.plot(
            *roc_curve(result.labels, result.pooled_ranks),
            color=COLOURS[number % len(COLOURS)],
            linestyle="-" if name in families else "--",
            linewidth=1.8 if name in families else 1.2,
            label=f"{name} ({area:.2f})",
        )
        if name in families:
            _mark_points(axes, result, COLOURS[number % len(COLOURS)])
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.005)
    axes.set_aspect("equal")
    axes.legend(
        loc="lower right", fontsize=8, frameon=False, title="pooled AUC; dots: operating points", title_fontsize=8
    )
    return figure


def _mark_points(axes: Axes, result: NestedResult, colour: str) -> None:
    """Where the operating points, frozen on inner folds, came to lie."""
    for decided in result.decisions.values():
        found = rates(result.labels, decided.mean(axis=0))
        axes.plot(1 - found.specificity, found.sensitivity, "o", color=colour, markersize=5, markeredgecolor="white")


def calibration_figure(results: Mapping[str, NestedResult], families: Sequence[str]) -> Figure:
    """Observed against predicted: smooth lines, groups of equal size as dots, and where predictions lie."""
    figure, axes = _axes("Calibration, patients held out", "predicted probability", "observed proportion")
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
    for number, name in enumerate(families):
        labels, predicted = results[name].labels, results[name].pooled_probabilities
        colour = COLOURS[number % len(COLOURS)]
        grid = np.linspace(float(predicted.min()), float(predicted.max()), 80)
        axes.plot(grid, smooth_calibration(labels, predicted, grid), color=colour, linewidth=1.8, label=name)
        parts = np.array_split(np.argsort(predicted, kind="stable"), CALIBRATION_GROUPS)
        means = [float(predicted[part].mean()) for part in parts if len(part)]
        axes.plot(means, [float(labels[part].mean()) for part in parts if len(part)], "o", color=colour, markersize=4)
        axes.plot(
            predicted, np.full(len(predicted), -0.02 - 0.015 * number), "|", color=colour, markersize=4, alpha=0.5
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.04 - 0.015 * len(families), 1.02)
    axes.legend(loc="upper left", fontsize=8, frameon=False)
    return figure


def decision_figure(results: Mapping[str, NestedResult], families: Sequence[str], baselines: Sequence[str]) -> Figure:
    """Net benefit over threshold probabilities, against flagging everybody and nobody."""
    figure, axes = _axes(
        "Decision curve, patients held out", "probability from which one would act", "net benefit per patient"
    )
    labels = results[families[0]].labels
    everybody = net_benefit_of_all(labels)
    axes.plot(DECISION_THRESHOLDS, everybody, color=GREY, linewidth=1, label="flag everybody")
    axes.axhline(0, color="black", linewidth=0.8, label="flag nobody")
    highest = float(everybody.max())
    for number, name in enumerate([*families, *baselines]):
        benefit = net_benefit(labels, results[name].pooled_probabilities)
        highest = max(highest, float(benefit.max()))
        axes.plot(
            DECISION_THRESHOLDS,
            benefit,
            color=COLOURS[number % len(COLOURS)],
            linestyle="-" if name in families else "--",
            linewidth=1.8 if name in families else 1.2,
            label=name,
        )
    axes.set_ylim(-0.15 * highest - 0.02, highest * 1.08)
    axes.legend(fontsize=8, loc="best", framealpha=0.85, edgecolor="none")
    return figure


def external_figures(predicted: Mapping[str, ExternalPrediction]) -> dict[str, Figure]:
    """Calibration and decision curve on the external set, by kind; the model was frozen before."""
    calibration, left = _axes("Calibration, external set", "predicted probability", "observed proportion")
    decision, right = _axes("Decision curve, external set", "probability from which one would act", "net benefit")
    left.plot([0, 1], [0, 1], color=GREY, linewidth=0.8)
    labels = next(iter(predicted.values())).labels
    everybody = net_benefit_of_all(labels)
    right.plot(DECISION_THRESHOLDS, everybody, color=GREY, linewidth=1, label="flag everybody")
    right.axhline(0, color="black", linewidth=0.8, label="flag nobody")
    for number, (name, made) in enumerate(predicted.items()):
        colour = COLOURS[number % len(COLOURS)]
        grid = np.linspace(float(made.probabilities.min()), float(made.probabilities.max()), 80)
        left.plot(grid, smooth_calibration(labels, made.probabilities, grid), color=colour, linewidth=1.8, label=name)
        right.plot(
            DECISION_THRESHOLDS, net_benefit(labels, made.probabilities), color=colour, linewidth=1.8, label=name
        )
    left.set_xlim(0, 1)
    left.set_ylim(-0.02, 1.02)
    right.set_ylim(-0.15 * float(everybody.max()) - 0.02, None)
    for axes in (left, right):
        axes.legend(fontsize=8, loc="best", framealpha=0.85, edgecolor="none")
    return {"external calibration": calibration, "external decision": decision}


def added_figure(results: Mapping[str, NestedResult], family: str, suffix: str, baseline: str) -> Figure:
    """Decision curves of a baseline alone and together with the model."""
    figure, axes = _axes(
        f"What {family} adds to {baseline}", "probability from which one would act", "net benefit per patient"
    )
    labels = results[family].labels
    everybody = net_benefit_of_all(labels)
    axes.plot(DECISION_THRESHOLDS, everybody, color=GREY, linewidth=1, label="flag everybody")
    axes.axhline(0, color="black", linewidth=0.8, label="flag nobody")
    for number, name in enumerate((baseline, f"{family} {suffix}")):
        benefit = net_benefit(labels, results[name].pooled_probabilities)
        axes.plot(
            DECISION_THRESHOLDS, benefit, color=COLOURS[number], linestyle="--" if number == 0 else "-", label=name
        )
    axes.set_ylim(-0.15 * float(everybody.max()) - 0.02, None)
    axes.legend(fontsize=8, loc="best", framealpha=0.85, edgecolor="none")
    return figure


def stability_figure(stability: Sequence[tuple[str, float]], family: str) -> Figure:
    """How often each feature was selected over the outer folds, most often first."""
    shown = list(stability[:MOST_FEATURES])[::-1]
    height = 1.2 + 0.24 * max(3, len(shown))
    figure, axes = _axes(f"Selected features, {family}", "share of outer folds", "", size=(7.6, height))
    axes.barh([name for name, _ in shown], [share for _, share in shown], color=COLOURS[0], height=0.7)
    axes.set_xlim(0, 1)
    axes.tick_params(axis="y", labelsize=7)
    return figure


def subgroup_figure(rows: Sequence[SubgroupRow], overall: float, family: str) -> Figure | None:
    """AUC with interval of every subgroup that is large enough, beside the whole; None where none is."""
    shown = [row for row in rows if row.auc is not None][::-1]
    if not shown:
        return None
    figure, axes = _axes(f"Subgroups, {family}", "AUC (DeLong interval)", "", size=(5.2, 1.2 + 0.26 * len(shown)))
    axes.axvline(0.5, color=GREY, linewidth=0.8)
    axes.axvline(overall, color=COLOURS[0], linewidth=0.8, linestyle=":")
    for place, row in enumerate(shown):
        if row.auc is not None:
            axes.plot([row.auc.low, row.auc.high], [place, place], color=COLOURS[0], linewidth=1.6)
            axes.plot(row.auc.estimate, place, "o", color=COLOURS[0], markersize=5)
    axes.set_yticks(range(len(shown)), [f"{row.group} {row.value} (n={row.n_patients})" for row in shown], fontsize=8)
    axes.set_xlim(min(0.35, *(row.auc.low for row in shown if row.auc is not None)), 1.01)
    return figure


def as_svg(figure: Figure, description: str) -> str:
    """Return the figure as an ``<svg>`` element to stand inside a page; the same figure gives the same text.

    Text stays text in the page's own font, and places keep two decimals of a point. ``description`` is read out to
    those who cannot see it. Ids that nothing refers to are left out, since several figures share one page.
    """
    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": "trabecula", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"(\d\.\d\d)\d+", r"\1", text)
    used = set(re.findall(r"[#](\w[\w.-]*)", text))
    text = re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", text)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" ', 1)


def as_png(figure: Figure) -> bytes:
    """Return the figure as a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
