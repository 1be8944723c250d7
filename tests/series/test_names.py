"""Names of series: they rank, they warn, and no word alone keeps a series out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.series.test_choice import CT, T1, T2, mr, stack
from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import SeriesRole
from trabecula.domain.volume import Plane
from trabecula.series.choice import choose
from trabecula.series.names import name_rank


@pytest.mark.parametrize(
    "description",
    ["Thorax/Abdomen 2.5 B30f", "Thorax nativ", "HWS axial", "CT Kopf", "Chest 1.25", "Virtual colonoscopy supine",
     "Virtual bronchoscopy", "DE_Abdomen 3.0 M_0.5", "Spectral Abdomen 2 B", "Planung CT Becken", "放疗定位CT",
     "LWS loc L3", "Pilot study", "HEAD FIRST abdomen", "mono segment", "胸腹部", "Thorakolumbaler Übergang"],
)  # fmt: skip
def test_no_word_alone_keeps_a_ct_series_out(description: str) -> None:
    choice = choose(stack(replace(CT, description=description, body_part="CHEST"), Plane.AXIAL))
    assert [candidate.role for candidate in choice.candidates] == [SeriesRole.CT]
    assert choice.refused == ()


@pytest.mark.parametrize(
    "description",
    ["T1 SAG POST OP", "SAG T1 HEAD FIRST", "T1 HWS sag", "T1 sag cervical", "T1 knee sag", "SAG T1 FEET FIRST",
     "T1 myelopathy", "T1 sag myeloma?", "T1 loc", "T1 SAG head coil", "difficult patient T1", "T1 SAG POST"],
)  # fmt: skip
def test_no_word_alone_keeps_an_mr_series_out(description: str) -> None:
    choice = choose(mr(replace(T1, description=description)))
    assert [candidate.role for candidate in choice.candidates] == [SeriesRole.T1W]


@pytest.mark.parametrize(
    "description",
    ["Abd MONO+ 70keV", "MonoE 40 keV", "VNC 3.0", "DE_LiverVNC 2.5 Q30f",
     "CaSupp50", "HAP(Water)", "ME 40", "Virtual non-contrast", "Virtuell nativ", "VMI 55", "Iodine map",
     "VMI70keV", "MonoPlus 70", "Virt. nativ", "Z Effective", "CaSupp 25", "SBI", "Abdomen 65 keV", "虚拟平扫",
     "GSI 70 keV", "Iodine (Water)"],
)  # fmt: skip
def test_phrases_of_spectral_images_keep_a_series_out(description: str) -> None:
    choice = choose(stack(replace(CT, description=description), Plane.AXIAL))
    assert choice.candidates == ()
    assert choice.refused[0].code is ReasonCode.SPECTRAL
    assert "Series Description says" in choice.refused[0].detail


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({"description": "DECT Abdomen"}, True),
        ({"protocol": "DE_Abdomen_VNC"}, True),
        ({"description": "Virtual colonoscopy"}, False),
        ({"description": "Abdomen"}, False),
    ],
)
def test_names_of_spectral_scanners_warn(changes: dict[str, object], warned: bool) -> None:
    candidate = choose(stack(replace(CT, **changes), Plane.AXIAL)).candidates[0]  # type: ignore[arg-type]
    codes = [(reason.code, reason.blocking) for reason in candidate.reasons]
    assert codes == ([(ReasonCode.SPECTRAL_UNCLEAR, False)] if warned else [])


@pytest.mark.parametrize(
    ("changes", "rank"),
    [
        ({"description": "LWS sag"}, 0),
        ({"description": "Thorax/Abdomen"}, 0),
        ({"description": "HWS"}, 2),
        ({"description": "HWS", "study_text": "MRT HWS LWS"}, 0),
        ({"description": "SAG T1 HEAD FIRST"}, 0),
        ({"description": "T1 head coil"}, 0),
        ({"description": "Head axial"}, 2),
        ({"description": "", "body_part": "HEAD"}, 2),
        ({"description": "axial 1.0", "body_part": "HEAD"}, 0),
        ({"description": "T1 thoracolumbar"}, 0),
        ({"description": "T1 loc"}, 1),
    ],
)
def test_names_rank(changes: dict[str, object], rank: int) -> None:
    assert name_rank(replace(T1, **changes)) == rank  # type: ignore[arg-type]


def test_a_series_named_for_another_region_comes_after_the_others() -> None:
    neck = replace(CT, series_uid="2.25.11", description="HWS 1.0", kernel=("B30f",), slice_thickness=1.5)
    reformat = replace(CT, series_uid="2.25.12", image_type=("DERIVED", "PRIMARY", "MPR"), description="LWS sag")
    frames = stack(neck, Plane.AXIAL) + stack(reformat, Plane.SAGITTAL, 40)
    assert [item.series_uid for item in choose(frames).of(SeriesRole.CT)] == ["2.25.12", "2.25.11"]
    other = replace(T1, series_uid="2.25.22", description="T1 HWS", acquired_at="090000")
    moved = [replace(frame, position=(frame.position[0], 0.0, 300.0)) for frame in mr(other) if frame.position]
    assert [item.series_uid for item in choose(moved + mr(T1)).of(SeriesRole.T1W)] == ["2.25.20", "2.25.22"]


def test_a_doubtful_word_for_contrast_agent_ranks_later_and_warns() -> None:
    post = replace(T1, series_uid="2.25.22", description="T1 SAG POST", acquired_at="090000", repetition_time=500.0)
    moved = [replace(frame, position=(frame.position[0], 0.0, 30.0)) for frame in mr(post) if frame.position]
    chosen = choose(moved + mr(T1) + mr(T2)).of(SeriesRole.T1W)
    assert [item.series_uid for item in chosen] == ["2.25.20", "2.25.22"]
    assert [reason.code for reason in chosen[1].reasons] == [ReasonCode.CONTRAST_UNCLEAR]
    assert "'post'" in chosen[1].reasons[0].sentence


def test_signs_that_contradict_keep_an_mr_series_out_and_say_why() -> None:
    choice = choose(mr(replace(T1, contrast_agent="Gadovist", description="T1 sag nativ")))
    assert choice.candidates == ()
    assert choice.refused[0].sentence == (
        "Whether contrast agent was given is not certain (Contrast/Bolus Agent: Gadovist; Series Description says "
        "'nativ')."
    )
