"""Scorers of images: a probability from the mean of the crops inside the range, an abstention outside."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.scoring.made_bundle import manifest, trusting, write_bundle
from tests.scoring.radiomics.drawn import axial, drawn_series
from trabecula.domain.errors import BundleInvalid
from trabecula.domain.modality import Modality
from trabecula.domain.models.bundle import (
    IMAGE_INPUT,
    LOGIT_OUTPUT,
    PROBABILITY_OUTPUT,
    SCORE_OUTPUT,
    BundleKind,
    ImageInput,
    Manifest,
    TrainingRange,
)
from trabecula.domain.models.scoring import MeasuredSeries, ScoringContext
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import LevelResult, Score, SeriesRole, SourceSeries
from trabecula.domain.segmentation import Segmentation, SegmenterIdentity
from trabecula.domain.spine import Level
from trabecula.scoring.activation import Activation, ModelRole
from trabecula.scoring.bundles import load_bundle
from trabecula.scoring.cnn_scorer import CnnScorer
from trabecula.scoring.crops.definition import load_crop_definition
from trabecula.scoring.crops.statistics import STATISTICS, study_statistics
from trabecula.scoring.crops.vertebra import resized, study_crops
from trabecula.scoring.scorers import check_runs, scorers_of

LEVELS = (Level.L2, Level.L3)
PLAIN = load_crop_definition("midsagittal_v1")
SIZE = 16


def image_graph(weight: float = 3.0, bias: float = -1.0, endpoints: int = 1) -> bytes:
    """logit = weight * mean of the crop + bias; score = mean of the logits; probability = sigmoid(score)."""
    constants = [
        numpy_helper.from_array(np.full((1, endpoints), weight, dtype=np.float32), "weight"),
        numpy_helper.from_array(np.full((1, endpoints), bias, dtype=np.float32), "bias"),
        numpy_helper.from_array(np.array([1, 2, 3]), "pixels"),
        numpy_helper.from_array(np.array([0]), "crops"),
        numpy_helper.from_array(np.array([1]), "column"),
    ]
    nodes = [
        helper.make_node("ReduceMean", [IMAGE_INPUT, "pixels"], ["bright"], keepdims=0),
        helper.make_node("Unsqueeze", ["bright", "column"], ["standing"]),
        helper.make_node("Mul", ["standing", "weight"], ["product"]),
        helper.make_node("Add", ["product", "bias"], [LOGIT_OUTPUT]),
        helper.make_node("Cast", [LOGIT_OUTPUT], ["double"], to=TensorProto.DOUBLE),
        helper.make_node("ReduceMean", ["double", "crops"], [SCORE_OUTPUT], keepdims=1),
        helper.make_node("Sigmoid", [SCORE_OUTPUT], [PROBABILITY_OUTPUT]),
    ]
    given = helper.make_tensor_value_info(IMAGE_INPUT, TensorProto.FLOAT, ["crops", 1, SIZE, SIZE])
    answers = [
        helper.make_tensor_value_info(PROBABILITY_OUTPUT, TensorProto.DOUBLE, [1, endpoints]),
        helper.make_tensor_value_info(SCORE_OUTPUT, TensorProto.DOUBLE, [1, endpoints]),
        helper.make_tensor_value_info(LOGIT_OUTPUT, TensorProto.FLOAT, ["crops", endpoints]),
    ]
    graph = helper.make_graph(nodes, "made", [given], answers, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    return bytes(model.SerializeToString())


def wide(low: float = -1e6, high: float = 1e6) -> TrainingRange:
    """A range over every statistic; by default everything lies inside."""
    count = len(STATISTICS)
    identity = tuple(float(value) for value in np.eye(count).ravel())
    return TrainingRange(
        used=tuple(range(count)),
        mean=(0.0,) * count,
        sd=(1.0,) * count,
        low=(low,) * count,
        high=(high,) * count,
        max_outside_fraction=0.1,
        precision=identity,
        mahalanobis_limit=1e12,
    )


def images(model_id: str = "pictures", **changes: Any) -> Manifest:
    made = manifest(
        model_id,
        SeriesRole.T1W,
        kind=BundleKind.CNN,
        layout=None,
        regions=PLAIN.name,
        feature_settings_sha256=PLAIN.sha256,
        training_range=wide(),
        image=ImageInput(size=SIZE, channels=1, statistics=STATISTICS),
    )
    return replace(made, **changes)


@pytest.fixture(scope="module")
def context() -> ScoringContext:
    volume, labels = drawn_series(axial((2.0, 1.25, 1.25)), Modality.MR, levels=LEVELS)
    segmentation = Segmentation(
        labels=labels, bodies=(), segmenter=SegmenterIdentity("drawn", "1"), quality=1.0, numbering="drawn"
    )
    facts: dict[str, str | float] = {"field_strength_t": 1.5}
    source = SourceSeries(
        role=SeriesRole.T1W,
        series_uid="2.25.7",
        modality=Modality.MR,
        description="",
        number=1,
        frame_of_reference_uid="2.25.8",
        instance_uids=(),
        acquisition=facts,
    )
    measured = MeasuredSeries(source=source, volume=volume, segmentation=segmentation)
    return ScoringContext(
        series={SeriesRole.T1W: measured},
        levels=tuple(LevelResult(level=level, evaluable=True, quality=0.9) for level in LEVELS),
    )


def scorer(root: Path, made: Manifest, model: bytes | None = None) -> CnnScorer:
    return CnnScorer(load_bundle(write_bundle(root, made, model=model or image_graph())), active=True)


def test_inside_the_range_the_score_is_the_mean_of_the_crops(context: ScoringContext, tmp_path: Path) -> None:
    (score,) = scorer(tmp_path, images()).score(context)

    crops = study_crops(context, SeriesRole.T1W, PLAIN)
    raw = np.mean([3.0 * resized(crop, SIZE).mean() - 1.0 for crop in crops.values()])
    assert set(crops) == set(LEVELS)
    assert score.applicable
    assert score.raw_score == pytest.approx(raw, abs=1e-6)
    assert score.probability == pytest.approx(1 / (1 + math.exp(-raw)), abs=1e-6)
    assert (score.role, score.endpoint, score.demonstration) == (SeriesRole.T1W, "osteoporosis", True)


def abstention(scores: tuple[Score, ...], code: ReasonCode) -> Score:
    (score,) = scores
    assert not score.applicable
    assert score.probability is None
    assert [reason.code for reason in score.reasons] == [code]
    return score


def test_outside_the_range_it_abstains(context: ScoringContext, tmp_path: Path) -> None:
    crops = study_crops(context, SeriesRole.T1W, PLAIN)
    centre = study_statistics(crops.values())
    near = replace(wide(), mean=tuple(centre), mahalanobis_limit=1.0)
    far = replace(near, mean=tuple(centre + 10.0))

    (inside,) = scorer(tmp_path, images("near", training_range=near)).score(context)
    outside = scorer(tmp_path, images("far", training_range=far)).score(context)
    beyond = scorer(tmp_path, images("narrow", training_range=wide(-2.0, -1.0))).score(context)

    assert inside.applicable
    assert "Mahalanobis" in abstention(outside, ReasonCode.OUT_OF_TRAINING_RANGE).reasons[0].sentence
    assert "share of features" in abstention(beyond, ReasonCode.OUT_OF_TRAINING_RANGE).reasons[0].sentence


def test_too_few_levels_another_acquisition_and_no_series(context: ScoringContext, tmp_path: Path) -> None:
    one = replace(context, levels=(context.levels[0], replace(context.levels[1], evaluable=False)))
    made = images()
    ranges = (replace(made.inputs[0], numeric={"field_strength_t": (2.9, 3.1)}),)

    abstention(scorer(tmp_path, made).score(one), ReasonCode.TOO_FEW_LEVELS)
    abstention(scorer(tmp_path, images("three", inputs=ranges)).score(context), ReasonCode.OUT_OF_TRAINING_RANGE)
    assert scorer(tmp_path, images("t2", inputs=manifest("x", SeriesRole.T2W).inputs)).score(context) == ()


@pytest.mark.parametrize(
    ("changes", "model", "words"),
    [
        ({"feature_settings_sha256": "a" * 64}, None, "crop definition"),
        ({"regions": "midsagittal_v9"}, None, "crop definition"),
        (
            {
                "image": ImageInput(size=SIZE, channels=1, statistics=("mean",)),
                "training_range": replace(wide(), used=()),
            },
            None,
            "statistics",
        ),
        ({"image": ImageInput(size=SIZE + 1, channels=1, statistics=STATISTICS)}, None, "does not run"),
        ({"image": ImageInput(size=SIZE, channels=3, statistics=STATISTICS)}, None, "does not run"),
        ({}, image_graph(endpoints=2), "one number for each endpoint"),
        ({}, b"no graph", "does not run"),
    ],
)
def test_bundles_this_program_cannot_run_are_refused(
    tmp_path: Path, changes: dict[str, Any], model: bytes | None, words: str
) -> None:
    if changes.get("training_range"):
        changes["training_range"] = TrainingRange(
            used=(0,),
            mean=(0.0,),
            sd=(1.0,),
            low=(-1.0,),
            high=(1.0,),
            max_outside_fraction=0.1,
            precision=(1.0,),
            mahalanobis_limit=9.0,
        )
    bundle = load_bundle(write_bundle(tmp_path, images(**changes), model=model or image_graph()))

    with pytest.raises(BundleInvalid, match=words):
        check_runs(bundle)


def test_both_kinds_stand_side_by_side(context: ScoringContext, tmp_path: Path) -> None:
    pictures = load_bundle(write_bundle(tmp_path, images(), model=image_graph()))
    vector = load_bundle(write_bundle(tmp_path, manifest("vector", SeriesRole.T1W)))
    activation = Activation().with_role(pictures, ModelRole.ACTIVE).with_role(vector, ModelRole.CHALLENGER)

    first, second = scorers_of([tmp_path], activation, trusting(tmp_path))

    (active,) = first.score(context)  # type: ignore[misc]
    (silent,) = second.score(context)  # type: ignore[misc]
    assert (active.model_id, active.active, active.applicable) == ("pictures", True, True)
    assert (silent.model_id, silent.active) == ("vector", False)
