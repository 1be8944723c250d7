"""What a training cohort allows of the acquisition, held against the scanners of several vendors by the service."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.modality import Modality
from trabecula.domain.models.bundle import TrainingRange
from trabecula.domain.models.scoring import MeasuredSeries
from trabecula.domain.reconstruction_kernel import KernelClass
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole, SourceSeries
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.domain.segmentation import Segmentation, SegmenterIdentity
from trabecula.domain.volume import Geometry, Volume
from trabecula.scoring.training_range import acquisition_reasons, feature_reasons
from trabecula.series.kernels import kernel_class
from trabecula_training.features.table import Facts
from trabecula_training.learning.training_range import acquisition_range, tolerances

TRAINED: Facts = {
    "manufacturer": "SIEMENS",
    "kernel": "B30f",
    "kernel_class": "SOFT",
    "contrast_phase": "NATIVE",
    "kvp": 120.0,
    "slice_thickness_mm": 1.0,
}


def reasons_of(facts: Facts, trained: list[Facts]) -> list[Reason]:
    """Return what the service says of a CT series with these facts."""
    empty = np.zeros((1, 1, 1), np.uint8)
    volume = Volume(array=empty.astype(np.float32), geometry=Geometry((1, 1, 1), np.eye(4)), modality=Modality.CT)
    segmentation = Segmentation(
        labels=empty, bodies=(), segmenter=SegmenterIdentity("none", "1"), quality=1.0, numbering=""
    )
    source = SourceSeries(
        role=SeriesRole.CT,
        series_uid="1.2",
        modality=Modality.CT,
        description="",
        number=1,
        frame_of_reference_uid="1.3",
        instance_uids=(),
    )
    kernel, phase = KernelClass(facts["kernel_class"]), ContrastPhase(facts["contrast_phase"])
    measured = MeasuredSeries(
        source=source, volume=volume, segmentation=segmentation, kernel_class=kernel, contrast_phase=phase
    )
    return list(acquisition_reasons(measured, facts, acquisition_range(SeriesRole.CT, trained)))


def scanner(manufacturer: str, kernel: str, **changes: str | float) -> Facts:
    made = {"manufacturer": manufacturer, "kernel": kernel, **changes}
    return {**TRAINED, **made, "kernel_class": kernel_class(manufacturer, (kernel,) if kernel else ()).value}


@pytest.mark.parametrize(
    ("manufacturer", "kernel"),
    [
        ("SIEMENS", "B31f"),
        ("Siemens Healthineers", "Br40d"),
        ("GE MEDICAL SYSTEMS", "STANDARD"),
        ("Philips", "B"),
        ("Canon Medical Systems", "FC08"),
        ("SIEMENS", ""),
    ],
)
def test_another_vendors_word_for_a_soft_kernel_is_inside(manufacturer: str, kernel: str) -> None:
    assert reasons_of(scanner(manufacturer, kernel), [TRAINED]) == []


def test_a_sharp_kernel_an_unknown_one_and_a_soft_one_unseen_in_training_are_outside() -> None:
    sharp = reasons_of(scanner("SIEMENS", "B70f"), [TRAINED])
    unknown = reasons_of(scanner("TOSHIBA", "FL03"), [TRAINED])
    unseen = reasons_of(TRAINED, [{**TRAINED, "kernel_class": "UNKNOWN"}])

    assert [reason.code for reason in sharp] == [ReasonCode.KERNEL_SHARP]
    assert [reason.code for reason in unknown] == [ReasonCode.OUT_OF_TRAINING_RANGE]
    assert "UNKNOWN (FL03); trained on SOFT" in unknown[0].sentence
    assert "SOFT (B30f); trained on UNKNOWN" in unseen[0].sentence


def test_contrast_phases_seen_in_training_are_inside_and_others_are_not() -> None:
    venous = scanner("SIEMENS", "B30f", contrast_phase="VENOUS")

    assert reasons_of(venous, [TRAINED, venous]) == []
    (refused,) = reasons_of(venous, [TRAINED])
    assert refused.code is ReasonCode.CONTRAST_PHASE
    assert "venous; the model was trained on native images" in refused.sentence


@pytest.mark.parametrize(
    ("name", "value", "inside"),
    [
        ("kvp", 124.0, True),
        ("kvp", 100.0, False),
        ("kvp", 140.0, False),
        ("slice_thickness_mm", 1.25, True),
        ("slice_thickness_mm", 2.0, False),
    ],
)
def test_numbers_may_differ_as_headers_do_and_not_as_physics_does(name: str, value: float, inside: bool) -> None:
    codes = [reason.code for reason in reasons_of({**TRAINED, name: value}, [TRAINED])]

    assert codes == ([] if inside else [ReasonCode.OUT_OF_TRAINING_RANGE])


def test_field_strengths_as_headers_state_them() -> None:
    low, high = tolerances()["field_strength_t"].widen(1.5, 1.5)

    assert low <= 1.494 <= high
    assert not low <= 1.0 <= high
    assert tolerances()["field_strength_t"].widen(3.0, 3.0)[0] <= 2.893


def test_the_vendors_words_are_kept_for_people() -> None:
    other = scanner("Philips", "B")

    made = acquisition_range(SeriesRole.CT, [TRAINED, other])

    assert made.seen == {"manufacturer": ("Philips", "SIEMENS"), "kernel": ("B", "B30f")}
    assert made.allowed == {"kernel_class": ("SOFT",), "contrast_phase": ("NATIVE",)}


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "kernel_class": st.sampled_from(["SOFT", "UNKNOWN"]),
                "contrast_phase": st.sampled_from(["NATIVE", "ARTERIAL", "UNKNOWN"]),
            },
            optional={name: st.floats(0, 1e5, allow_nan=False) for name in tolerances()},
        ),
        min_size=1,
    )
)
def test_what_was_trained_on_is_inside(trained: list[dict[str, str | float]]) -> None:
    for facts in trained:
        assert reasons_of(facts, list(trained)) == []


def test_missing_features_are_neither_far_nor_outside_but_may_not_be_many() -> None:
    trained = TrainingRange(
        used=(0, 1, 2, 3),
        mean=(0.0,) * 4,
        sd=(1.0,) * 4,
        low=(-2.0,) * 4,
        high=(2.0,) * 4,
        max_outside_fraction=0.0,
        precision=tuple(np.eye(4).ravel().tolist()),
        mahalanobis_limit=1.0,
    )
    one, two = np.array([np.nan, 0.1, 0.1, 0.1]), np.array([np.nan, np.nan, 0.1, 0.1])

    assert not list(feature_reasons(one, trained, 0.25))
    assert [reason.detail for reason in feature_reasons(two, trained, 0.25)] == ["share of features that are missing"]
    assert [reason.value for reason in feature_reasons(one, trained)] == [0.25]
