from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from trabecula.domain import codes
from trabecula.domain.modality import Modality
from trabecula.domain.results.deformity import DeformityDegree, GradedDeformity
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import (
    Category,
    LevelResult,
    Measurement,
    Outline,
    PriorResult,
    Score,
    SeriesRole,
    SourceSeries,
    StudyResult,
)
from trabecula.domain.results.result_json import from_json, to_json
from trabecula.domain.results.scale import ValueScale
from trabecula.domain.spine import Level

REASON = Reason(
    code=ReasonCode.SLICE_THICKNESS,
    blocking=True,
    level=Level.L2,
    series_uid="1.2.3",
    detail="5 mm",
    value=6.5,
    limit=5.0,
    unit="mm",
)
MEASUREMENT = Measurement(
    concept=codes.ATTENUATION,
    value=123.25,
    unit=codes.HOUNSFIELD,
    derivation=codes.MEAN,
    method="trab_v1",
    series_uid="1.2.3",
)


DEFORMITY = GradedDeformity(
    level=Level.L2,
    kind="wedge",
    degree=DeformityDegree.MODERATE,
    loss_percent=31.5,
    named=True,
    recommended=True,
)


def example_result() -> StudyResult:
    return StudyResult(
        study_uid="1.2",
        revision=3,
        category=Category.INDETERMINATE,
        reasons=(REASON,),
        levels=(
            LevelResult(
                level=Level.L1,
                evaluable=True,
                quality=0.95,
                flags=(REASON,),
                measurements=(MEASUREMENT,),
                outlines=(Outline("1.9", ((1.0, 2.5), (3.0, 4.0))),),
            ),
        ),
        summary=(MEASUREMENT,),
        scores=(
            Score(
                model_id="m",
                model_version="1",
                model_sha256="ab",
                applicable=True,
                demonstration=True,
                endpoint="osteoporosis",
                probability=0.25,
                role=SeriesRole.CT,
                reasons=(REASON,),
            ),
        ),
        sources=(
            SourceSeries(
                role=SeriesRole.CT,
                series_uid="1.2.3",
                modality=Modality.CT,
                description="ax",
                number=4,
                frame_of_reference_uid="1.5",
                instance_uids=("1.9",),
                acquisition={"kvp": 120.0, "kernel": "B30f"},
            ),
        ),
        primary="1.2.3",
        deformities=(DEFORMITY,),
        scale=ValueScale(lower=110.0, upper=160.0, factor=0.9, expected=116.0, expected_level=Level.L1),
        priors=(
            PriorResult(
                study_uid="1.4", revision=2, study_date="20240302", modality="CT", value=140.0, category="INDETERMINATE"
            ),
        ),
        impression=("a", "b"),
        versions={"software": "0.1"},
        timings_s={"segment": 1.5},
    )


def test_a_result_survives_json_unchanged() -> None:
    result = example_result()

    assert from_json(json.loads(json.dumps(to_json(result)))) == result


def test_json_speaks_in_names_and_carries_sentences_for_readers() -> None:
    document = to_json(example_result())

    assert document["category"] == "INDETERMINATE"
    assert document["levels"][0]["level"] == "L1"
    assert document["reasons"][0]["code"] == "SLICE_THICKNESS"
    assert document["reasons"][0]["sentence"].startswith("L2: The slices are too thick")
    assert document["reasons"][0]["next_step"]


def test_json_never_holds_what_is_no_number() -> None:
    example = example_result()
    lost = Score(
        model_id="m",
        model_version="1",
        model_sha256="ab",
        applicable=False,
        demonstration=False,
        endpoint="osteoporosis",
        probability=math.nan,
        raw_score=-math.inf,
        active=False,
    )
    odd = replace(example, scores=(lost,), timings_s={"total": math.inf})

    text = json.dumps(to_json(odd), allow_nan=False)

    assert json.loads(text)["scores"][0]["probability"] is None
    assert from_json(json.loads(text)).scores[0].raw_score is None
    with pytest.raises(ValueError, match="not finite"):
        to_json(replace(example, summary=(replace(example.summary[0], value=math.nan),)))
