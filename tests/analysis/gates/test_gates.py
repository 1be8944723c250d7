"""Each gate is provoked once and stays silent on a sound spine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
import pytest

from tests.imaging.drawn_series import (
    LEVELS,
    SHAPE,
    DrawnSegmenter,
    DrawnSpine,
    axial,
    centre_of,
    ct_image,
    draw_spine,
    mr_image,
    sagittal,
)
from tests.regions.drawn_bodies import BodyShape, draw_body, rotation
from trabecula.analysis.biomarkers.vbq import LevelSignal, measure_signal
from trabecula.analysis.gates import common, ct, ct_intensity, mr, outlines
from trabecula.analysis.gates.context import GateContext
from trabecula.analysis.gates.table import ask
from trabecula.analysis.thresholds import load_thresholds
from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.segmentation import SegmentedBody
from trabecula.domain.spine import Level
from trabecula.domain.volume import TISSUE_LABELS, Geometry, Tissue, Volume
from trabecula.imaging.acquisition import Acquisition, StatedPatient
from trabecula.imaging.stacks.geometry_gate import RegularStack
from trabecula.regions import CsfRegion, csf_v1
from trabecula.regions.bodies import cut_bodies
from trabecula.series.choice import Candidate

AXIAL = axial((94, 90, 90), (2.5, 1.6, 1.6), top_z=-103.0)
SAGITTAL = sagittal((15, 164, 60), (4.0, 1.6, 1.6))
HU = dict.fromkeys(LEVELS, 130.0)
THRESHOLDS = load_thresholds()
CT = Acquisition(
    modality="CT",
    sop_class_uid="1",
    series_uid="2.25.1",
    manufacturer="SIEMENS",
    kernel=("B30f",),
    kvp=120.0,
    slice_thickness=2.5,
)
T1 = Acquisition(
    modality="MR", sop_class_uid="1", series_uid="2.25.1", repetition_time=600.0, echo_time=10.0, slice_thickness=4.0
)
Edit = Callable[[np.ndarray, DrawnSpine], None]


def context(
    spine: DrawnSpine,
    image: np.ndarray,
    made: Acquisition = CT,
    segmenter: DrawnSegmenter | None = None,
    patient: StatedPatient | None = None,
) -> GateContext:
    modality = Modality(made.modality)
    volume = Volume(array=image.astype(np.float32), geometry=spine.geometry, modality=modality)
    segmentation = (segmenter or DrawnSegmenter([spine])).segment(volume)
    role = SeriesRole.CT if modality is Modality.CT else SeriesRole.T1W
    candidate = Candidate(
        role=role, stack=RegularStack((), spine.geometry), acquisition=made, plane=spine.geometry.plane
    )
    bodies = cut_bodies(volume, segmentation)
    return GateContext(
        candidate=candidate,
        volume=volume,
        segmentation=segmentation,
        bodies=bodies,
        patient=patient or StatedPatient(age_years=70.0, sex="F"),
        thresholds=THRESHOLDS,
    )


def near(geometry: Geometry, centre: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    points = geometry.to_lps(np.moveaxis(np.indices(geometry.shape), 0, -1).astype(float))
    return np.asarray(np.linalg.norm(points - np.array(centre), axis=-1) <= radius_mm)


@pytest.fixture(scope="module")
def spine() -> DrawnSpine:
    return draw_spine(AXIAL)


@pytest.fixture(scope="module")
def sound(spine: DrawnSpine) -> GateContext:
    return context(spine, ct_image(spine, HU))


def levels(reasons: Iterable[Reason], code: ReasonCode) -> list[Level | None]:
    return [reason.level for reason in reasons if reason.code is code]


def test_a_sound_ct_passes_every_gate(sound: GateContext) -> None:
    assert ask(sound) == ()


def test_metal_excludes_its_level_the_ones_near_and_the_neighbours(spine: DrawnSpine) -> None:
    image = ct_image(spine, HU)
    image[near(AXIAL, centre_of(Level.L2), 5.0)] = 3000.0
    reasons = list(ct.metal(context(spine, image)))
    assert levels(reasons, ReasonCode.METAL) == [Level.L1, Level.L2, Level.L3]
    assert all(reason.blocking for reason in reasons)
    assert reasons[0].detail == "at L2" or reasons[0].value


def test_a_single_bright_voxel_is_no_metal(spine: DrawnSpine) -> None:
    image = ct_image(spine, HU)
    image[tuple(np.argwhere(spine.body(Level.L2))[0])] = 3000.0
    assert list(ct.metal(context(spine, image))) == []


def test_cement_excludes_its_level(spine: DrawnSpine) -> None:
    image = ct_image(spine, HU)
    image[near(AXIAL, centre_of(Level.L3), 7.0)] = 1000.0
    reasons = list(ct.cement(context(spine, image)))
    assert levels(reasons, ReasonCode.CEMENT) == [Level.L3]
    assert reasons[0].value is not None
    assert reasons[0].value > 300


def test_a_lucent_cluster_is_a_focal_lesion(spine: DrawnSpine) -> None:
    image = ct_image(spine, HU)
    x, y, z = centre_of(Level.L4)
    image[near(AXIAL, (x, y - 3, z), 8.0)] = 0.0
    reasons = list(ct.focal_lesion(context(spine, image)))
    assert levels(reasons, ReasonCode.FOCAL_LESION) == [Level.L4]
    assert reasons[0].detail == "lucent cluster"


def test_trabecular_noise_is_no_lesion(spine: DrawnSpine) -> None:
    assert list(ct.focal_lesion(context(spine, ct_image(spine, HU, noise=45.0)))) == []


def test_a_fusion_of_images_is_no_hardware(sound: GateContext) -> None:
    made = replace(CT, study_text="PET/CT FUSION", description="CT 3.0")
    assert ask(replace(sound, candidate=replace(sound.candidate, acquisition=made))) == ()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kernel": ("B70s",)}, ReasonCode.KERNEL_SHARP),
        ({"kernel": ()}, ReasonCode.KERNEL_UNKNOWN),
        ({"slice_thickness": 5.0}, ReasonCode.SLICE_THICKNESS),
        ({"study_text": "LWS nach Spondylodese"}, ReasonCode.REQUEST_WORDS),
        ({"study_text": "Metastasen? CT LWS, bek. myeloma"}, ReasonCode.REQUEST_WORDS),
    ],
)
def test_facts_of_the_series_only_warn(sound: GateContext, changes: dict[str, object], code: ReasonCode) -> None:
    made = replace(CT, **changes)  # type: ignore[arg-type]
    reasons = ask(replace(sound, candidate=replace(sound.candidate, acquisition=made)))
    assert [reason.code for reason in reasons] == [code]
    assert not reasons[0].blocking


@pytest.mark.parametrize(("slope", "offset"), [(1.0, 120.0), (1.0, -90.0), (1.0, 1024.0)])
def test_implausible_hounsfield_units_block(spine: DrawnSpine, slope: float, offset: float) -> None:
    reasons = list(ct_intensity.hu_sanity(context(spine, ct_image(spine, HU) * slope + offset)))
    assert [reason.code for reason in reasons] == [ReasonCode.HU_SANITY]
    assert reasons[0].blocking
    assert reasons[0].sentence


def test_very_noisy_muscle_is_flagged(spine: DrawnSpine) -> None:
    reasons = list(ct_intensity.noise(context(spine, ct_image(spine, HU, noise=85.0))))
    assert [reason.code for reason in reasons] == [ReasonCode.LOW_DOSE_NOISE]
    assert reasons[0].value == pytest.approx(85, abs=8)
    assert list(ct_intensity.noise(context(spine, ct_image(spine, HU, noise=30.0)))) == []


def test_missing_levels_are_named(spine: DrawnSpine) -> None:
    short = draw_spine(AXIAL, levels=(Level.L3, Level.L4))
    reasons = list(common.coverage(context(short, ct_image(spine, HU))))
    assert levels(reasons, ReasonCode.LEVEL_NOT_FOUND) == [Level.L1, Level.L2]


def test_a_body_at_the_edge_is_not_measured() -> None:
    cut = draw_spine(axial((94, 90, 20), (2.5, 1.6, 1.6), top_z=-103.0))
    reasons = list(outlines.outlines(context(cut, ct_image(cut, HU))))
    assert {reason.code for reason in reasons} == {ReasonCode.FOV_TRUNCATION}
    low = draw_spine(axial((40, 90, 90), (2.5, 1.6, 1.6), top_z=-40.0))
    at_end = list(outlines.outlines(context(low, ct_image(low, HU))))
    assert levels(at_end, ReasonCode.BORDER) == [Level.L2, Level.L4] or levels(at_end, ReasonCode.BORDER)
    top = draw_spine(sagittal((15, 60, 60), (4.0, 1.6, 1.6)))
    cut_above = list(outlines.outlines(context(top, mr_image(top), T1)))
    assert ReasonCode.BORDER in {reason.code for reason in cut_above}


def test_a_narrow_sagittal_series_may_end_within_the_bodies() -> None:
    narrow = draw_spine(sagittal((7, 164, 60), (4.0, 1.6, 1.6)))
    assert list(outlines.outlines(context(narrow, mr_image(narrow), T1))) == []
    assert list(outlines.body_size(context(narrow, mr_image(narrow), T1))) == []


@pytest.mark.parametrize(
    ("width", "blocking", "code"),
    [(16.0, False, ReasonCode.SEG_WARNING), (6.0, True, ReasonCode.SEG_QC)],
)
def test_a_body_of_odd_size_is_flagged(width: float, blocking: bool, code: ReasonCode) -> None:
    odd = draw_spine(AXIAL, {Level.L1: BodyShape(width=width)})
    reasons = list(outlines.body_size(context(odd, ct_image(odd, HU))))
    assert [(reason.level, reason.blocking, reason.code) for reason in reasons] == [(Level.L1, blocking, code)]


def test_a_doubtful_outline_blocks_its_level(spine: DrawnSpine) -> None:
    found = context(spine, ct_image(spine, HU), segmenter=DrawnSegmenter([spine], quality=0.4))
    reasons = list(outlines.outlines(found))
    assert len(reasons) == len(LEVELS)
    assert {reason.code for reason in reasons} == {ReasonCode.SEG_QC}


def test_what_is_told_of_names_and_outlines_names_the_series(spine: DrawnSpine) -> None:
    doubt = Reason(code=ReasonCode.NUMBERING_AMBIGUOUS, blocking=False)
    segmenter = DrawnSegmenter([spine], reasons=(doubt,), metal={Level.L2: 0.3})
    reasons = list(outlines.outlines(context(spine, ct_image(spine, HU), segmenter=segmenter)))
    assert [(reason.code, reason.level, reason.series_uid) for reason in reasons] == [
        (ReasonCode.NUMBERING_AMBIGUOUS, None, "2.25.1"),
        (ReasonCode.METAL, Level.L2, "2.25.1"),
    ]


def test_levels_in_the_wrong_order_are_caught(sound: GateContext) -> None:
    names = [body.level for body in sound.bodies]
    turned = tuple(replace(body, level=name) for body, name in zip(reversed(sound.bodies), names, strict=True))
    assert [reason.code for reason in common.order(replace(sound, bodies=turned))] == [ReasonCode.UPSIDE_DOWN]
    mixed = (sound.bodies[1], sound.bodies[0], *sound.bodies[2:])
    assert [reason.code for reason in common.order(replace(sound, bodies=mixed))] == [ReasonCode.SEG_QC]


@pytest.mark.parametrize(
    ("patient", "codes", "blocking"),
    [
        (StatedPatient(age_years=70.0, sex="F"), [], []),
        (StatedPatient(age_years=17.9, sex="M"), [ReasonCode.AGE], [True]),
        (StatedPatient(age_years=42.0, sex="M"), [ReasonCode.YOUNG_ADULT], [False]),
        (StatedPatient(age_years=None, sex="M"), [ReasonCode.AGE_SEX_MISSING], [False]),
        (StatedPatient(age_years=60.0, sex=""), [ReasonCode.AGE_SEX_MISSING], [False]),
    ],
)
def test_age_and_sex(sound: GateContext, patient: StatedPatient, codes: list[ReasonCode], blocking: list[bool]) -> None:
    reasons = list(common.patient(replace(sound, patient=patient)))
    assert [reason.code for reason in reasons] == codes
    assert [reason.blocking for reason in reasons] == blocking


def mr_void(radius_mm: float, signal: float) -> list[Reason]:
    """What the gate says of a ball in L4 that the segmenter calls metal, of this radius and signal."""
    spine = draw_spine(SAGITTAL)
    tissues, image = spine.tissues.copy(), mr_image(spine)
    ball = near(SAGITTAL, centre_of(Level.L4), radius_mm)
    tissues[ball] = TISSUE_LABELS[Tissue.METAL]
    image[ball] = signal
    return list(mr.metal(context(DrawnSpine(SAGITTAL, spine.labels, tissues), image, T1)))


def test_mr_metal_excludes_the_levels_beside_it() -> None:
    reasons = mr_void(8.0, signal=0.0)

    assert Level.L4 in levels(reasons, ReasonCode.METAL)
    assert Level.L1 not in levels(reasons, ReasonCode.METAL)


def test_a_small_dark_piece_called_metal_is_a_joint_or_a_vessel() -> None:
    assert mr_void(4.5, signal=0.0) == []


def test_what_gives_signal_is_no_metal() -> None:
    assert mr_void(8.0, signal=1000.0) == []


def signals_of(found: GateContext) -> tuple[dict[Level, LevelSignal], CsfRegion, GateContext]:
    signals = {body.level: measure_signal(body) for body in found.measured_bodies}
    csf = csf_v1(found.segmentation, found.volume)
    assert isinstance(csf, CsfRegion)
    return {level: item for level, item in signals.items() if isinstance(item, LevelSignal)}, csf, found


def test_tissues_must_rank_as_the_sequence_says() -> None:
    spine = draw_spine(SAGITTAL)
    signals, csf, found = signals_of(context(spine, mr_image(spine), T1))
    assert list(mr.tissue_rank(found, signals, csf)) == []
    assert list(mr.diffuse_marrow(found, signals)) == []
    bright, fluid, veto = signals_of(context(spine, mr_image(spine, marrow=300.0, csf=900.0), T1))
    reasons = list(mr.tissue_rank(veto, bright, fluid))
    assert [reason.code for reason in reasons] == [ReasonCode.SEQUENCE_UNSUPPORTED]
    assert reasons[0].blocking
    as_t2 = replace(veto, candidate=replace(veto.candidate, role=SeriesRole.T2W))
    assert list(mr.tissue_rank(as_t2, bright, fluid)) == []


def test_marrow_no_brighter_than_discs_is_not_interpreted() -> None:
    spine = draw_spine(SAGITTAL)
    signals, _, found = signals_of(context(spine, mr_image(spine, marrow=480.0, disc=500.0), T1))
    reasons = list(mr.diffuse_marrow(found, signals))
    assert [reason.code for reason in reasons] == [ReasonCode.DIFFUSE_MARROW]


def test_a_curved_spine_is_flagged(sound: GateContext) -> None:
    assert list(common.curvature(sound)) == []
    leaning = DrawnSpine(AXIAL, np.zeros(AXIAL.shape, dtype=np.uint8), np.zeros(AXIAL.shape, dtype=np.uint8))
    for level, degrees in ((Level.L1, 14.0), (Level.L2, 0.0), (Level.L3, 0.0), (Level.L4, -14.0)):
        leaning.labels[draw_body(AXIAL, SHAPE, rotation(0.0, degrees, 0.0), centre_of(level))] = level.label
    reasons = list(common.curvature(context(leaning, ct_image(leaning, {}))))
    assert [reason.code for reason in reasons] == [ReasonCode.SCOLIOSIS]
    assert reasons[0].value == pytest.approx(28, abs=3)


def test_nothing_found_is_no_spine_and_bodies_without_names_are_not_guessed(spine: DrawnSpine) -> None:
    empty = context(spine, ct_image(spine, HU), segmenter=DrawnSegmenter([]))
    assert [reason.code for reason in common.coverage(empty)] == [ReasonCode.NOT_A_SPINE]
    bodies = tuple(SegmentedBody(label=101 + place, level=None, quality=0.9) for place in range(4))
    unnamed = replace(empty, segmentation=replace(empty.segmentation, bodies=bodies))
    first = next(iter(common.coverage(unnamed)))
    assert first.code is ReasonCode.NUMBERING_AMBIGUOUS
    assert first.blocking
    thoracic = context(draw_spine(AXIAL, levels=(Level.T12, Level.L1)), ct_image(spine, HU))
    assert ReasonCode.NOT_TARGET_BODYPART in [reason.code for reason in common.coverage(thoracic)]


def test_gates_that_read_hu_are_not_asked_where_hu_is_wrong(spine: DrawnSpine) -> None:
    reasons = ask(context(spine, ct_image(spine, HU) + 1024.0))
    assert [reason.code for reason in reasons] == [ReasonCode.HU_SANITY]
