"""Export of a sound run of networks as a CNN bundle: refit, graph, parity gate, manifest and card."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trabecula.domain.models.bundle import BundleKind, ImageInput, TrainingRange
from trabecula.scoring.crops.statistics import STATISTICS
from trabecula_training.cnn.crop_bank import CropBank, load_crops, squares
from trabecula_training.cnn.image_recipe import ImageRecipe
from trabecula_training.cnn.networks import parameter_count
from trabecula_training.cnn.onnx_graph import build_image_graph, image_parity, picture_vectors
from trabecula_training.cohort.cohort_csv import read_cohort
from trabecula_training.cohort.table import Cohort, Part
from trabecula_training.errors import ExportRefused
from trabecula_training.export.bundle import ExportRequest, admitted, refit, write_bundle
from trabecula_training.export.manifest import Content, bundle_manifest, endpoint_model
from trabecula_training.features.table import FeatureTable
from trabecula_training.learning.dataset import Dataset, make_dataset, usable_layout
from trabecula_training.learning.training_range import range_of
from trabecula_training.learning.tuning import FittedModel
from trabecula_training.reporting.metrics_json import read_document


def export_image_bundle(
    request: ExportRequest, recipe_of: Callable[[str], ImageRecipe], weights: Path | None = None
) -> Path:
    """Write the bundle and return its folder; ``recipe_of`` gives the recipe that the run names, ``weights`` is the
    file that the run started from, if any.

    Raises ExportRefused or ParityFailed; then nothing was written.
    """
    document = read_document(request.run)
    tasks = admitted(document, request)
    if len(request.classifiers) != 1:
        raise ExportRefused("a bundle of pictures answers one task")
    ((task, network),) = request.classifiers
    cohort, bank, table = _inputs(request.run, document)
    images = recipe_of(document["recipe"]).with_weights((network,), weights)
    recipe, (plan,) = images.on(bank), images.plans
    layout, dropped = usable_layout(table, recipe.input(request.input).roles, recipe.aggregation)
    people = make_dataset(cohort.part(Part.DEVELOPMENT), table, layout, recipe.task(task), dropped)
    model = refit(recipe, people, network, document)
    graph = build_image_graph(model, plan.size)
    difference = image_parity(graph, model, _squares_of(bank, people, plan.size))
    (found,) = tasks
    endpoint = endpoint_model(recipe.task(task), model, found, people, request.text.primary)
    image = ImageInput(size=plan.size, channels=1, statistics=STATISTICS, min_levels=layout.min_levels)
    content = Content(
        kind=BundleKind.CNN,
        published=recipe.source,
        training_range=_range(bank, people, int(document["settings"]["seed"])),
        image=image,
        limits=_limits(model, weights),
        check_vectors=picture_vectors(model, image),
    )
    created = request.created or datetime.now(UTC).date().isoformat()
    draft = bundle_manifest(
        document, request.text, endpoints=(endpoint,), content=content, first=people, table=table, created=created
    )
    return write_bundle(request, document, draft, graph, difference)


def _inputs(run: Path, document: Mapping[str, Any]) -> tuple[Cohort, CropBank, FeatureTable]:
    """Return what the run was made from, or refuse when it is not the same any more."""
    cohort = read_cohort(run / document["cohort"]["path"], need_studies=False).cohort
    bank = load_crops(run / document["features"]["path"])
    table = bank.table()
    if cohort.sha256() != document["cohort"]["sha256"] or table.sha256() != document["features"]["sha256"]:
        raise ExportRefused("cohort or crops have changed since the run")
    return cohort, bank, table


def _groups(people: Dataset) -> NDArray[np.int64]:
    return np.rint(people.data.features[:, 0]).astype(np.int64)


def _squares_of(bank: CropBank, people: Dataset, size: int) -> list[NDArray[np.float32]]:
    """Return the squares of each patient, [crop, size, size]."""
    images, owners = squares(bank, size)
    return [images[owners == number] for number in _groups(people)]


def _range(bank: CropBank, people: Dataset, seed: int) -> TrainingRange:
    """Return the range of the pictures' statistics, limits from patients held out."""
    statistics = bank.statistics()[_groups(people)]
    return range_of(statistics, np.arange(statistics.shape[1]), seed)


def _limits(model: FittedModel, weights: Path | None) -> tuple[str, ...]:
    begun = "weights of the site's own" if weights else "random weights: no pretrained weights were used"
    return (
        f"The network has {parameter_count(model.estimator.network):,} weights and started from {begun}.",
        "The sample-size guard counts events only: a network has more weights than any rule of events allows.",
    )
