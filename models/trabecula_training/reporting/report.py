"""The report of a run: one self-contained HTML page with verdict, tables, figures, published table and checklists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape
from matplotlib.figure import Figure

from trabecula_training.data import content
from trabecula_training.learning.baselines import PREVALENCE
from trabecula_training.learning.recipe import Recipe, StudyPart
from trabecula_training.reporting.checklist import Status, filled, metrics_score, run_facts
from trabecula_training.reporting.figures import (
    added_figure,
    as_png,
    as_svg,
    calibration_figure,
    decision_figure,
    external_figures,
    roc_figure,
    stability_figure,
    subgroup_figure,
)
from trabecula_training.reporting.published import published_for
from trabecula_training.reporting.verdict import against_baseline, best_model
from trabecula_training.reporting.wording import interval, number, p_value, percent, signed, task_words
from trabecula_training.runs.ordinal import GRADE_NAMES
from trabecula_training.runs.run import TaskRun

REPORT_NAME = "report.html"
FIGURES_FOLDER = "figures"


@dataclass(frozen=True)
class TaskFigures:
    """The figures of one task, as SVG text; empty in paper mode. ``of`` names the classifier of the last two."""

    of: str = ""
    main: tuple[str, ...] = ()
    subgroups: str = ""
    stability: str = ""
    added: str = ""
    external: tuple[str, ...] = ()


def task_figures(run: TaskRun, task: Mapping[str, Any]) -> TaskFigures:
    """Return the figures of a sound run; those of paper mode would only make its optimism look solid."""
    if not run.results:
        return TaskFigures()
    best = best_model(task)
    what = f"{run.input.name}, {task_words(run.task.name)}"
    main = tuple(as_svg(figure, f"{kind}: {what}") for kind, figure in _main_figures(run).items())
    overall = run.evaluations[best].metrics["auc"].estimate
    groups = subgroup_figure(run.subgroups[best], overall, best)
    selects = len(run.dataset.layout.columns) > 1 and run.stability[best]
    features = stability_figure(run.stability[best], best) if selects else None
    made_outside = external_figures(run.predicted_outside) if run.predicted_outside else {}
    return TaskFigures(
        best,
        main,
        as_svg(groups, f"AUC by subgroup: {what}") if groups else "",
        as_svg(features, f"How often each feature was selected: {what}") if features else "",
        _added_figure(run, task, best, what),
        tuple(as_svg(figure, f"{kind}: {what}") for kind, figure in made_outside.items()),
    )


def _added_figure(run: TaskRun, task: Mapping[str, Any], best: str, what: str) -> str:
    """The decision curve of what the best classifier adds to the strongest baseline; empty without one."""
    baseline, _ = against_baseline(task, best)
    suffix = run.dataset.comparators.combined.get(baseline, "")
    if f"{best} {suffix}" not in run.results or not suffix:
        return ""
    return as_svg(added_figure(run.results, best, suffix, baseline), f"What the model adds to {baseline}: {what}")


def _main_figures(run: TaskRun) -> dict[str, Figure]:
    baselines = [name for name in run.dataset.comparators.sets if name in run.results]
    return {
        "roc": roc_figure(run.results, run.families, baselines),
        "calibration": calibration_figure(run.results, run.families),
        "decision": decision_figure(run.results, run.families, baselines),
    }


def _template_text(name: str) -> str:
    return content(name)


def _environment() -> Environment:
    loader = FunctionLoader(_template_text)
    environment = Environment(
        loader=loader,
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent,
        "number": number,
        "signed": signed,
        "p_value": p_value,
        "interval": interval,
        "task_words": task_words,
    }
    return environment


def render_report(recipe: Recipe, document: Mapping[str, Any], runs: tuple[TaskRun, ...]) -> str:
    """Return the page. ``document`` is metrics.json, ``runs`` are what it was made from (for the figures)."""
    lists = filled(run_facts(document), document.get("facts", {}))
    scored = next(item for item in lists if item.name == "METRICS")
    pairs = zip(document["tasks"], runs, document["verdict"]["tasks"], strict=True)
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            recipe=recipe,
            run=document,
            verdict=document["verdict"],
            tasks=[(task, task_figures(run, task), found) for task, run, found in pairs],
            published=published_for(recipe.name),
            ours=ours_beside(document),
            checklists=lists,
            score=metrics_score(scored.items),
            statuses=list(Status),
            grades=GRADE_NAMES,
            prevalence=PREVALENCE,
        )
    )


EvaluationKey = tuple[str, str, str, str]
"""Input, task, model and part of the patients."""


def ours_beside(document: Mapping[str, Any]) -> dict[EvaluationKey, Mapping[str, Any]]:
    """Return our AUC, rates and matrix at the balanced point by (input, task, model, part), beside the published
    ones: internal beside test and validation, external beside external. Sound mode judges nobody it was trained on."""
    found: dict[EvaluationKey, Mapping[str, Any]] = {}
    for task in document["tasks"]:
        place = task["input"], task["task"]
        for part, made in ((StudyPart.INTERNAL, task["evaluations"]), (StudyPart.EXTERNAL, task["external"])):
            for model, evaluation in made.items():
                found[*place, model, part] = {
                    "auc": evaluation["metrics"]["auc"],
                    **evaluation["points"].get("balanced", {}),
                    "confusion": evaluation.get("confusion", {}).get("balanced", ()),
                    "hosmer_lemeshow_p": evaluation["hosmer_lemeshow"]["p_value"],
                    "features": None,
                }
        for model, paper in task["paper"].items():
            for part, result in paper["parts"].items():
                fit = result["hosmer_lemeshow"]
                found[*place, model, part] = {
                    "auc": result["auc"],
                    **result["points"],
                    "confusion": result["confusion"],
                    "hosmer_lemeshow_p": fit["p_value"] if fit else None,
                    "features": paper["n_features"],
                }
    return found


def write_report(page: str, folder: Path) -> Path:
    """Write report.html into ``folder`` and return its path."""
    path = folder / REPORT_NAME
    path.write_text(page, "utf-8")
    return path


def write_figures(runs: tuple[TaskRun, ...], folder: Path) -> None:
    """Write the figures of a sound run as PNG files into ``folder/figures`` (for model cards and papers)."""
    for run in runs:
        if not run.results:
            continue
        target = folder / FIGURES_FOLDER
        target.mkdir(exist_ok=True)
        stem = f"{run.input.name}-{run.task.name}"
        for kind, figure in _main_figures(run).items():
            (target / f"{stem}-{kind}.png").write_bytes(as_png(figure))
