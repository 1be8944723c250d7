"""The report of a run: one self-contained HTML page with tables, figures, the published table and the checklists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, select_autoescape

from trabecula_training.baselines import PREVALENCE
from trabecula_training.checklist import checklist_source, filled, run_facts
from trabecula_training.figures import as_png, as_svg, calibration_figure, decision_figure, roc_figure, stability_figure
from trabecula_training.published import published_for
from trabecula_training.recipe import Recipe
from trabecula_training.run import TaskRun

REPORT_NAME = "report.html"
FIGURES_FOLDER = "figures"


@dataclass(frozen=True)
class Figures:
    """The figures of one task, as SVG text; empty in paper mode."""

    roc: str = ""
    calibration: str = ""
    decision: str = ""
    stability: tuple[str, ...] = ()


def task_figures(run: TaskRun) -> Figures:
    """Return the figures of a sound run; those of paper mode would only make its optimism look solid."""
    if not run.results:
        return Figures()
    baselines = [name for name in run.dataset.comparators.sets if name in run.results]
    return Figures(
        as_svg(roc_figure(run.results, run.families, baselines)),
        as_svg(calibration_figure(run.results, run.families)),
        as_svg(decision_figure(run.results, run.families, baselines)),
        tuple(as_svg(stability_figure(run.stability[name], name)) for name in run.families[:1]),
    )


def percent(value: float | None) -> str:
    """Return a share as a percentage, or a dash."""
    return "–" if value is None else f"{100 * value:.0f} %"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with ``digits`` decimals and a true minus, or a dash."""
    return "–" if value is None else f"{value:.{digits}f}".replace("-", "−")


def interval(value: Mapping[str, Any] | None, digits: int = 3) -> str:
    """Return ``estimate (low to high)``, or a dash."""
    if value is None or value["estimate"] is None:
        return "–"
    if value["low"] is None:
        return number(value["estimate"], digits)
    return f"{number(value['estimate'], digits)} ({number(value['low'], digits)} to {number(value['high'], digits)})"


def render_report(recipe: Recipe, document: Mapping[str, Any], runs: tuple[TaskRun, ...]) -> str:
    """Return the page. ``document`` is metrics.json, ``runs`` are what it was made from (for the figures)."""
    environment = Environment(autoescape=select_autoescape(default=True), undefined=StrictUndefined)
    environment.filters |= {"percent": percent, "number": number, "interval": interval}
    template = environment.from_string(
        (resources.files("trabecula_training.data") / "report.html.jinja").read_text("utf-8")
    )
    items = filled(run_facts(document))
    names = sorted({item.checklist for item in items})
    return template.render(
        recipe=recipe,
        run=document,
        tasks=list(zip(document["tasks"], (task_figures(run) for run in runs), strict=True)),
        published=published_for(recipe.name),
        ours=_ours(document),
        checklists={name: [item for item in items if item.checklist == name] for name in names},
        sources={name: checklist_source(name) for name in names},
        prevalence=PREVALENCE,
    )


def _ours(document: Mapping[str, Any]) -> dict[tuple[str, str, str], Mapping[str, Any]]:
    """Our AUC and balanced rates by (input, task, model), to stand beside the published ones."""
    found: dict[tuple[str, str, str], Mapping[str, Any]] = {}
    for task in document["tasks"]:
        for model, evaluation in task["evaluations"].items():
            rates = evaluation["points"].get("balanced", {})
            found[task["input"], task["task"], model] = {"auc": evaluation["metrics"]["auc"], **rates}
        for model, paper in task["paper"].items():
            auc = {**paper["interval"], "estimate": paper["auc"]}
            found[task["input"], task["task"], model] = {"auc": auc, **paper["points"]}
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
        baselines = [name for name in run.dataset.comparators.sets if name in run.results]
        stem = f"{run.input.name}-{run.task.name}"
        for kind, figure in (
            ("roc", roc_figure(run.results, run.families, baselines)),
            ("calibration", calibration_figure(run.results, run.families)),
            ("decision", decision_figure(run.results, run.families, baselines)),
        ):
            (target / f"{stem}-{kind}.png").write_bytes(as_png(figure))
