"""The choice of series: what is refused and why, and which candidate comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.domain.study.study import StoredFile
from trabecula.domain.volume import Plane
from trabecula.imaging.acquisition import Acquisition, Frame, acquisition_facts
from trabecula.imaging.headers.contrast import contrast_given, contrast_phase
from trabecula.series.choice import Choice, choose, ranked_lower
from trabecula.series.sequences import SequenceClass, classify_sequence

CT = Acquisition(
    modality="CT",
    sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
    series_uid="2.25.10",
    series_number=2,
    image_type=("ORIGINAL", "PRIMARY", "AXIAL"),
    manufacturer="SIEMENS",
    kernel=("B30f",),
    kvp=120.0,
    slice_thickness=2.0,
    description="LWS axial",
)
T1 = Acquisition(
    modality="MR",
    sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
    series_uid="2.25.20",
    series_number=3,
    image_type=("ORIGINAL", "PRIMARY", "M"),
    scanning_sequence=("SE",),
    repetition_time=600.0,
    echo_time=10.0,
    slice_thickness=4.0,
    description="T1 TSE sag",
    acquired_at="100000",
)
T2 = replace(T1, series_uid="2.25.21", repetition_time=3500.0, echo_time=100.0, description="T2 TSE sag")

_ORIENTATION = {
    Plane.AXIAL: (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    Plane.SAGITTAL: (0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
    Plane.CORONAL: (1.0, 0.0, 0.0, 0.0, 0.0, -1.0),
}
_STEP = {Plane.AXIAL: (0.0, 0.0, 1.0), Plane.SAGITTAL: (-1.0, 0.0, 0.0), Plane.CORONAL: (0.0, 1.0, 0.0)}


def stack(
    made: Acquisition, plane: Plane, count: int = 60, spacing: float = 2.0, skip: tuple[int, ...] = ()
) -> list[Frame]:
    x, y, z = _STEP[plane]
    return [
        Frame(
            file=StoredFile(f"/{made.series_uid}/{i}", f"{made.series_uid}.{i}", made.sop_class_uid, made.series_uid),
            number=None,
            instance_number=i,
            rows=300,
            columns=300,
            acquisition=made,
            position=(x * i * spacing, y * i * spacing, z * i * spacing),
            orientation=_ORIENTATION[plane],
            pixel_spacing=(0.8, 0.8),
        )
        for i in range(count)
        if i not in skip
    ]


def mr(made: Acquisition, count: int = 13) -> list[Frame]:
    return stack(made, Plane.SAGITTAL, count, 4.4)


def only_refusal(choice: Choice) -> tuple[ReasonCode, str]:
    assert choice.candidates == ()
    assert len(choice.refused) == 1
    assert not choice.refused[0].blocking
    assert choice.refused[0].series_uid
    return choice.refused[0].code, choice.refused[0].detail


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"image_type": ("ORIGINAL", "PRIMARY", "LOCALIZER")}, ReasonCode.NO_SUITABLE_SERIES, "localizer"),
        ({"description": "LWS Topo"}, ReasonCode.NO_SUITABLE_SERIES, "localizer"),
        ({"description": "Topogram 0.6"}, ReasonCode.NO_SUITABLE_SERIES, "localizer"),
        ({"image_type": ("DERIVED", "SECONDARY", "MIP")}, ReasonCode.NO_SUITABLE_SERIES, "projected"),
        ({"image_type": ("DERIVED", "SECONDARY", "CSA MIP")}, ReasonCode.NO_SUITABLE_SERIES, "projected"),
        ({"description": "AX MIPS 5/2.5"}, ReasonCode.NO_SUITABLE_SERIES, "projected"),
        ({"description": "Maximum Intensity Projection 5"}, ReasonCode.NO_SUITABLE_SERIES, "projected"),
        ({"description": "MRCAT synthetic CT"}, ReasonCode.NO_SUITABLE_SERIES, "projected"),
        ({"burned_in": True}, ReasonCode.NO_SUITABLE_SERIES, "burned"),
        ({"modality": "PT"}, ReasonCode.NOT_TARGET_MODALITY, "PT"),
        ({"sop_class_uid": "1.2.840.10008.5.1.4.1.1.7"}, ReasonCode.NO_SUITABLE_SERIES, "not an image"),
        ({"samples_per_pixel": 3}, ReasonCode.NO_SUITABLE_SERIES, "not an image"),
        ({"description": "MonoE 70 keV"}, ReasonCode.SPECTRAL, ""),
        ({"multi_energy": True}, ReasonCode.SPECTRAL, ""),
        ({"slice_thickness": 6.0}, ReasonCode.SLICE_THICKNESS, ""),
        ({"rescale_type": "MGML"}, ReasonCode.HU_SANITY, "MGML"),
        ({"image_type": ("DERIVED", "PRIMARY", "AXIAL", "VMI")}, ReasonCode.SPECTRAL, "VMI"),
    ],
)
def test_a_ct_series_is_refused_with_its_reason(changes: dict[str, object], code: ReasonCode, word: str) -> None:
    found, detail = only_refusal(choose(stack(replace(CT, **changes), Plane.AXIAL)))  # type: ignore[arg-type]
    assert found is code
    assert word in detail


def test_short_series_and_short_reach_are_refused() -> None:
    assert only_refusal(choose(stack(CT, Plane.AXIAL, 4)))[1] == "4 parallel slices"
    choice = choose(stack(CT, Plane.AXIAL, 20))
    assert choice.refused[0].value == 38.0
    assert choice.refused[0].limit == 70.0


def test_reformats_up_to_3_mm_are_accepted_and_thicker_ones_refused() -> None:
    thin = replace(CT, slice_thickness=3.0, image_type=("DERIVED", "PRIMARY", "MPR"))
    assert choose(stack(thin, Plane.SAGITTAL, 30, 3.0)).candidates[0].plane is Plane.SAGITTAL
    thick = replace(thin, slice_thickness=4.0)
    assert only_refusal(choose(stack(thick, Plane.SAGITTAL, 30, 4.0)))[0] is ReasonCode.SLICE_THICKNESS


def test_axial_original_comes_before_reformats_and_soft_before_sharp() -> None:
    sagittal = replace(CT, series_uid="2.25.11", image_type=("DERIVED", "PRIMARY", "MPR"))
    coronal = replace(sagittal, series_uid="2.25.12")
    sharp = replace(CT, series_uid="2.25.13", kernel=("B70s",))
    contrast = replace(CT, series_uid="2.25.14", contrast_agent="Ultravist")
    derived = replace(CT, series_uid="2.25.15", image_type=("DERIVED", "SECONDARY", "AXIAL"))
    frames = stack(coronal, Plane.CORONAL, 40) + stack(sagittal, Plane.SAGITTAL, 40) + stack(derived, Plane.AXIAL)
    frames += stack(sharp, Plane.AXIAL) + stack(contrast, Plane.AXIAL) + stack(CT, Plane.AXIAL)
    order = [candidate.series_uid for candidate in choose(frames).of(SeriesRole.CT)]
    assert order == ["2.25.10", "2.25.14", "2.25.13", "2.25.15", "2.25.11", "2.25.12"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, SequenceClass.T1W),
        ({"repetition_time": 3500.0, "echo_time": 100.0}, SequenceClass.T2W),
        ({"repetition_time": 2500.0, "echo_time": 30.0}, SequenceClass.PD),
        ({"repetition_time": 6000.0, "echo_time": 700.0}, SequenceClass.MYELOGRAPHY),
        ({"repetition_time": 1200.0, "echo_time": 120.0, "three_dimensional": True}, SequenceClass.T2W),
        ({"repetition_time": 1200.0, "echo_time": 120.0}, SequenceClass.UNKNOWN),
        ({"scanning_sequence": ("SE", "IR"), "inversion_time": 150.0, "repetition_time": 4000.0}, SequenceClass.STIR),
        ({"inversion_time": 220.0, "repetition_time": 4000.0, "echo_time": 40.0}, SequenceClass.STIR),
        (
            {"scanning_sequence": ("SE", "IR"), "inversion_time": 800.0, "repetition_time": 2000.0},
            SequenceClass.T1_IR,
        ),
        ({"scan_options": ("FS",)}, SequenceClass.FAT_SUPPRESSED),
        ({"description": "T1 tse fs sag"}, SequenceClass.FAT_SUPPRESSED),
        ({"fat_suppressed": True}, SequenceClass.FAT_SUPPRESSED),
        ({"image_type": ("DERIVED", "PRIMARY", "W")}, SequenceClass.DIXON),
        ({"image_type": ("ORIGINAL", "PRIMARY", "IP"), "description": "T1 dixon"}, SequenceClass.T1W),
        ({"scanning_sequence": ("GR",)}, SequenceClass.GRADIENT),
        ({"scanning_sequence": ("EP",)}, SequenceClass.ECHO_PLANAR),
        ({"b_value": 800.0}, SequenceClass.ECHO_PLANAR),
        ({"scanning_sequence": (), "flip_angle": 15.0}, SequenceClass.GRADIENT),
        ({"repetition_time": None, "echo_time": None}, SequenceClass.T1W),
        ({"repetition_time": None, "echo_time": None, "description": "Sag 腰椎 T2強調"}, SequenceClass.T2W),
        ({"repetition_time": None, "echo_time": None, "description": ""}, SequenceClass.UNKNOWN),
        ({"acquisition_contrast": "STIR"}, SequenceClass.STIR),
    ],
)
def test_sequences_are_told_by_physics_and_words(changes: dict[str, object], expected: SequenceClass) -> None:
    assert classify_sequence(replace(T1, **changes)).sequence is expected  # type: ignore[arg-type]


def test_physics_wins_over_words_and_the_conflict_is_kept() -> None:
    verdict = classify_sequence(replace(T2, description="T1 sag"))
    assert verdict.sequence is SequenceClass.T2W
    assert verdict.conflict
    candidate = choose(mr(replace(T2, description="T1 sag"))).candidates[0]
    assert candidate.role is SeriesRole.T2W
    assert candidate.reasons[0].code is ReasonCode.SEQUENCE_UNSUPPORTED
    assert not candidate.reasons[0].blocking


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"contrast_agent": "Gadovist"}, ReasonCode.POST_CONTRAST_MR),
        ({"description": "T1 sag post KM"}, ReasonCode.POST_CONTRAST_MR),
        ({"slice_thickness": 7.0}, ReasonCode.SLICE_THICKNESS),
        ({"scanning_sequence": ("GR",)}, ReasonCode.SEQUENCE_UNSUPPORTED),
    ],
)
def test_an_mr_series_is_refused_with_its_reason(changes: dict[str, object], code: ReasonCode) -> None:
    assert only_refusal(choose(mr(replace(T1, **changes))))[0] is code  # type: ignore[arg-type]


def test_mr_must_be_sagittal() -> None:
    assert only_refusal(choose(stack(T1, Plane.AXIAL, 40, 4.0))) == (ReasonCode.ORIENTATION, "axial")


def test_a_second_t1_at_the_same_place_may_be_after_contrast_agent() -> None:
    later = replace(T1, series_uid="2.25.30", acquired_at="101500")
    choice = choose(mr(T1) + mr(later) + mr(T2))
    assert [candidate.series_uid for candidate in choice.of(SeriesRole.T1W)] == ["2.25.20"]
    assert [(reason.code, reason.series_uid) for reason in choice.refused] == [(ReasonCode.CONTRAST_UNCLEAR, "2.25.30")]
    assert len(choice.of(SeriesRole.T2W)) == 1


def moved(frames: list[Frame], y: float) -> list[Frame]:
    return [replace(item, position=(item.position[0], y, item.position[2])) for item in frames if item.position]


@pytest.mark.parametrize(
    ("first", "second", "certain"),
    [
        ({"acquired_at": "9:10:00"}, {"acquired_at": "10:05:00"}, True),
        ({"acquired_at": "91000"}, {"acquired_at": "100500"}, True),
        (
            {"acquired_at": "235800", "acquired_on": "20260110"},
            {"acquired_at": "000800", "acquired_on": "2026-01-11"},
            True,
        ),
        ({"acquired_at": "20260131235800"}, {"acquired_at": "20260201000800"}, True),
        ({"acquired_at": "", "series_time": "090000"}, {"acquired_at": "", "series_time": "100000"}, True),
        ({"acquired_at": "", "content_time": "090000"}, {"acquired_at": "", "content_time": "100000"}, True),
        ({"acquired_at": "100000"}, {"acquired_at": "100000"}, False),
        ({"acquired_at": ""}, {"acquired_at": ""}, False),
        ({"acquired_at": "100000", "series_number": 9}, {"acquired_at": "101000", "series_number": 3}, False),
    ],
)
def test_of_two_t1_at_one_place_the_earlier_is_measured_or_told_doubtful(
    first: dict[str, object], second: dict[str, object], certain: bool
) -> None:
    one = replace(T1, series_uid="2.25.41", **{"series_number": 3, **first})  # type: ignore[arg-type]
    other = replace(T1, series_uid="2.25.40", **{"series_number": 9, **second})  # type: ignore[arg-type]
    for frames in (mr(one) + moved(mr(other), 3.0), moved(mr(other), 3.0) + mr(one)):
        choice = choose(frames)
        assert [item.series_uid for item in choice.candidates] == ["2.25.41"]
        assert [reason.series_uid for reason in choice.refused] == ["2.25.40"]
        warned = [reason.code for reason in choice.candidates[0].reasons]
        assert warned == ([] if certain else [ReasonCode.CONTRAST_UNCLEAR])


@pytest.mark.parametrize(
    ("changes", "beyond_mm", "told"),
    [
        ({}, 2.0, True),
        ({"kvp": 100.0}, 2.0, False),
        ({"kernel": ("B70f",)}, 2.0, False),
        ({"frame_of_reference_uid": "2.25.8"}, 2.0, False),
        ({"contrast_agent": "Iomeprol 350"}, 2.0, False),
        ({}, 30.0, False),
        ({}, -60.0, False),
    ],
)
def test_a_scan_that_goes_on_in_another_series_is_told(
    changes: dict[str, object], beyond_mm: float, told: bool
) -> None:
    made = replace(CT, frame_of_reference_uid="2.25.7")
    upper = replace(made, **{"series_uid": "2.25.11", "series_number": 3, **changes})  # type: ignore[arg-type]
    shift = 59 * 2.0 + beyond_mm
    moved = [
        replace(frame, position=(frame.position[0], frame.position[1], frame.position[2] + shift))
        for frame in stack(upper, Plane.AXIAL)
        if frame.position is not None
    ]
    for candidate in choose([*stack(made, Plane.AXIAL), *moved]).candidates:
        said = [reason.detail for reason in candidate.reasons if reason.code is ReasonCode.SERIES_CONTINUES]
        other = 3 if candidate.series_uid == made.series_uid else 2
        assert said == ([f"series {other}, one step beyond these slices"] if told else [])


def lossy(frames: list[Frame]) -> list[Frame]:
    return [replace(frame, lossy=True) for frame in frames]


def test_a_series_compressed_with_loss_comes_after_its_original() -> None:
    copy = replace(CT, series_uid="2.25.11", series_number=1)
    choice = choose([*lossy(stack(copy, Plane.AXIAL)), *stack(CT, Plane.AXIAL)])
    assert [item.series_uid for item in choice.candidates] == ["2.25.10", "2.25.11"]
    assert ranked_lower(*choice.candidates) == "ranked lower by compression with loss"


@pytest.mark.parametrize("number", [2, 9])
def test_lossy_copies_of_a_t1_are_no_second_scan(number: int) -> None:
    copy = replace(T1, series_uid="2.25.22", series_number=number)
    choice = choose([*mr(T1), *lossy(mr(copy))])
    (candidate,) = choice.candidates
    assert candidate.series_uid == T1.series_uid
    assert candidate.reasons == ()
    assert [item.reason.code for item in choice.left_out] == [ReasonCode.COPIES]


def test_a_t1_at_another_place_is_no_second_one_and_the_lower_number_leads() -> None:
    other = replace(T1, series_uid="2.25.10", series_number=9, acquired_at="110000")
    choice = choose(moved(mr(other), 60.0) + mr(T1))
    assert [item.series_uid for item in choice.candidates] == ["2.25.20", "2.25.10"]


@pytest.mark.parametrize("term", ["OUT_OF_PHASE", "OUT-OF-PHASE", "OPPOSED_PHASE", "OPP", "OP", "OUTPHASE"])
def test_an_image_out_of_phase_is_never_measured_as_t1(term: str) -> None:
    made = replace(T1, image_type=("ORIGINAL", "PRIMARY", "DIXON", term))
    assert classify_sequence(made).sequence is SequenceClass.DIXON


def test_the_refusals_of_one_series_are_folded() -> None:
    turned = [replace(frame, orientation=(0.0, 1.0, 0.0, 0.0, 0.0, -1.0)) for frame in stack(CT, Plane.AXIAL, 6)]
    choice = choose(stack(CT, Plane.AXIAL, 8) + turned)
    assert len(choice.refused) == 1
    assert "2 stacks" in choice.refused[0].detail


@pytest.mark.parametrize(
    ("changes", "given", "phase"),
    [
        ({}, False, ContrastPhase.NATIVE),
        ({"contrast_agent": "None"}, False, ContrastPhase.NATIVE),
        ({"contrast_agent": "ohne KM"}, False, ContrastPhase.NATIVE),
        ({"contrast_agent": "Imeron 400"}, True, ContrastPhase.UNKNOWN),
        ({"contrast_agent": "Imeron", "description": "Abd portal-venous"}, True, ContrastPhase.VENOUS),
        ({"description": "CTA aorta"}, True, ContrastPhase.ARTERIAL),
        ({"description": "LWS w/o contrast"}, False, ContrastPhase.NATIVE),
        ({"description": "Abdomen with contrast"}, True, ContrastPhase.UNKNOWN),
        ({"description": "delayed 10 min", "contrast_given": True}, True, ContrastPhase.DELAYED),
    ],
)
def test_contrast_agent_and_phase(changes: dict[str, object], given: bool, phase: ContrastPhase) -> None:
    made = replace(CT, description="", **{}) if "description" not in changes else CT
    made = replace(made, **changes)  # type: ignore[arg-type]
    assert contrast_given(made) is given
    assert contrast_phase(made) is phase


def test_facts_carry_units_and_nothing_of_the_patient() -> None:
    facts = acquisition_facts(T1, 4.4)
    assert facts["repetition_time_ms"] == 600.0
    assert facts["slice_spacing_mm"] == 4.4
    assert "kvp" not in facts
    assert not any("patient" in key for key in facts)
