"""Scorers: a probability inside the range, an abstention with its reason outside, never an error."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.scoring.made_bundle import FEATURES, graph, manifest, training_range, trusting, write_bundle
from tests.scoring.radiomics.drawn import axial, drawn_series
from trabecula.domain.errors import BundleInvalid
from trabecula.domain.modality import Modality
from trabecula.domain.models.bundle import FEATURE_INPUT, PROBABILITY_OUTPUT, SCORE_OUTPUT, AcquisitionRange, Manifest
from trabecula.domain.models.conditioning import Batch, Conditioning, Covariate, HarmonisedBatch
from trabecula.domain.models.scoring import MeasuredSeries, ScoringContext
from trabecula.domain.models.validation import CheckVector
from trabecula.domain.reconstruction_kernel import KernelClass
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import LevelResult, Score, SeriesRole, SourceSeries
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.domain.segmentation import Segmentation, SegmenterIdentity
from trabecula.domain.spine import Level
from trabecula.scoring.activation import Activation, Clearance, ModelRole
from trabecula.scoring.answers import checked
from trabecula.scoring.bundles import load_bundle
from trabecula.scoring.radiomics import series_features
from trabecula.scoring.radiomics.feature_set import load_feature_set
from trabecula.scoring.radiomics.series_features import FeatureMemory
from trabecula.scoring.radiomics_scorer import RadiomicsScorer
from trabecula.scoring.scorers import check_runs, scorer_of, scorers_of
from trabecula.scoring.training_range import acquisition_reasons
from trabecula.scoring.trust import Trust

LEVELS = (Level.L2, Level.L3)
FACTS: dict[str, str | float] = {"kvp": 120.0, "kernel": "B30f"}


@pytest.fixture(scope="module")
def context() -> ScoringContext:
    volume, labels = drawn_series(axial((2.0, 1.25, 1.25)), levels=LEVELS)
    segmentation = Segmentation(
        labels=labels, bodies=(), segmenter=SegmenterIdentity("drawn", "1"), quality=1.0, numbering="drawn"
    )
    source = SourceSeries(
        role=SeriesRole.CT,
        series_uid="2.25.7",
        modality=Modality.CT,
        description="",
        number=1,
        frame_of_reference_uid="2.25.8",
        instance_uids=(),
        acquisition=FACTS,
    )
    measured = MeasuredSeries(source=source, volume=volume, segmentation=segmentation, kernel_class=KernelClass.SOFT)
    return ScoringContext(
        series={SeriesRole.CT: measured},
        levels=tuple(LevelResult(level=level, evaluable=True, quality=0.9) for level in LEVELS),
    )


MEMORY = FeatureMemory()
"""One extraction serves every test that asks the same context."""


def scorer(root: Path, made: Manifest, active: bool = True) -> RadiomicsScorer:
    return RadiomicsScorer(load_bundle(write_bundle(root, made)), active, MEMORY)


def test_inside_the_range_the_graph_answers_with_the_mean_of_the_levels(
    context: ScoringContext, tmp_path: Path
) -> None:
    (score,) = scorer(tmp_path, manifest("made")).score(context)

    settings = load_feature_set("xue2022_ct")
    vectors = MEMORY.features(context, (SeriesRole.CT,), settings)
    place = settings.names.index(FEATURES[0])
    mean = np.mean([vectors[SeriesRole.CT, level][place] for level in LEVELS])
    assert mean > 0
    raw = 0.01 * mean - 1.0
    assert score.applicable
    assert score.raw_score == pytest.approx(raw, abs=1e-9)
    assert score.probability == pytest.approx(1 / (1 + math.exp(-raw)), abs=1e-9)
    assert score.probability is not None
    assert score.positive == (score.probability >= 0.5)
    assert (score.operating_point, score.threshold, score.endpoint) == ("balanced", 0.5, "osteoporosis")
    assert (score.demonstration, score.active, score.role) == (True, True, SeriesRole.CT)
    assert score.model_sha256 == load_bundle(tmp_path / "made").model_sha256


def abstention(scores: tuple[Score, ...], code: ReasonCode) -> Score:
    (score,) = scores
    assert not score.applicable
    assert score.probability is None
    assert [reason.code for reason in score.reasons] == [code]
    return score


def test_features_beyond_those_of_training_make_it_abstain(context: ScoringContext, tmp_path: Path) -> None:
    low = scorer(tmp_path, manifest("narrow", training_range=training_range(low=-1.0, high=1.0))).score(context)
    far = scorer(tmp_path, manifest("far", training_range=training_range(distance=10.0))).score(context)

    assert "share of features" in abstention(low, ReasonCode.OUT_OF_TRAINING_RANGE).reasons[0].sentence
    assert "Mahalanobis" in abstention(far, ReasonCode.OUT_OF_TRAINING_RANGE).reasons[0].sentence


@pytest.mark.parametrize(
    ("facts", "changes", "code", "words"),
    [
        ({"kvp": 100.0}, {}, ReasonCode.OUT_OF_TRAINING_RANGE, "kvp 100; the model allows 120 to 120"),
        ({}, {"kernel_class": KernelClass.SHARP}, ReasonCode.KERNEL_SHARP, "B30f"),
        ({}, {"contrast_phase": ContrastPhase.DELAYED}, ReasonCode.CONTRAST_PHASE, "native"),
    ],
)
def test_the_acquisition_is_held_against_the_ranges_of_the_bundle(
    context: ScoringContext,
    tmp_path: Path,
    facts: dict[str, str | float],
    changes: dict[str, Any],
    code: ReasonCode,
    words: str,
) -> None:
    measured = context.series[SeriesRole.CT]
    source = replace(measured.source, acquisition={**FACTS, **facts})
    other = replace(context, series={SeriesRole.CT: replace(measured, source=source, **changes)})

    scores = scorer(tmp_path, manifest("made")).score(other)

    assert words in abstention(scores, code).reasons[0].sentence


def test_headers_round_and_facts_that_are_not_stated_are_no_violation(context: ScoringContext) -> None:
    measured = context.series[SeriesRole.CT]
    allowed = AcquisitionRange(SeriesRole.CT, {"kvp": (120.0, 120.0)}, {"kernel": ("B30f",)})

    assert list(acquisition_reasons(measured, {"kvp": 120.1}, allowed)) == []
    assert list(acquisition_reasons(measured, {}, allowed)) == []
    assert len(list(acquisition_reasons(measured, {"kvp": 120.2, "kernel": "B31f"}, allowed))) == 2


def test_words_not_seen_in_training_make_it_abstain(context: ScoringContext, tmp_path: Path) -> None:
    made = manifest("made")
    inputs = (replace(made.inputs[0], allowed={"kernel": ("STANDARD", "SOFT")}),)

    scores = scorer(tmp_path, replace(made, inputs=inputs)).score(context)

    reason = abstention(scores, ReasonCode.OUT_OF_TRAINING_RANGE).reasons[0]
    assert "kernel B30f; trained on STANDARD, SOFT" in reason.sentence


def test_too_few_levels_and_series_that_are_absent(context: ScoringContext, tmp_path: Path) -> None:
    none = replace(context, levels=tuple(replace(level, evaluable=False) for level in context.levels))
    made = manifest("made")
    ranges = (*made.inputs, replace(made.inputs[0], role=SeriesRole.T1W))
    layout = replace(made.layout, roles=(SeriesRole.CT, SeriesRole.T1W))  # type: ignore[type-var]
    both = replace(made, model_id="both", inputs=ranges, layout=layout)

    abstention(RadiomicsScorer(load_bundle(write_bundle(tmp_path, made)), True).score(none), ReasonCode.TOO_FEW_LEVELS)
    folder = write_bundle(tmp_path, both, weights=[0.0] * 4)
    abstention(RadiomicsScorer(load_bundle(folder), True).score(context), ReasonCode.NO_SUITABLE_SERIES)
    assert scorer(tmp_path, manifest("mr", SeriesRole.T1W)).score(context) == ()


def test_active_and_challengers_share_one_extraction(
    context: ScoringContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[ScoringContext] = []
    known = MEMORY.features(context, (SeriesRole.CT,), load_feature_set("xue2022_ct"))

    def counted(asked: ScoringContext, *_: object) -> series_features.Features:
        calls.append(asked)
        return known

    monkeypatch.setattr(series_features, "study_features", counted)
    first, second = (load_bundle(write_bundle(tmp_path, manifest(name))) for name in ("b-challenger", "c-active"))
    activation = Activation().with_role(first, ModelRole.CHALLENGER).with_role(second, ModelRole.ACTIVE)

    scores = [score for item in scorers_of([tmp_path], activation, trusting(tmp_path)) for score in item.score(context)]  # type: ignore[union-attr]

    assert [(score.model_id, score.active) for score in scores] == [("c-active", True), ("b-challenger", False)]
    assert calls == [context]


def test_a_bundle_that_changed_since_activation_abstains_and_does_not_stop_the_study(
    context: ScoringContext, tmp_path: Path
) -> None:
    folder = write_bundle(tmp_path, manifest("made"))
    activation = Activation().with_role(load_bundle(folder), ModelRole.ACTIVE)
    (folder / "model.onnx").write_bytes(b"other")

    (refused,) = scorers_of([tmp_path], activation, trusting(tmp_path))

    (score,) = refused.score(context)  # type: ignore[misc]
    assert not score.applicable
    assert score.reasons[0].code is ReasonCode.MODEL_UNAVAILABLE
    assert "model.onnx of made was changed" in score.reasons[0].sentence
    assert refused.score(replace(context, series={})) == ()


def test_another_sound_bundle_of_the_same_name_is_not_the_one_that_was_activated(
    context: ScoringContext, tmp_path: Path
) -> None:
    activation = Activation().with_role(load_bundle(write_bundle(tmp_path / "a", manifest("made"))), ModelRole.ACTIVE)
    write_bundle(tmp_path / "b", manifest("made", version="2.0.0"))

    (refused,) = scorers_of([tmp_path / "b"], activation, trusting(tmp_path / "b"))

    (score,) = refused.score(context)  # type: ignore[misc]
    assert "not the bundle that was activated" in score.reasons[0].sentence


@pytest.mark.parametrize(
    ("changes", "model", "words"),
    [
        ({"feature_settings_sha256": "a" * 64}, None, "extraction settings"),
        ({"regions": "body_v9"}, None, "extraction settings"),
        ({}, b"no graph", "does not run"),
        ({}, graph([0.1] * 3, 0.0), "does not run"),
        ({}, graph([0.1] * 2, math.nan), "not finite"),
        ({}, graph([math.inf, 0.0], 0.0), "not finite"),
    ],
)
def test_bundles_this_program_cannot_run_are_refused(
    tmp_path: Path, changes: dict[str, Any], model: bytes | None, words: str
) -> None:
    bundle = load_bundle(write_bundle(tmp_path, manifest("made", **changes), model=model))

    with pytest.raises(BundleInvalid, match=words):
        check_runs(bundle)


def broken(kind: str) -> bytes:
    """A graph that answers 0.5 at the ends of its training range and something impossible on features in between."""
    far = {"5.0": 5.0, "nan": math.nan, "inf": math.inf, "-0.1": -0.1, "score": math.inf}[kind]
    numbers = {"zero": 0.0, "half": 0.5, "thousand": 1000.0, "far": far}
    constants = [numpy_helper.from_array(np.array([value]), name) for name, value in numbers.items()]
    constants.append(numpy_helper.from_array(np.array([[0.01], [0.0]]), "weights"))
    nodes = [
        helper.make_node("MatMul", [FEATURE_INPUT, "weights"], ["product"]),
        helper.make_node("Greater", ["product", "zero"], ["positive"]),
        helper.make_node("Less", ["product", "thousand"], ["small"]),
        helper.make_node("And", ["positive", "small"], ["between"]),
        helper.make_node("Where", ["between", "far", "half"], ["wrong"]),
        helper.make_node("Where", ["between", "half", "half"], ["right"]),
        helper.make_node("Identity", ["wrong" if kind == "score" else "right"], [SCORE_OUTPUT]),
        helper.make_node("Identity", ["right" if kind == "score" else "wrong"], [PROBABILITY_OUTPUT]),
    ]
    given = helper.make_tensor_value_info(FEATURE_INPUT, TensorProto.DOUBLE, [None, 2])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, 1])
        for name in (PROBABILITY_OUTPUT, SCORE_OUTPUT)
    ]
    made = helper.make_graph(nodes, "broken", [given], outputs, constants)
    opsets = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(made, opset_imports=opsets, ir_version=8).SerializeToString())


@pytest.mark.parametrize("kind", ["5.0", "nan", "inf", "-0.1", "score"])
@pytest.mark.parametrize("active", [True, False])
def test_a_graph_that_answers_the_impossible_on_a_study_is_unavailable(
    context: ScoringContext, tmp_path: Path, kind: str, active: bool
) -> None:
    made = scorer_of(load_bundle(write_bundle(tmp_path, manifest("made"), model=broken(kind))), active, MEMORY)

    scores = made.score(context)
    assert isinstance(scores, tuple)
    score = abstention(scores, ReasonCode.MODEL_UNAVAILABLE)

    assert (score.active, score.raw_score) == (active, None)
    assert not score.reasons[0].blocking
    assert "not finite" in score.reasons[0].detail or "outside 0 to 1" in score.reasons[0].detail


@pytest.mark.parametrize("changes", [{"probability": 5.0}, {"probability": math.nan}, {"raw_score": -math.inf}])
def test_no_scorer_of_any_kind_can_bring_an_impossible_number_into_a_result(changes: dict[str, float]) -> None:
    sound = Score(
        model_id="m",
        model_version="1",
        model_sha256="0" * 64,
        applicable=True,
        demonstration=False,
        endpoint="osteoporosis",
        probability=0.8,
        raw_score=1.0,
        positive=True,
    )

    assert checked(sound) is sound
    abstention((checked(replace(sound, **changes)),), ReasonCode.MODEL_UNAVAILABLE)  # type: ignore[arg-type]


def test_only_a_model_that_the_site_lets_decide_says_so(context: ScoringContext, tmp_path: Path) -> None:
    bundle = load_bundle(write_bundle(tmp_path, manifest("made", demonstration=False)))
    word = Clearance("dr. a", "2026-11-30T09:00:00+00:00", "report 17")
    found = []
    for clearance in (None, word):
        activation = Activation().with_role(bundle, ModelRole.ACTIVE, clearance)
        (scorer_,) = scorers_of([tmp_path], activation, trusting(tmp_path))
        found += scorer_.score(context)  # type: ignore[arg-type]

    assert [(score.applicable, score.decides) for score in found] == [(True, False), (True, True)]


def test_a_bundle_that_nobody_vouches_for_abstains(context: ScoringContext, tmp_path: Path) -> None:
    activation = Activation().with_role(load_bundle(write_bundle(tmp_path, manifest("made"))), ModelRole.ACTIVE)

    (refused,) = scorers_of([tmp_path], activation, Trust())

    (score,) = refused.score(context)  # type: ignore[misc]
    assert score.reasons[0].code is ReasonCode.MODEL_UNAVAILABLE
    assert "neither one that ships with the program nor signed by a key of this site" in score.reasons[0].sentence
    assert "made is not signed" in score.reasons[0].sentence


def test_a_graph_that_answers_a_check_vector_otherwise_is_refused(tmp_path: Path) -> None:
    right = CheckVector((10.0, 0.0), (1 / (1 + math.exp(0.9)),))
    wrong = CheckVector((10.0, 0.0), (0.5,))

    check_runs(load_bundle(write_bundle(tmp_path, manifest("right", check_vectors=(right,)))))
    with pytest.raises(BundleInvalid, match="answers a check vector otherwise"):
        check_runs(load_bundle(write_bundle(tmp_path, manifest("wrong", check_vectors=(wrong,)))))


HARMONISED = Conditioning(
    batch=Batch.SCANNER,
    covariates=(Covariate.AGE, Covariate.SEX),
    batches=(HarmonisedBatch("A", ("MAKER ONE ALPHA",)), HarmonisedBatch("B", ("MAKER TWO BETA",))),
)


def seen_on(context: ScoringContext, maker: str, model: str, age_years: float | None = 70.0) -> ScoringContext:
    """The same study from another scanner."""
    series = context.series[SeriesRole.CT]
    facts = {**FACTS, "manufacturer": maker, "model": model}
    source = replace(series.source, acquisition=facts)
    return replace(context, series={SeriesRole.CT: replace(series, source=source)}, age_years=age_years, sex="F")


def test_a_harmonised_graph_is_told_scanner_age_and_sex(context: ScoringContext, tmp_path: Path) -> None:
    made = scorer_with(tmp_path, manifest("harmonised", conditioning=HARMONISED), weights=(0.0, 0.0, 0.5, 0.01, -0.3))

    (score,) = made.score(seen_on(context, "Maker Two", "beta"))

    assert score.raw_score == pytest.approx(-1.0 + 0.5 * 1 + 0.01 * 70 - 0.3)


def test_a_scanner_that_combat_does_not_know_is_not_scored(context: ScoringContext, tmp_path: Path) -> None:
    made = scorer_with(tmp_path, manifest("harmonised", conditioning=HARMONISED), weights=(0.0, 0.0, 0.5, 0.01, -0.3))

    for maker, model in (("Maker Three", "Gamma"), ("", "")):
        reason = abstention(made.score(seen_on(context, maker, model)), ReasonCode.OUT_OF_TRAINING_RANGE).reasons[0]
        assert "ComBat was fitted on A, B" in reason.sentence
    nobody = made.score(seen_on(context, "Maker One", "Alpha", age_years=None))
    assert "ComBat needs it" in abstention(nobody, ReasonCode.AGE_SEX_MISSING).reasons[0].sentence


def scorer_with(root: Path, made: Manifest, weights: tuple[float, ...]) -> RadiomicsScorer:
    return RadiomicsScorer(load_bundle(write_bundle(root, made, weights)), True, MEMORY)
