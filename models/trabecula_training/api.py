"""Training from a notebook: five calls that do what the commands of ``trabecula-train`` do (docs/notebook.md).

``check`` a cohort, ``extract`` its features, ``run`` a recipe, ``open_run`` a run of before, ``export`` a model. Paths
may be texts. Everything raises TrabeculaError with a code, a sentence and a next step; nothing prints but progress.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trabecula.scoring.radiomics.feature_set import SET_NAMES
from trabecula_training.commands.check import problems_of
from trabecula_training.commands.export import export_run
from trabecula_training.commands.radiomics_run import believed, shown_extraction
from trabecula_training.commands.run import RunPlace, run_chosen
from trabecula_training.export.bundle import ExportRequest
from trabecula_training.export.manifest import BundleText
from trabecula_training.features.of_cohort import Extraction
from trabecula_training.problems import Problem
from trabecula_training.reporting.metrics_json import read_document
from trabecula_training.reporting.report import REPORT_NAME
from trabecula_training.runs.run import Mode, RunSettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BundleText",
    "Mode",
    "Problem",
    "RunSettings",
    "TrainedRun",
    "check",
    "export",
    "extract",
    "open_run",
    "run",
]


@dataclass(frozen=True)
class TrainedRun:
    """A finished run: its folder, and everything of metrics.json in ``document``."""

    folder: Path
    document: Mapping[str, Any]

    @property
    def report(self) -> Path:
        """The report for people, one HTML file."""
        return self.folder / REPORT_NAME

    @property
    def verdict(self) -> Mapping[str, Any]:
        """Whether it can be believed, question by question, as the report's first screen shows it."""
        verdict: Mapping[str, Any] = self.document["verdict"]
        return verdict

    def figures(self) -> pd.DataFrame:
        """Return one row for each input, task, model, part and measure, with estimate and interval.

        The part is ``held out`` in sound mode, in paper mode the study's own parts, whose figures are optimistic by
        construction (column ``optimistic``).
        """
        import pandas as pd

        return pd.DataFrame(_row(self.document, task, *told) for task in self.document["tasks"] for told in _told(task))


def _told(task: Mapping[str, Any]) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
    """Yield model, part, measure and value of everything that was judged in a task."""
    for model, found in task["evaluations"].items():
        for measure, value in found["metrics"].items():
            if isinstance(value, Mapping):
                yield model, "held out", measure, value
    for model, found in task["paper"].items():
        for part, values in found["parts"].items():
            yield model, part, "auc", values["auc"]
            for measure, value in values["points"].items():
                yield model, part, measure, value


def _row(
    document: Mapping[str, Any], task: Mapping[str, Any], model: str, part: str, measure: str, value: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "input": task["input"],
        "task": task["task"],
        "model": model,
        "part": part,
        "measure": measure,
        "estimate": value["estimate"],
        "low": value["low"],
        "high": value["high"],
        "patients": task["patients"],
        "events": task["events"],
        "optimistic": document["optimistic"],
    }


def check(recipe: str, cohort: str | Path, features: str | Path | None = None) -> tuple[Problem, ...]:
    """Return everything that is wrong with a cohort for a recipe; none of it ``blocking``: the recipe can begin.

    Without ``features`` every study folder is looked into. Raises RecipeUnknown, FeatureTableInvalid.
    """
    return problems_of(recipe, Path(cohort), Path(features) if features is not None else None)


def extract(
    cohort: str | Path, out: str | Path, feature_set: str = SET_NAMES[0], processes: int = 1, stability: int = 0
) -> Path:
    """Segment and measure every study as the service would; return the feature table (.npz).

    Studies that were measured before are not measured again. Raises CohortInvalid.
    """
    target = Path(out)
    shown_extraction(believed(Path(cohort)), Extraction(feature_set, processes, stability), target)
    return target


def run(
    recipe: str,
    cohort: str | Path,
    out: str | Path,
    features: str | Path | None = None,
    settings: RunSettings | None = None,
) -> TrainedRun:
    """Train and validate a recipe; return the run, whose files lie in ``out``.

    Without ``features`` they are extracted first. Raises CohortInvalid, RecipeUnknown, FeatureTableInvalid.
    """
    place = RunPlace(
        cohort=Path(cohort),
        out=Path(out),
        made=Path(features) if features is not None else None,
        command="trabecula_training.api.run",
    )
    run_chosen(recipe, settings or RunSettings(), place)
    return open_run(out)


def open_run(folder: str | Path) -> TrainedRun:
    """Return a run from its folder. Raises ExportRefused where there is none."""
    return TrainedRun(Path(folder), read_document(Path(folder)))


def export(
    run: TrainedRun,
    bundles: str | Path,
    text: BundleText,
    *,
    input_: str,
    classifiers: Sequence[tuple[str, str]],
    weights: str | Path | None = None,
    i_know: bool = False,
) -> Path:
    """Fit once more on everybody and write a bundle for the service; return its folder.

    ``classifiers`` are (task, model). ``i_know`` lets pass a cohort that is too small or a verdict of no; the card,
    the activation and every report say so. Raises ExportRefused, ParityFailed.
    """
    request = ExportRequest(
        run=run.folder,
        bundles=Path(bundles),
        input=input_,
        classifiers=tuple(classifiers),
        text=text,
        despite_size=i_know,
        despite_verdict=i_know,
    )
    return export_run(request, Path(weights) if weights is not None else None)
