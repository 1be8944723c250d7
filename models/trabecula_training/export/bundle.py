"""Export of a sound run as a model bundle: refit, graph, parity gate, manifest and card; refusals before any of it."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from trabecula.domain.models.bundle import CARD_NAME, MANIFEST_NAME, MODEL_NAME, BundleKind, Manifest
from trabecula.domain.models.bundle_json import manifest_from_bytes, manifest_to_bytes
from trabecula_training.cohort.cohort_csv import read_cohort
from trabecula_training.cohort.table import Part
from trabecula_training.errors import ExportRefused
from trabecula_training.export.check_vectors import check_vectors
from trabecula_training.export.conditioning import exported_conditioning
from trabecula_training.export.manifest import BundleText, Content, bundle_manifest, endpoint_model
from trabecula_training.export.onnx_graph import build_graph
from trabecula_training.export.parity import parity_difference
from trabecula_training.features.reading import load_features
from trabecula_training.learning.conditioning.plan import choice_of
from trabecula_training.learning.dataset import Dataset, make_dataset, usable_layout
from trabecula_training.learning.recipe import Recipe
from trabecula_training.learning.training_range import training_range
from trabecula_training.learning.tuning import FittedModel, tune_and_fit
from trabecula_training.reporting.card import card
from trabecula_training.reporting.findings import Answer
from trabecula_training.reporting.metrics_json import read_document
from trabecula_training.reporting.report import FIGURES_FOLDER
from trabecula_training.reporting.verdict import Belief, TaskVerdict, judged


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What to export: a run's folder, the input, and one classifier per task (osteoporosis before abnormal density).

    ``despite_size`` lets a cohort pass that is too small by the sample-size guard, ``despite_verdict`` a classifier
    whose verdict is no; card, manifest, activation and reports then say so.
    """

    run: Path
    bundles: Path
    input: str
    classifiers: tuple[tuple[str, str], ...]
    text: BundleText
    despite_size: bool = False
    despite_verdict: bool = False
    created: str = ""


def export_bundle(request: ExportRequest, recipe_of: Callable[[str], Recipe]) -> Path:
    """Write the bundle and return its folder; ``recipe_of`` gives the recipe that the run names.

    Raises ExportRefused or ParityFailed; then nothing was written.
    """
    document = read_document(request.run)
    tasks = admitted(document, request)
    recipe = recipe_of(document["recipe"])
    cohort_file, features_file = (request.run / document[name]["path"] for name in ("cohort", "features"))
    cohort = read_cohort(cohort_file, need_studies=False).cohort
    table = load_features(features_file)
    if cohort.sha256() != document["cohort"]["sha256"] or table.sha256() != document["features"]["sha256"]:
        raise ExportRefused("cohort or features have changed since the run")
    choice = choice_of(document["settings"])
    layout, dropped = usable_layout(table, recipe.input(request.input).roles, recipe.aggregation, impute=choice.impute)
    development = cohort.part(Part.DEVELOPMENT)
    sets = [
        make_dataset(development, table, layout, recipe.task(task), dropped, choice) for task, _ in request.classifiers
    ]
    width = sets[0].data.features.shape[1]
    conditioning = exported_conditioning(sets, table, choice)
    models = [
        refit(recipe, data, family, document) for data, (_, family) in zip(sets, request.classifiers, strict=True)
    ]
    monotone = len(models) > 1
    graph = build_graph(models, width, monotone).SerializeToString(deterministic=True)
    difference = parity_difference(graph, models, sets[0].data.features, monotone)
    endpoints = tuple(
        endpoint_model(recipe.task(task), model, found, data, request.text.primary)
        for (task, _), model, found, data in zip(request.classifiers, models, tasks, sets, strict=True)
    )
    trained = training_range(models, sets[0].data.plain, int(document["settings"]["seed"]))
    content = Content(
        kind=BundleKind.RADIOMICS,
        published=recipe.source,
        training_range=trained,
        layout=layout,
        check_vectors=check_vectors(models, trained, width, monotone),
        conditioning=conditioning,
    )
    created = request.created or datetime.now(UTC).date().isoformat()
    draft = bundle_manifest(
        document, request.text, endpoints=endpoints, content=content, first=sets[0], table=table, created=created
    )
    return write_bundle(request, document, draft, graph, difference)


def admitted(document: Mapping[str, Any], request: ExportRequest) -> list[Mapping[str, Any]]:
    """Return the document's tasks to export, or refuse."""
    if document["mode"] != "sound" or document["optimistic"]:
        raise ExportRefused("the run is in paper mode, optimistic by construction")
    phantoms = int(document["cohort"].get("phantoms", 0))
    if phantoms and not request.text.demonstration:
        raise ExportRefused(f"{phantoms} patients are digital phantoms, so the bundle must be a --demonstration")
    if not request.classifiers:
        raise ExportRefused("no task was named")
    if (request.bundles / request.text.model_id).exists():
        raise ExportRefused(f"{request.text.model_id} exists already; give another model id or remove it")
    for name in ("settings_sha256", "regions"):
        if not document["features"][name]:
            raise ExportRefused(f"the feature table does not state its {name}")
    if not document["features"]["acquisition"]:
        raise ExportRefused(
            "the feature table does not say how its series were acquired: the bundle would have no ranges"
        )
    found: list[Mapping[str, Any]] = []
    for task_name, family in request.classifiers:
        match = [t for t in document["tasks"] if t["task"] == task_name and t["input"] == request.input]
        if not match or family not in match[0]["stability"]:
            raise ExportRefused(f"the run holds no {family} for {task_name} on {request.input}")
        if not match[0]["deployable"]:
            raise ExportRefused(f"{task_name} leaves out patients whom a service cannot tell apart")
        shortfalls = match[0]["sample_size"]["shortfalls"]
        if shortfalls and not request.despite_size:
            raise ExportRefused(f"the cohort is too small: {'; '.join(shortfalls)} (--i-know overrides)")
        told = judged(match[0], family)
        if told.belief is Belief.NO and not request.despite_verdict:
            raise ExportRefused(f"the verdict on {family} for {task_name} is no: {against(told)} (--i-know overrides)")
        found.append(match[0])
    order = [task for task, _ in request.classifiers]
    if len(order) > 1 and order != ["osteoporosis", "abnormal_bone_density"]:
        raise ExportRefused("two tasks can only be osteoporosis, then abnormal_bone_density")
    return found


def against(told: TaskVerdict) -> str:
    """Return what speaks against a classifier, as one text."""
    return " ".join(f"{item.question} {item.sentence}" for item in told.findings if item.answer is not Answer.GOOD)


def refit(recipe: Recipe, data: Dataset, family: str, document: Mapping[str, Any]) -> FittedModel:
    """Fit again on every development patient, with the run's seed: the model whose making was validated."""
    seed = int(document["settings"]["seed"])
    return tune_and_fit(data.data, recipe.prepare, [recipe.family(family)], seed, recipe.inner_folds)[family]


def write_bundle(
    request: ExportRequest, document: Mapping[str, Any], draft: Manifest, graph: bytes, difference: float
) -> Path:
    """Write into a folder beside the bundle's place and rename it there, so that half a bundle never exists."""
    target = request.bundles / request.text.model_id
    request.bundles.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=".export-", dir=request.bundles))
    try:
        (folder / MODEL_NAME).write_bytes(graph)
        figures = _copy_figures(request, folder)
        (folder / CARD_NAME).write_text(card(draft, document, figures, difference), "utf-8")
        names = sorted(path.name for path in folder.iterdir())
        files = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
        _write_manifest(folder, draft, files)
        folder.chmod(0o755)
        os.replace(folder, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def _write_manifest(folder: Path, draft: Manifest, files: Mapping[str, str]) -> None:
    content = manifest_to_bytes(replace(draft, files=files))
    manifest_from_bytes(content)
    (folder / MANIFEST_NAME).write_bytes(content)


def _copy_figures(request: ExportRequest, folder: Path) -> tuple[str, ...]:
    names: list[str] = []
    for task, _ in request.classifiers:
        for path in sorted((request.run / FIGURES_FOLDER).glob(f"{request.input}-{task}-*.png")):
            shutil.copyfile(path, folder / path.name.replace("+", "-"))
            names.append(path.name.replace("+", "-"))
    return tuple(names)
