"""Signs of contrast agent: what one word is worth, what corroborates it, what contradicts it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.thresholds import ContrastPhase
from trabecula.domain.study.study import StoredFile
from trabecula.imaging.acquisition import Acquisition
from trabecula.imaging.headers.contrast import ContrastState, contrast_evidence, contrast_phase, contrast_remark
from trabecula.imaging.headers.frames import frames_of

CT = Acquisition(modality="CT", sop_class_uid="1.2.840.10008.5.1.4.1.1.2", series_uid="2.25.1")
MR = Acquisition(
    modality="MR", sop_class_uid="1.2.840.10008.5.1.4.1.1.4", series_uid="2.25.2", description="T1 TSE sag"
)
NONE, GIVEN, DOUBTFUL, CONTRADICTED = ContrastState


def state(made: Acquisition, **changes: object) -> ContrastState:
    return contrast_evidence(replace(made, **changes)).state  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "agent",
    ["off", "OFF", "false", "aus", "nil", "keins", "unused", "without contrast", "0", "0 ml", "0.0", "no", "none",
     "ohne", "ohne KM", "kein KM", "n/a", "N.A.", "-", "--", "w/o", "no contrast", "no gadolinium", "without iodine",
     "sans", "sans injection", "ninguno", "なし", "无", "нет", "", " ", "unknown", "?", "nicht gegeben", "not used",
     "sin contraste", "Keine Kontrastmittelgabe", "geen", "IV Contrast: No", "Contrast: none", "None given", "C-",
     "ohne i.v. KM", "no contrast given", "KM: nein", "Contrast 0 ml"],
)  # fmt: skip
def test_none_in_many_words_is_native_without_a_remark(agent: str) -> None:
    for made in (replace(CT, contrast_agent=agent), replace(MR, contrast_agent=agent, contrast_volume_ml=0.0)):
        assert contrast_evidence(made).state is NONE
        assert contrast_remark(made) == ()


@pytest.mark.parametrize(
    "agent",
    ["Gadovist", "GADAVIST 7.5", "Dotarem", "Gd-DTPA", "gadobutrol 1.0", "Magnevist 15ml", "ProHance", "ガドビスト",
     "Imeron 400", "Ultravist-370", "OMNIPAQUE 350", "Iopamidol", "碘海醇", "YES", "KM", "CONTRAST", "IV", "on",
     "Gastrografin + Ultravist", "oral & iv contrast", "Xenetix® 350"],
)  # fmt: skip
def test_a_known_agent_was_given(agent: str) -> None:
    assert state(CT, contrast_agent=agent) is GIVEN
    assert state(MR, contrast_agent=agent) is GIVEN


@pytest.mark.parametrize(
    ("agent", "route"),
    [
        ("Gastrografin", "ORAL"),
        ("Gastrografin", ""),
        ("Telebrix Gastro", ""),
        ("Omnipaque", "ORAL"),
        ("Omnipaque oral", ""),
        ("Barium sulfate", "PO"),
        ("E-Z-CAT", ""),
        ("water", "RECTAL"),
        ("CO2", ""),
        ("Tagitol V", "per os"),
        ("ガストログラフイン", "経口"),
        ("Isovue-M 200", "INTRATHECAL"),
        ("Magnevist", "intra-articular"),
    ],
)
def test_what_went_elsewhere_is_native_for_attenuation(agent: str, route: str) -> None:
    made = replace(CT, contrast_agent=agent, contrast_route=route, contrast_volume_ml=500.0, contrast_start="090000")
    assert contrast_phase(made) is ContrastPhase.NATIVE
    assert contrast_phase(replace(made, description="Abdomen portal venous")) is ContrastPhase.VENOUS
    assert contrast_phase(replace(made, contrast_route=f"{route} INTRAVENOUS")) is not ContrastPhase.NATIVE


def test_a_frame_before_the_agent_of_the_examination_is_native() -> None:
    assert state(MR, contrast_agent="Gadovist", contrast_given=False) is NONE


def test_an_agent_in_the_canal_keeps_an_mr_series_out() -> None:
    assert state(MR, contrast_agent="Magnevist", contrast_route="INTRATHECAL") is CONTRADICTED


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, DOUBTFUL),
        ({"contrast_volume_ml": 0.0}, NONE),
        ({"description": "LWS nativ"}, NONE),
        ({"contrast_volume_ml": 80.0}, GIVEN),
        ({"contrast_dose_ml": 80.0}, GIVEN),
        ({"contrast_route": "IV"}, GIVEN),
        ({"contrast_start": "101530"}, GIVEN),
        ({"contrast_start": "000000"}, DOUBTFUL),
        ({"contrast_ingredient": "IODINE"}, GIVEN),
        ({"contrast_given": True}, GIVEN),
        ({"description": "T1 sag post"}, GIVEN),
        ({"description": "T1 sag +C"}, GIVEN),
        ({"description": "nativ", "contrast_volume_ml": 80.0}, CONTRADICTED),
    ],
)
def test_an_unknown_word_needs_another_sign(changes: dict[str, object], expected: ContrastState) -> None:
    made = replace(CT, contrast_agent="Zebra 7", **changes)  # type: ignore[arg-type]
    assert contrast_evidence(made).state is expected
    if expected is not GIVEN:
        remark = contrast_remark(made)[0]
        assert remark.code is ReasonCode.CONTRAST_UNCLEAR
        assert not remark.blocking
        assert "Contrast/Bolus Agent: Zebra 7" in remark.sentence


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"contrast_agent": "Gadovist", "description": "T1 sag nativ"}, "Gadovist; Series Description says 'nativ'"),
        ({"contrast_agent": "Gadovist", "contrast_volume_ml": 0.0}, "Contrast/Bolus Volume: 0"),
        ({"contrast_agent": "Gadovist", "contrast_given": False, "description": "T1 +C"}, "says '+c'"),
        ({"contrast_agent": "off", "description": "T1 sag post Gd"}, "off; Series Description says 'post gd'"),
        ({"contrast_agent": "none", "contrast_volume_ml": 15.0}, "Contrast/Bolus Volume: 15 ml"),
        ({"description": "T1 post KM", "contrast_volume_ml": 0.0}, "post km"),
    ],
)
def test_signs_for_and_against_contradict(changes: dict[str, object], said: str) -> None:
    made = replace(MR, **changes)  # type: ignore[arg-type]
    found = contrast_evidence(made)
    assert found.state is CONTRADICTED
    assert said in found.signs
    assert contrast_phase(replace(made, modality="CT")) is ContrastPhase.DOUBTFUL


@pytest.mark.parametrize(
    ("description", "protocol", "expected"),
    [
        ("T1 TSE sag KM", "", GIVEN),
        ("T1_tse_sag+C", "", GIVEN),
        ("SAG T1 POST GAD", "", GIVEN),
        ("T1 SE post gadolinium", "", GIVEN),
        ("T1 sag nach KM", "", GIVEN),
        ("矢状 T1 造影", "", GIVEN),
        ("T1 sag con contraste", "", GIVEN),
        ("", "t1_tse_sag_km", GIVEN),
        ("T1 SAG POST", "", DOUBTFUL),
        ("T1 sag contrast", "", DOUBTFUL),
        ("SAG T1", "LSPINE WITH CONTRAST", DOUBTFUL),
        ("SAG T1", "LSPINE W/WO", DOUBTFUL),
        ("SAG T1 PRE", "LSPINE W/WO", NONE),
        ("L-SPINE W/WO CONTRAST", "", DOUBTFUL),
        ("T1 sag pre/post", "", DOUBTFUL),
        ("T1 sag w/o contrast", "", NONE),
        ("T1 sag ohne KM", "", NONE),
        ("T1 sag no gad", "", NONE),
        ("T1 sag vor KM", "", NONE),
        ("T1 矢状 造影なし", "", NONE),
        ("T1 sag avant injection", "", NONE),
        ("T1 c/ gad", "", GIVEN),
        ("T1 sag Dotarem", "", GIVEN),
        ("T1 sag Gd-DTPA", "", GIVEN),
        ("T1 sag mKM", "", GIVEN),
        ("T1KM sag", "", GIVEN),
        ("t1_tseKM_sag", "", GIVEN),
        ("T1 sag na gadolinium", "", GIVEN),
        ("T1 sag tehosteella", "", GIVEN),
        ("T1 сагиттально с контрастом", "", GIVEN),
        ("T1 sag post", "", DOUBTFUL),
        ("T1 sag p.c.", "", DOUBTFUL),
        ("T1 C-/C+", "", DOUBTFUL),
        ("T1 C-", "", NONE),
        ("T1 sag ohne Gadovist", "", NONE),
        ("L-SP W/O", "", NONE),
        ("L-SP W", "", DOUBTFUL),
        ("LSPINE W&W/O", "", DOUBTFUL),
        ("T1 SAG +", "", DOUBTFUL),
        ("T1 SAG W/C", "", DOUBTFUL),
        ("LSPINE T1 W", "", NONE),
        ("SAG T1-W TSE", "", NONE),
    ],
)
def test_words_of_an_mr_series(description: str, protocol: str, expected: ContrastState) -> None:
    assert state(MR, description=description, protocol=protocol) is expected


@pytest.mark.parametrize(
    "description",
    ["T1 SAG POST OP", "T1_sag_postop", "T1 SAG POST-OPERATIVE", "T1 sag post laminectomy", "Sag T1 post fusion L4/5",
     "T1 sag post surgery", "T1 sag post opératoire", "T1 sag postoperatorio", "T1 sag Z.n. OP", "T1 sag nach OP",
     "T1 status post discectomy", "T1 sag s/p fusion", "T1 术后", "T1 SAG POST TRAUMA", "T1 SAG POST PROC",
     "T1 sag posterior elements", "T1 SAT POST", "T1 post vertebroplasty", "T1 PRE OP", "T1 postquirúrgico"],
)  # fmt: skip
def test_after_surgery_is_not_after_contrast_agent(description: str) -> None:
    made = replace(MR, description=description, protocol=description)
    assert contrast_evidence(made).state is NONE
    assert contrast_evidence(replace(made, description=f"{description} post Gd")).state is GIVEN


@pytest.mark.parametrize(
    ("description", "phase"),
    [
        ("Abdomen portal-venous 3.0", ContrastPhase.VENOUS),
        ("Abd. arteriell", ContrastPhase.ARTERIAL),
        ("腹部 门脉期", ContrastPhase.VENOUS),
        ("Abdomen 3.0 late", ContrastPhase.DOUBTFUL),
        ("CAP PV 3.0", ContrastPhase.DOUBTFUL),
        ("PE Chest", ContrastPhase.DOUBTFUL),
        ("ABD PEL W CONT", ContrastPhase.UNKNOWN),
        ("LWS o. KM", ContrastPhase.NATIVE),
        ("LWS m. KM", ContrastPhase.UNKNOWN),
        ("Abdomen oral contrast", ContrastPhase.NATIVE),
        ("Abdomen oral & iv", ContrastPhase.DOUBTFUL),
        ("Abdomen with contrast", ContrastPhase.UNKNOWN),
        ("Abdomen contrast", ContrastPhase.DOUBTFUL),
        ("Abdomen W/WO", ContrastPhase.DOUBTFUL),
        ("Virtual colonoscopy supine", ContrastPhase.NATIVE),
        ("CECT abdomen", ContrastPhase.UNKNOWN),
        ("Abdomen mKM 2.5", ContrastPhase.UNKNOWN),
        ("Abdomen Imeron 100 ml", ContrastPhase.UNKNOWN),
        ("Abdomen mit Kontr.", ContrastPhase.UNKNOWN),
        ("Abdomen kontr.", ContrastPhase.DOUBTFUL),
        ("addome tempo portale", ContrastPhase.VENOUS),
        ("Abdomen Parenchymphase", ContrastPhase.UNKNOWN),
        ("Abdomen oral Omnipaque", ContrastPhase.NATIVE),
        ("Abdomen ohne Ultravist", ContrastPhase.NATIVE),
        ("ABD W", ContrastPhase.DOUBTFUL),
        ("ABD/PEL W 3.0", ContrastPhase.DOUBTFUL),
        ("A/P W", ContrastPhase.DOUBTFUL),
        ("ABD W & W/O", ContrastPhase.DOUBTFUL),
        ("ABD WWO", ContrastPhase.DOUBTFUL),
        ("ABD W/O", ContrastPhase.NATIVE),
        ("L-SP WO", ContrastPhase.NATIVE),
        ("ABD C-", ContrastPhase.NATIVE),
        ("ABD -C", ContrastPhase.NATIVE),
        ("ABD NC", ContrastPhase.NATIVE),
        ("ABD C+", ContrastPhase.UNKNOWN),
        ("ABDOMEN W CON", ContrastPhase.UNKNOWN),
        ("ADDOME CMC", ContrastPhase.DOUBTFUL),
        ("ADDOME SMC", ContrastPhase.NATIVE),
        ("Abdomen veneus 2.5", ContrastPhase.VENOUS),
        ("Abdomen arterieel", ContrastPhase.ARTERIAL),
        ("Венозная фаза 2.5", ContrastPhase.VENOUS),
        ("Артериальная фаза", ContrastPhase.ARTERIAL),
        ("Отсроченная фаза", ContrastPhase.DELAYED),
        ("Jama brzuszna faza żylna", ContrastPhase.VENOUS),
        ("Buk venfas", ContrastPhase.VENOUS),
        ("Břicho venózní", ContrastPhase.VENOUS),
        ("Vatsa laskimovaihe", ContrastPhase.VENOUS),
        ("Batın venöz faz", ContrastPhase.VENOUS),
        ("복부 문맥기", ContrastPhase.VENOUS),
        ("腹部 靜脈期", ContrastPhase.VENOUS),
        ("Κοιλία φλεβική φάση", ContrastPhase.VENOUS),
    ],
)
def test_phases_by_words(description: str, phase: ContrastPhase) -> None:
    assert contrast_phase(replace(CT, description=description)) is phase


@pytest.mark.parametrize(
    ("request_text", "phase"),
    [
        ("CT ABDOMEN PELVIS W CONTRAST", ContrastPhase.DOUBTFUL),
        ("CT ABDOMEN PELVIS W/WO CONTRAST", ContrastPhase.NATIVE),
        ("CT ABDOMEN PELVIS W/O CONTRAST", ContrastPhase.NATIVE),
        ("CT LWS post OP", ContrastPhase.NATIVE),
        ("CT ABD/PEL W", ContrastPhase.DOUBTFUL),
        ("CT ABD/PEL W/O", ContrastPhase.NATIVE),
        ("CT ABD W/WO", ContrastPhase.NATIVE),
    ],
)
def test_a_request_for_contrast_agent_is_a_hint_where_the_series_is_silent(
    request_text: str, phase: ContrastPhase
) -> None:
    assert contrast_phase(replace(CT, description="Axial 2.5", study_text=request_text)) is phase
    assert contrast_phase(replace(CT, description="Axial nativ", study_text=request_text)) is ContrastPhase.NATIVE
    assert state(MR, study_text=request_text) is NONE


def test_a_hint_beside_an_agent_that_says_none_warns() -> None:
    assert state(MR, contrast_agent="off", contrast_volume_ml=0.0, description="T1 SAG POST") is DOUBTFUL
    assert state(MR, contrast_agent="off", contrast_volume_ml=0.0, description="T1 SAG POST OP") is NONE
    assert state(CT, contrast_agent="none", description="Abdomen pv") is DOUBTFUL
    assert state(MR, contrast_volume_ml=0.0, contrast_route="IV") is NONE


def test_a_phase_beside_an_agent_that_says_none_is_doubtful() -> None:
    made = replace(CT, contrast_agent="none", description="Abdomen portal venous")
    assert contrast_phase(made) is ContrastPhase.DOUBTFUL


def test_agent_route_and_amount_are_read_from_sequences_too() -> None:
    route, agent, image = Dataset(), Dataset(), Dataset()
    route.CodeMeaning, agent.CodeMeaning = "Oral route", "Diatrizoate"
    agent.ContrastBolusAdministrationRouteSequence = Sequence([route])
    agent.ContrastBolusVolume = "500"
    image.Modality = "CT"
    image.ContrastBolusAgentSequence = Sequence([agent])
    made = frames_of(image, StoredFile("/x", "2.25.3", "", "2.25.1"))[0].acquisition
    assert (made.contrast_agent, made.contrast_route, made.contrast_volume_ml) == ("Diatrizoate", "Oral route", 500.0)
    assert contrast_phase(made) is ContrastPhase.NATIVE
