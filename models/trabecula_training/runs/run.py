"""One run of a recipe on a cohort: every input, task and classifier, in sound or in paper mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from trabecula.domain.models.bundle import Interval
from trabecula_training.cohort.labels import Task
from trabecula_training.cohort.table import Cohort, Part
from trabecula_training.evaluation.metrics import Comparison, Evaluation, compare, evaluate, rate_intervals
from trabecula_training.evaluation.subgroups import ExternalResult, SubgroupRow, external_result, subgroup_rows
from trabecula_training.features.table import FeatureTable
from trabecula_training.learning.baselines import PREVALENCE
from trabecula_training.learning.dataset import Dataset, make_dataset, usable_layout
from trabecula_training.learning.nested_cv import NestedPlan, NestedResult, nested_cross_validation
from trabecula_training.learning.recipe import InputSet, Recipe
from trabecula_training.learning.sample_size import SampleSize, sample_size
from trabecula_training.learning.splits import Split, one_site_out
from trabecula_training.learning.tuning import FittedModel, TrainingSet, tune_and_fit
from trabecula_training.statistics.bootstrap import DEFAULT_RESAMPLES
from trabecula_training.statistics.decision import choose_threshold
from trabecula_training.statistics.roc import delong_interval

FEWEST_EXTERNAL = 5
"""Patients of each class that an external set or a left-out site must hold to be judged on."""


class Mode(StrEnum):
    """How a recipe is run."""

    SOUND = "sound"
    PAPER = "paper"
    """The study's own order of operations: optimistic by construction, never exported."""


@dataclass(frozen=True, kw_only=True)
class RunSettings:
    """What to run and how. Empty names mean all of the recipe's; ``processes`` are of one thread each."""

    mode: Mode = Mode.SOUND
    inputs: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    families: tuple[str, ...] = ()
    folds: int = 5
    repeats: int = 5
    seed: int = 20260101
    processes: int = 1
    resamples: int = DEFAULT_RESAMPLES


@dataclass(frozen=True)
class PaperResult:
    """A classifier evaluated as its study did: optimistic. The cut-off is chosen on the very scores it is judged on."""

    auc: float
    interval: Interval
    n_features: int
    points: Mapping[str, Interval]


@dataclass(frozen=True, kw_only=True)
class TaskRun:
    """One input and task: who took part and, by mode, what was found per classifier and comparator."""

    input: InputSet
    task: Task
    dataset: Dataset
    size: SampleSize
    results: Mapping[str, NestedResult] = field(default_factory=dict)
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    comparisons: Mapping[str, tuple[Comparison, ...]] = field(default_factory=dict)
    stability: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    subgroups: Mapping[str, tuple[SubgroupRow, ...]] = field(default_factory=dict)
    external: Mapping[str, ExternalResult] = field(default_factory=dict)
    sites: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    paper: Mapping[str, PaperResult] = field(default_factory=dict)

    @property
    def families(self) -> tuple[str, ...]:
        """Names of the recipe's classifiers that were run, the rest of ``results`` being comparators."""
        return tuple(self.stability) or tuple(self.paper)


def _ignore(stage: str) -> None:
    """Take no notice of progress."""


def chosen(recipe: Recipe, settings: RunSettings) -> tuple[tuple[InputSet, Task], ...]:
    """Return the inputs and tasks to run, in the recipe's order. Raises KeyError for a name it does not have."""
    inputs = [recipe.input(name) for name in settings.inputs] or list(recipe.inputs)
    tasks = [recipe.task(name) for name in settings.tasks] or list(recipe.tasks)
    return tuple((item, task) for item in inputs for task in tasks)


def run_recipe(
    recipe: Recipe,
    cohort: Cohort,
    table: FeatureTable,
    settings: RunSettings,
    on_step: Callable[[str], None] = _ignore,
) -> tuple[TaskRun, ...]:
    """Return a TaskRun per input and task. ``on_step`` hears of each outer fold (sound) or classifier (paper)."""
    return tuple(_run_task(recipe, cohort, table, settings, pair, on_step) for pair in chosen(recipe, settings))


def steps_of(recipe: Recipe, settings: RunSettings) -> int:
    """Return how often ``on_step`` will be called."""
    families = len(settings.families or recipe.families)
    each = settings.folds * settings.repeats if settings.mode is Mode.SOUND else families
    return each * len(chosen(recipe, settings))


def _run_task(
    recipe: Recipe,
    cohort: Cohort,
    table: FeatureTable,
    settings: RunSettings,
    pair: tuple[InputSet, Task],
    on_step: Callable[[str], None],
) -> TaskRun:
    item, task = pair
    layout, dropped = usable_layout(table, item.roles, recipe.aggregation)
    dataset = make_dataset(cohort.part(Part.DEVELOPMENT), table, layout, task, dropped)
    size = sample_size(dataset.data.features, dataset.data.labels)
    base = TaskRun(input=item, task=task, dataset=dataset, size=size)
    if settings.mode is Mode.PAPER:
        return _paper(base, recipe, settings, on_step)
    outside = make_dataset(cohort.part(Part.EXTERNAL), table, layout, task)
    return _sound(base, recipe, settings, outside, on_step)


def _paper(base: TaskRun, recipe: Recipe, settings: RunSettings, on_step: Callable[[str], None]) -> TaskRun:
    data = base.dataset.data
    found: dict[str, PaperResult] = {}
    for name in settings.families or [family.name for family in recipe.families]:
        outcome = recipe.paper(data.features, data.labels, recipe.family(name), settings.seed)
        threshold = choose_threshold("balanced", outcome.labels, outcome.scores)
        decided = (outcome.scores >= threshold).astype(np.float64)
        rates = rate_intervals(outcome.labels, decided, settings.seed, settings.resamples)
        interval = delong_interval(outcome.labels, outcome.scores)
        found[name] = PaperResult(outcome.auc, interval, outcome.n_features, rates)
        on_step(f"{base.input.name}, {base.task.name}, {name}")
    return TaskRun(input=base.input, task=base.task, dataset=base.dataset, size=base.size, paper=found)


def _sound(
    base: TaskRun, recipe: Recipe, settings: RunSettings, outside: Dataset, on_step: Callable[[str], None]
) -> TaskRun:
    dataset = base.dataset
    families = [recipe.family(name) for name in settings.families] or list(recipe.families)
    plan = NestedPlan(
        prepare=recipe.prepare,
        families=families,
        comparators=dataset.comparators,
        folds=settings.folds,
        repeats=settings.repeats,
        seed=settings.seed,
        processes=settings.processes,
        inner_folds=recipe.inner_folds,
    )

    def on_fold(split: Split) -> None:
        on_step(f"{base.input.name}, {base.task.name}, repeat {split.repeat + 1}, fold {split.fold + 1}")

    results = nested_cross_validation(dataset.data, plan, on_fold)
    names = [family.name for family in families]
    baselines = [name for name in results if name not in names and name != PREVALENCE]
    return TaskRun(
        input=base.input,
        task=base.task,
        dataset=dataset,
        size=base.size,
        results=results,
        evaluations={
            name: evaluate(result, settings.seed, settings.resamples, name in names) for name, result in results.items()
        },
        comparisons={name: tuple(compare(results[name], results[other]) for other in baselines) for name in names},
        stability={name: selection_stability(results[name], dataset.layout.columns) for name in names},
        subgroups={name: subgroup_rows(results[name], dataset.patients) for name in names},
        external=_external(recipe, dataset, outside, settings),
        sites=_sites(recipe, dataset, settings),
    )


def final_models(recipe: Recipe, data: TrainingSet, settings: RunSettings) -> dict[str, FittedModel]:
    """Return the models refitted on every development patient, settings chosen by inner folds: what is exported."""
    families = [recipe.family(name) for name in settings.families] or list(recipe.families)
    return tune_and_fit(data, recipe.prepare, families, settings.seed, recipe.inner_folds)


def selection_stability(result: NestedResult, columns: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    """Return the columns selected in any outer fold with the share of folds that selected them, most often first."""
    counts: dict[int, int] = {}
    for fold in result.folds:
        for column in fold.columns:
            counts[column] = counts.get(column, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple((columns[column], count / len(result.folds)) for column, count in ordered)


def _external(recipe: Recipe, dataset: Dataset, outside: Dataset, settings: RunSettings) -> dict[str, ExternalResult]:
    labels = outside.data.labels
    if min((labels == 1).sum(), (labels == 0).sum()) < FEWEST_EXTERNAL:
        return {}
    models = final_models(recipe, dataset.data, settings)
    return {
        name: external_result(model, outside.data, settings.seed, settings.resamples) for name, model in models.items()
    }


def _sites(recipe: Recipe, dataset: Dataset, settings: RunSettings) -> dict[str, dict[str, Interval]]:
    """Leave one site out: train on the others, judge on it."""
    data = dataset.data
    found: dict[str, dict[str, Interval]] = {}
    for site, split in one_site_out([patient.site for patient in dataset.patients], data.labels).items():
        inside = data.labels[split.test]
        if min((inside == 1).sum(), (inside == 0).sum()) < FEWEST_EXTERNAL:
            continue
        models = final_models(recipe, data.rows(split.train), settings)
        found[site] = {
            name: delong_interval(inside, model.scores(data.features[split.test])) for name, model in models.items()
        }
    return found
