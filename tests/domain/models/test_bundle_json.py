from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.errors import BundleInvalid
from trabecula.domain.models.bundle import (
    AcquisitionRange,
    BundleKind,
    Calibration,
    CalibrationMethod,
    EndpointModel,
    ImageInput,
    Interval,
    Lineage,
    Manifest,
    OperatingPoint,
    Population,
    TrainingRange,
)
from trabecula.domain.models.bundle_json import manifest_from_bytes, manifest_to_bytes
from trabecula.domain.models.feature_layout import FeatureLayout, LevelAggregation
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.spine import Level

POPULATION = Population(
    description="phantoms",
    n_patients=10,
    n_female=6,
    n_male=4,
    age_low=40.0,
    age_high=90.0,
    age_mean=65.5,
    reference="QCT",
)
LINEAGE = Lineage(
    recipe="xue2022",
    mode="sound",
    command="trabecula-train run",
    seed=1,
    created="2026-01-01",
    cohort_sha256="c",
    feature_table_sha256="f",
    software={"numpy": "2"},
)


def example_manifest() -> Manifest:
    interval = Interval(0.9, 0.85, 0.95, "DeLong")
    return Manifest(
        manifest_version=1,
        model_id="demo-ct",
        version="1.0.0",
        kind=BundleKind.RADIOMICS,
        title="Demonstration",
        intended_use="research",
        not_for=("ruling out",),
        demonstration=True,
        licence="Apache-2.0",
        files={"model.onnx": "ab" * 32, "CARD.md": "cd" * 32},
        population=POPULATION,
        inputs=(AcquisitionRange(SeriesRole.CT, {"kvp": (115.0, 125.0)}, {"kernel_class": ("soft",)}),),
        regions="body_v1",
        endpoints=(
            EndpointModel(
                name="osteoporosis",
                definition="QCT < 80 mg/cm3",
                classifier="RF",
                n_patients=10,
                n_events=4,
                calibration=Calibration(CalibrationMethod.PLATT, True, 1.5, -0.5),
                operating_points=(
                    OperatingPoint(
                        name="balanced", threshold=0.4, rule="Youden", sensitivity=interval, specificity=interval
                    ),
                ),
                primary="balanced",
                metrics={"auc": interval},
            ),
        ),
        lineage=LINEAGE,
        feature_settings_sha256="ef" * 32,
        layout=FeatureLayout(
            roles=(SeriesRole.CT,),
            levels=(Level.L1, Level.L2),
            aggregation=LevelAggregation.CONCATENATE,
            features=("a",),
        ),
        training_range=TrainingRange(
            used=(1,),
            mean=(0.0,),
            sd=(1.0,),
            low=(-2.5,),
            high=(2.5,),
            max_outside_fraction=0.1,
            precision=(1.0,),
            mahalanobis_limit=6.5,
        ),
    )


def example_of_images() -> Manifest:
    """A manifest of crops of one series; the training range is of one statistic."""
    return replace(
        example_manifest(),
        kind=BundleKind.CNN,
        layout=None,
        training_range=TrainingRange(
            used=(0,),
            mean=(0.0,),
            sd=(1.0,),
            low=(-2.5,),
            high=(2.5,),
            max_outside_fraction=0.1,
            precision=(1.0,),
            mahalanobis_limit=6.5,
        ),
        image=ImageInput(size=64, channels=1, statistics=("mean",)),
    )


def document() -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(manifest_to_bytes(example_manifest()))
    return decoded


def test_a_manifest_survives_json_unchanged() -> None:
    manifest = example_manifest()

    assert manifest_from_bytes(manifest_to_bytes(manifest)) == manifest


def test_the_same_manifest_gives_the_same_bytes() -> None:
    manifest = example_manifest()
    turned = replace(manifest, files=dict(reversed(list(manifest.files.items()))))

    assert manifest_to_bytes(turned) == manifest_to_bytes(manifest)


def test_a_cnn_manifest_needs_its_image_input_and_no_layout() -> None:
    manifest = example_of_images()

    assert manifest_from_bytes(manifest_to_bytes(manifest)) == manifest
    with pytest.raises(BundleInvalid, match="image is missing"):
        manifest_from_bytes(manifest_to_bytes(replace(manifest, image=None)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training_range": None}, "training_range is missing"),
        ({"image": ImageInput(size=4, channels=1, statistics=("mean",))}, r"image\.size"),
        ({"image": ImageInput(size=64, channels=2, statistics=("mean",))}, r"image\.channels"),
        ({"image": ImageInput(size=64, channels=1, statistics=("mean",), min_levels=5)}, r"image\.min_levels"),
        ({"image": ImageInput(size=64, channels=1, statistics=())}, "names no column"),
    ],
)
def test_a_cnn_manifest_that_contradicts_itself_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleInvalid, match=message):
        manifest_from_bytes(manifest_to_bytes(replace(example_of_images(), **changes)))


def test_a_cnn_reads_one_series() -> None:
    manifest = example_of_images()

    with pytest.raises(BundleInvalid, match="not of one series"):
        manifest_from_bytes(manifest_to_bytes(replace(manifest, inputs=manifest.inputs * 2)))


OPTIONAL = {"feature_settings_sha256", "ibsi", "limits", "contact", "check_vectors", "conditioning"}


@pytest.mark.parametrize("field", sorted(set(document()) - OPTIONAL))
def test_a_manifest_without_a_needed_field_is_refused_by_its_name(field: str) -> None:
    broken = document()
    del broken[field]

    if field == "image":
        assert manifest_from_bytes(json.dumps(broken).encode()).image is None
        return
    with pytest.raises(BundleInvalid, match=field):
        manifest_from_bytes(json.dumps(broken).encode())


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("extra",), 1, "extra is not a known field"),
        (("manifest_version",), 2, "manifest_version is 2"),
        (("kind",), "forest", "is no BundleKind"),
        (("demonstration",), "yes", "demonstration is not a bool"),
        (("model_id",), "../evil", "model_id"),
        (("files", "model.onnx"), "short", "SHA-256"),
        (("files", "../x"), "ab" * 32, "names a path"),
        (("endpoints",), [], "endpoints is empty"),
        (("inputs",), [], "inputs is empty"),
        (("licence",), " ", "licence is empty"),
        (("endpoints", 0, "primary"), "rule_in", "none of its operating points"),
        (("endpoints", 0, "metrics"), {}, "holds no auc"),
        (("layout", "levels", 0), "L9", "is no Level"),
        (("layout", "roles", 0), "T1w", "differ from the roles"),
        (("training_range", "used"), [7], "names no column"),
        (("training_range", "sd"), [0.0], "not positive"),
        (("training_range", "low"), [0.0, 1.0], "one number per used column"),
        (("training_range", "precision"), [], "used x used"),
        (("inputs", 0, "numeric", "kvp"), [1.0], "has 1 items, not 2"),
        (("population", "age_mean"), "old", "age_mean is not a float"),
        (("population", "age_mean"), 10**400, "age_mean is not a float"),
        (("feature_settings_sha256",), "", "feature_settings_sha256 is empty"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(path: tuple[str | int, ...], value: Any, message: str) -> None:
    broken = document()
    node: Any = broken
    for step in path[:-1]:
        node = node[step]
    node[path[-1]] = value

    with pytest.raises(BundleInvalid, match=message) as caught:
        manifest_from_bytes(json.dumps(broken).encode())

    assert caught.value.code == "BUNDLE_INVALID"
    assert "trabecula models verify" in caught.value.next_step


def test_numbers_that_are_none_are_refused() -> None:
    content = manifest_to_bytes(example_manifest()).replace(b"65.5", b"NaN")

    with pytest.raises(BundleInvalid, match="not JSON"):
        manifest_from_bytes(content)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_in_words(content: bytes) -> None:
    with pytest.raises(BundleInvalid):
        manifest_from_bytes(content)


@given(st.data())
def test_a_damaged_manifest_is_refused_or_reads_as_a_manifest(data: st.DataObject) -> None:
    content = bytearray(manifest_to_bytes(example_manifest()))
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        content[position] = data.draw(st.integers(0, 255))

    try:
        manifest = manifest_from_bytes(bytes(content))
    except BundleInvalid:
        return
    assert isinstance(manifest, Manifest)
