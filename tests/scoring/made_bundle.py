"""Model bundles made in a test: a logistic graph over the mean of a few features, with its manifest and hashes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from trabecula.domain.models.bundle import (
    CARD_NAME,
    FEATURE_INPUT,
    MANIFEST_NAME,
    MODEL_NAME,
    PROBABILITY_OUTPUT,
    SCORE_OUTPUT,
    AcquisitionRange,
    BundleKind,
    Calibration,
    CalibrationMethod,
    EndpointModel,
    Interval,
    Lineage,
    Manifest,
    OperatingPoint,
    Population,
    TrainingRange,
)
from trabecula.domain.models.bundle_json import manifest_to_bytes
from trabecula.domain.models.feature_layout import FeatureLayout, LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.scoring.bundles import find_bundles
from trabecula.scoring.radiomics.feature_set import load_feature_set
from trabecula.scoring.trust import Trust

FEATURES = ("original_firstorder_Mean", "original_firstorder_Entropy")
WIDE = (-1e6, 1e6)


def graph(weights: Sequence[float], bias: float) -> bytes:
    """score = features @ weights + bias, probability = sigmoid(score); float64."""
    matrix = numpy_helper.from_array(np.array(weights, dtype=np.float64)[:, None], "weights")
    offset = numpy_helper.from_array(np.array([bias], dtype=np.float64), "bias")
    nodes = [
        helper.make_node("MatMul", [FEATURE_INPUT, "weights"], ["product"]),
        helper.make_node("Add", ["product", "bias"], [SCORE_OUTPUT]),
        helper.make_node("Sigmoid", [SCORE_OUTPUT], [PROBABILITY_OUTPUT]),
    ]
    given = helper.make_tensor_value_info(FEATURE_INPUT, TensorProto.DOUBLE, [None, len(weights)])
    answers = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1])
        for name in (PROBABILITY_OUTPUT, SCORE_OUTPUT)
    ]
    model = helper.make_model(
        helper.make_graph(nodes, "made", [given], answers, [matrix, offset]),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    return bytes(model.SerializeToString())


def manifest(model_id: str, role: SeriesRole = SeriesRole.CT, **changes: Any) -> Manifest:
    """A manifest over two features averaged over levels; ``files`` is still empty."""
    settings = load_feature_set("xue2022_ct" if role is SeriesRole.CT else "jiang2026_mr")
    one = Interval(0.8, 0.7, 0.9, "DeLong")
    endpoint = EndpointModel(
        name="osteoporosis",
        definition="DXA T-score -2.5 or lower",
        classifier="logistic",
        n_patients=100,
        n_events=40,
        calibration=Calibration(CalibrationMethod.PLATT, True),
        operating_points=(
            OperatingPoint(name="balanced", threshold=0.5, rule="Youden", sensitivity=one, specificity=one),
            OperatingPoint(name="rule_in", threshold=0.9, rule="spec 0.9", sensitivity=one, specificity=one),
        ),
        primary="balanced",
        metrics={"auc": one},
    )
    made = Manifest(
        manifest_version=1,
        model_id=model_id,
        version="1.0.0",
        kind=BundleKind.RADIOMICS,
        title="Made",
        intended_use="tests",
        not_for=(),
        demonstration=True,
        licence="Apache-2.0",
        files={},
        population=Population(
            description="nobody",
            n_patients=100,
            n_female=60,
            n_male=40,
            age_low=50.0,
            age_high=90.0,
            age_mean=70.0,
            reference="DXA",
        ),
        inputs=(AcquisitionRange(role, {"kvp": (120.0, 120.0)} if role is SeriesRole.CT else {}),),
        regions=settings.region,
        endpoints=(endpoint,),
        lineage=Lineage(
            recipe="xue2022",
            mode="sound",
            command="made",
            seed=1,
            created="2026-01-01",
            cohort_sha256="0" * 64,
            feature_table_sha256="0" * 64,
            software={},
        ),
        feature_settings_sha256=settings.sha256,
        layout=FeatureLayout(
            roles=(role,), levels=MEASURED_LEVELS, aggregation=LevelAggregation.MEAN, features=FEATURES
        ),
        training_range=training_range(),
    )
    return replace(made, **changes)


def training_range(low: float = WIDE[0], high: float = WIDE[1], distance: float = 1e9) -> TrainingRange:
    """A range over both columns; by default everything lies inside."""
    return TrainingRange(
        used=(0, 1),
        mean=(0.0, 0.0),
        sd=(1.0, 1.0),
        low=(low, low),
        high=(high, high),
        max_outside_fraction=0.1,
        precision=(1.0, 0.0, 0.0, 1.0),
        mahalanobis_limit=distance,
    )


def trusting(root: Path) -> Trust:
    """Believe every sound bundle of a folder as if it shipped."""
    return Trust({item.model_id: item.bundle.sha256 for item in find_bundles([root]) if item.bundle is not None})


def write_bundle(
    root: Path, made: Manifest, weights: Sequence[float] = (0.01, 0.0), bias: float = -1.0, model: bytes | None = None
) -> Path:
    """Write the bundle with correct hashes and return its folder."""
    folder = root / made.model_id
    folder.mkdir(parents=True)
    content: Mapping[str, bytes] = {MODEL_NAME: model or graph(weights, bias), CARD_NAME: b"# Made\n"}
    for name, data in content.items():
        (folder / name).write_bytes(data)
    files = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    (folder / MANIFEST_NAME).write_bytes(manifest_to_bytes(replace(made, files=files)))
    return folder
