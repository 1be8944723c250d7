"""One run of a recipe on a cohort: every input, task and classifier, in sound or in paper mode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from trabecula.domain.identity import digest
from trabecula.domain.models.bundle import Interval
from trabecula.version import __version__
from trabecula_training.cohort.confounding import Confounding, confounding
from trabecula_training.cohort.labels import Task
from trabecula_training.cohort.table import Cohort, Part
from trabecula_training.evaluation.metrics import Comparison, Evaluation, compare, evaluate
from trabecula_training.evaluation.subgroups import (
    ExternalPrediction,
    ExternalResult,
    SubgroupRow,
    subgroup_rows,
)
from trabecula_training.features.table import FeatureTable
from trabecula_training.learning.baselines import PREVALENCE
from trabecula_training.learning.conditioning.plan import NOTHING, ConditioningChoice
from trabecula_training.learning.dataset import WITHHELD, Dataset, make_dataset, usable_layout
from trabecula_training.learning.fold_store import FoldStore, fold_store
from trabecula_training.learning.formula import Formula, formula_of
from trabecula_training.learning.nested_cv import NestedPlan, NestedResult, nested_cross_validation
from trabecula_training.learning.recipe import InputSet, PaperCohort, Recipe
from trabecula_training.learning.sample_size import SampleSize, sample_size
from trabecula_training.learning.splits import Split
from trabecula_training.runs.elsewhere import (
    ClassCount,
    LeftOutBatch,
    Training,
    batches_left_out,
    chosen_families,
    count_of,
    external_results,
    final_models,
    site_counts,
    sites_left_out,
)
from trabecula_training.runs.paper import PaperResult, paper_result
from trabecula_training.runs.questions import Questions, answered
from trabecula_training.statistics.bootstrap import DEFAULT_RESAMPLES


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
    conditioning: ConditioningChoice = NOTHING
    """What is filled in and harmonised, in sound mode alone."""


@dataclass(frozen=True, kw_only=True)
class TaskRun:
    """One input and task: who took part and, by mode, what was found per classifier and comparator.

    ``site_counts`` and ``outside`` count the patients of each site and of the external set, judged on or not;
    ``withheld_outside`` counts, by reason, external patients whose scanner ComBat does not know.
    """

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
    site_counts: Mapping[str, ClassCount] = field(default_factory=dict)
    outside: ClassCount = field(default_factory=lambda: ClassCount(0, 0))
    withheld_outside: Mapping[str, int] = field(default_factory=dict)
    confounding: tuple[Confounding, ...] = ()
    batches_left_out: tuple[LeftOutBatch, ...] = ()
    paper: Mapping[str, PaperResult] = field(default_factory=dict)
    questions: Questions = field(default_factory=Questions)
    formulas: Mapping[str, Formula] = field(default_factory=dict)
    predicted_outside: Mapping[str, ExternalPrediction] = field(default_factory=dict)

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
    folds: Path | None = None,
) -> tuple[TaskRun, ...]:
    """Return a TaskRun per input and task. ``on_step`` hears of each outer fold (sound) or classifier (paper).

    ``folds`` is where finished outer folds are kept, so that a run that was killed goes on where it stopped.
    """
    way = _Way(recipe, settings, on_step, folds)
    return tuple(_run_task(way, cohort, table, pair) for pair in chosen(recipe, settings))


@dataclass(frozen=True)
class _Way:
    """How every task of a run is done."""

    recipe: Recipe
    settings: RunSettings
    on_step: Callable[[str], None]
    folds: Path | None

    def store(self, item: InputSet, task: Task, dataset: Dataset) -> FoldStore | None:
        """Where the outer folds of a task are kept: under everything that shapes them."""
        if self.folds is None:
            return None
        settings, recipe = self.settings, self.recipe
        families = chosen_families(recipe, settings.families)
        candidates = [f"{family.name}: {item.name}" for family in families for item in family.candidates]
        what = {
            "recipe": recipe.name,
            "input": item.name,
            "task": task.name,
            "candidates": "; ".join(candidates),
            "folds": f"{settings.repeats} x {settings.folds}, {recipe.inner_folds} inner, seed {settings.seed}",
            "version": __version__,
            "made of": recipe.made_of,
            "conditioning": repr(settings.conditioning),
            "columns": digest(["\n".join(dataset.layout.columns)]),
            "comparators": digest([f"{name} {values.tolist()}" for name, values in dataset.comparators.sets.items()]),
        }
        return fold_store(self.folds, dataset.data, what)


def steps_of(recipe: Recipe, settings: RunSettings) -> int:
    """Return how often ``on_step`` will be called."""
    families = len(settings.families or recipe.families)
    each = settings.folds * settings.repeats if settings.mode is Mode.SOUND else families
    return each * len(chosen(recipe, settings))


def _run_task(way: _Way, cohort: Cohort, table: FeatureTable, pair: tuple[InputSet, Task]) -> TaskRun:
    recipe, settings = way.recipe, way.settings
    item, task = pair
    choice = settings.conditioning
    sound = settings.mode is Mode.SOUND
    readers = None if sound else recipe.paper_readers_above
    layout, dropped = usable_layout(table, item.roles, recipe.aggregation, sound, choice.impute, readers)
    dataset = make_dataset(cohort.part(Part.DEVELOPMENT), table, layout, task, dropped=dropped, choice=choice)
    known = dataset.data.conditioning.batches if dataset.data.conditioning else ()
    outside = make_dataset(cohort.part(Part.EXTERNAL), table, layout, task, choice=choice, batches=known)
    base = TaskRun(
        input=item,
        task=task,
        dataset=dataset,
        size=sample_size(dataset.data.plain, dataset.data.labels),
        site_counts=site_counts(dataset),
        outside=count_of(outside.data.labels),
        withheld_outside=Counter(why for _, why in outside.left_out if why.startswith(WITHHELD)),
        confounding=confounding(dataset.patients, dataset.data.labels.tolist()),
    )
    if settings.mode is Mode.PAPER:
        return _paper(base, way, outside)
    return _sound(base, way, outside)


def _paper(base: TaskRun, way: _Way, outside: Dataset) -> TaskRun:
    recipe, settings = way.recipe, way.settings
    data = base.dataset.data
    elsewhere = (outside.data.features, outside.data.labels) if base.outside.enough else None
    cohort = PaperCohort(data.features, data.labels, elsewhere)
    found: dict[str, PaperResult] = {}
    for name in settings.families or [family.name for family in recipe.families]:
        outcome = recipe.paper(cohort, recipe.family(name), settings.seed)
        found[name] = paper_result(outcome, settings.seed, settings.resamples)
        way.on_step(f"{base.input.name}, {base.task.name}, {name}")
    return replace(base, paper=found)


def _sound(base: TaskRun, way: _Way, outside: Dataset) -> TaskRun:
    recipe, settings = way.recipe, way.settings
    dataset = base.dataset
    families = chosen_families(recipe, settings.families)
    plan = NestedPlan(
        prepare=recipe.prepare,
        families=families,
        comparators=dataset.comparators,
        folds=settings.folds,
        repeats=settings.repeats,
        seed=settings.seed,
        processes=settings.processes,
        inner_folds=recipe.inner_folds,
        store=way.store(base.input, base.task, dataset),
    )

    def on_fold(split: Split) -> None:
        way.on_step(f"{base.input.name}, {base.task.name}, repeat {split.repeat + 1}, fold {split.fold + 1}")

    results = nested_cross_validation(dataset.data, plan, on_fold)
    names = [family.name for family in families]
    baselines = [name for name in results if name not in names and name != PREVALENCE]
    training = Training(recipe, tuple(families), settings.seed)
    final = final_models(training, dataset, outside)
    return replace(
        base,
        results=results,
        questions=answered(results, dataset, names, settings.seed, settings.resamples),
        formulas={name: made for name, model in final.items() if (made := formula_of(model, dataset.layout.columns))},
        predicted_outside={
            name: ExternalPrediction(outside.data.labels, model.probabilities(outside.data.features))
            for name, model in (final.items() if base.outside.enough else ())
        },
        evaluations={
            name: evaluate(result, settings.seed, settings.resamples, name in names) for name, result in results.items()
        },
        comparisons={name: tuple(compare(results[name], results[other]) for other in baselines) for name in names},
        stability={name: selection_stability(results[name], dataset.layout.columns) for name in names},
        subgroups={name: subgroup_rows(results[name], dataset.patients) for name in names},
        external=external_results(final, outside, settings.seed, settings.resamples),
        sites=sites_left_out(training, dataset),
        batches_left_out=batches_left_out(training, dataset, settings.conditioning),
    )


def selection_stability(result: NestedResult, columns: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    """Return the columns selected in any outer fold with the share of folds that selected them, most often first."""
    counts: dict[int, int] = {}
    for fold in result.folds:
        for column in fold.columns:
            counts[column] = counts.get(column, 0) + 1
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple((columns[column], count / len(result.folds)) for column, count in ordered)
