"""The border of a run to JSON: metrics.json, which the report shows and export reads."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trabecula_training.cohort.confounding import Confounding
from trabecula_training.cohort.table import Cohort
from trabecula_training.errors import ExportRefused
from trabecula_training.features.cohort_summary import acquisition_facts, cohort_facts, reader_facts, stability_facts
from trabecula_training.features.table import CROPS_PREFIX, FeatureTable
from trabecula_training.learning.recipe import Recipe
from trabecula_training.reporting.facts import Answers
from trabecula_training.reporting.plain import to_plain
from trabecula_training.reporting.verdict import verdict
from trabecula_training.runs.elsewhere import FEWEST_EXTERNAL
from trabecula_training.runs.ordinal import ordinal_runs
from trabecula_training.runs.questions import InputComparison, InputResults, input_comparisons
from trabecula_training.runs.run import RunSettings, TaskRun

FORMAT = 2
METRICS_NAME = "metrics.json"
SOFTWARE = ("trabecula", "numpy", "scipy", "scikit-learn", "onnx", "skl2onnx")
IMAGE_SOFTWARE = ("torch", "monai")


@dataclass(frozen=True)
class RunFiles:
    """Where the run's inputs lie, seen from the run's folder, so that export can fit the very same model again; the
    command that made it, and what people state of the study."""

    cohort: Path
    features: Path
    command: str
    facts: Answers = field(default_factory=dict)


def software_versions(of_images: bool = False) -> dict[str, str]:
    """Return the versions of everything that shapes the numbers; networks have their own."""
    names = (*SOFTWARE, *IMAGE_SOFTWARE) if of_images else SOFTWARE
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def run_document(
    recipe: Recipe,
    settings: RunSettings,
    runs: tuple[TaskRun, ...],
    cohort: Cohort,
    table: FeatureTable,
    files: RunFiles,
) -> dict[str, Any]:
    """Return metrics.json: what was run, on what, everything that was measured, and whether it can be believed.

    No patient is named.
    """
    crops = all(name.startswith(CROPS_PREFIX) for name in table.feature_names)
    document = {
        "format": FORMAT,
        "recipe": recipe.name,
        "mode": str(settings.mode),
        "optimistic": settings.mode == "paper",
        "settings": to_plain(settings),
        "command": files.command,
        "facts": dict(files.facts),
        "cohort": {"path": str(files.cohort), "sha256": cohort.sha256(), **cohort_facts(cohort, table)},
        "features": {
            "path": str(files.features),
            "sha256": table.sha256(),
            "settings_sha256": table.settings_sha256,
            "regions": table.regions,
            "kind": "images" if crops else "radiomics",
            "count": 0 if crops else len(table.feature_names),
            "ibsi": dict(table.ibsi),
            "stability": stability_facts(table),
            "readers": reader_facts(table),
            "acquisition": acquisition_facts(table),
        },
        "software": software_versions(crops),
        "tasks": [_task_document(run) for run in runs],
        "inputs": to_plain(_between_inputs(runs)),
        "ordinal": to_plain(ordinal_runs(runs, settings.seed, settings.resamples)),
    }
    return {**document, "verdict": to_plain(verdict(document))}


def _between_inputs(runs: tuple[TaskRun, ...]) -> tuple[InputComparison, ...]:
    made = [InputResults(run.input.name, run.task.name, run.dataset, run.results, run.families) for run in runs]
    return input_comparisons([item for item in made if item.results])


def _task_document(run: TaskRun) -> dict[str, Any]:
    reasons: dict[str, int] = {}
    for _, reason in run.dataset.left_out:
        reasons[reason] = reasons.get(reason, 0) + 1
    return {
        "input": run.input.name,
        "task": run.task.name,
        "deployable": run.task.deployable,
        "patients": len(run.dataset.patients),
        "events": int(run.dataset.data.labels.sum()),
        "left_out": reasons,
        "columns": len(run.dataset.layout.columns),
        "features_dropped": len(run.dataset.dropped),
        "sample_size": to_plain(run.size),
        "evaluations": to_plain(run.evaluations),
        "comparisons": to_plain(run.comparisons),
        "subgroups": to_plain(run.subgroups),
        "external": to_plain(run.external),
        "sites": to_plain(run.sites),
        "site_counts": to_plain(run.site_counts),
        "external_counts": to_plain(run.outside),
        "fewest_external": FEWEST_EXTERNAL,
        "withheld_external": dict(run.withheld_outside),
        "confounding": [_confounding(item) for item in run.confounding],
        "batches_left_out": to_plain(run.batches_left_out),
        "stability": {name: to_plain(rows[:50]) for name, rows in run.stability.items()},
        "candidates": {
            name: _counts([fold.candidate for fold in result.folds])
            for name, result in run.results.items()
            if name in run.families
        },
        "paper": to_plain(run.paper),
        "characteristics": to_plain(run.questions.characteristics),
        "added": to_plain(run.questions.added),
        "selection": to_plain(run.questions.selection),
        "formulas": to_plain(run.formulas),
    }


def _confounding(found: Confounding) -> dict[str, Any]:
    return {**to_plain(found), "strong": found.strong, "sentence": found.sentence}


def _counts(names: list[str]) -> Mapping[str, int]:
    return {name: names.count(name) for name in sorted(set(names))}


def write_document(document: Mapping[str, Any], folder: Path) -> Path:
    """Write metrics.json into ``folder`` and return its path."""
    path = folder / METRICS_NAME
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    return path


def read_document(folder: Path) -> dict[str, Any]:
    """Return metrics.json of a run's folder. Raises ExportRefused when there is none of this format."""
    try:
        document = json.loads((folder / METRICS_NAME).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ExportRefused(f"{folder} holds no readable {METRICS_NAME}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ExportRefused(f"{METRICS_NAME} is not of format {FORMAT}")
    return document
