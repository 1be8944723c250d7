"""Who of a ledger takes part in a cohort, with which study and which reference, and why the others do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from trabecula.domain.modality import Modality
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category, LevelResult, SeriesRole, SourceSeries, StudyResult
from trabecula.domain.spine import MEASURED_LEVELS, Level
from trabecula.domain.study.reference import Reference, ReferenceMethod, ReferenceSite
from trabecula.domain.study.study import StudyState
from trabecula.ledger.queries.cohort import StudyRecord
from trabecula_training.cohort.labels import BoneCategory, ReferenceKind
from trabecula_training.cohort.table import Part
from trabecula_training.ledger.cohort import CohortRule, Selection, pseudonym, select

DXA, SPINE = ReferenceMethod.DXA, ReferenceSite.LUMBAR_SPINE
RULE = CohortRule(
    needs=(SeriesRole.CT,),
    method=DXA,
    exclude=frozenset({ReasonCode.FRACTURE_LEVEL, ReasonCode.METAL, ReasonCode.DIFFUSE_MARROW}),
)


def study(patient: str = "A1", uid: str = "1.2.1", day: str = "20260110", **changes: object) -> StudyRecord:
    made = StudyRecord(
        study_uid=uid,
        revision=1,
        state=StudyState.DONE,
        patient_id=patient,
        issuer="",
        birth_date="19500101",
        sex="F",
        study_date=day,
        manufacturer="MAKER",
        scanner_model="SCAN",
        result=result(),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def result(
    flags: tuple[Reason, ...] = (),
    reasons: tuple[Reason, ...] = (),
    role: SeriesRole = SeriesRole.CT,
    evaluable: int = 4,
    category: Category = Category.NO_FLAG,
    flagged_level: Level = Level.L2,
) -> StudyResult:
    levels = [
        LevelResult(
            level=level, evaluable=number < evaluable, quality=0.9, flags=flags if level is flagged_level else ()
        )
        for number, level in enumerate((*MEASURED_LEVELS, Level.L5))
    ]
    source = SourceSeries(
        role=role,
        series_uid="1.5",
        modality=Modality.CT,
        description="",
        number=1,
        frame_of_reference_uid="1.6",
        instance_uids=(),
    )
    return StudyResult(
        study_uid="1.2.1", revision=1, category=category, reasons=reasons, levels=tuple(levels), sources=(source,)
    )


def dxa(
    patient: str = "A1", day: date = date(2026, 2, 1), t_score: float | None = -2.6, **changes: object
) -> Reference:
    return replace(Reference(patient_id=patient, measured_on=day, method=DXA, site=SPINE, t_score=t_score), **changes)  # type: ignore[arg-type]


def drawn(
    records: list[StudyRecord],
    references: list[Reference],
    rule: CohortRule = RULE,
    issuers: dict[str, frozenset[str]] | None = None,
) -> Selection:
    return select(records, references, rule, "2.25.1", issuers or {})


def test_a_patient_has_age_reference_body_and_scanner() -> None:
    (chosen,) = drawn([study()], [dxa(height_cm=160.0, weight_kg=58.0, z_score=-1.0)]).chosen

    patient = chosen.patient
    assert chosen.days == 22
    assert (patient.age_years, patient.sex, patient.reference) == (76.0, "F", ReferenceKind.DXA)
    assert (patient.t_score, patient.z_score, patient.category) == (-2.6, -1.0, BoneCategory.OSTEOPOROSIS)
    assert (patient.height_cm, patient.weight_kg, patient.scanner) == (160.0, 58.0, "MAKER SCAN")
    assert patient.part is Part.DEVELOPMENT


def test_nobody_can_be_recognised_by_name_and_everybody_keeps_the_name() -> None:
    (first,) = drawn([study()], [dxa()]).chosen
    (again,) = drawn([study(uid="1.2.9", day="20260201")], [dxa()]).chosen

    assert first.patient.patient == again.patient.patient == pseudonym("2.25.1", "A1", "")
    assert "A1" not in first.patient.patient
    assert pseudonym("2.25.2", "A1", "") != first.patient.patient
    assert str(first.patient.study) == f"studies/{first.patient.patient}"


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (study(state=StudyState.FAILED), "not processed to the end"),
        (study(result=None), "not processed to the end"),
        (study(result=result(role=SeriesRole.T1W)), "not measured on CT"),
        (study(patient_id=""), "no patient ID"),
        (study(birth_date=""), "study date, birth date or sex is missing"),
        (study(sex="O"), "study date, birth date or sex is missing"),
        (study(study_date="2026"), "study date, birth date or sex is missing"),
        (study(birth_date="20150101"), "younger than 18 or older than 110 years"),
        (
            study(result=result(flags=(Reason(code=ReasonCode.FRACTURE_LEVEL, level=Level.L2),))),
            "FRACTURE_LEVEL at L1-L4",
        ),
        (study(result=result(reasons=(Reason(code=ReasonCode.DIFFUSE_MARROW),))), "DIFFUSE_MARROW at L1-L4"),
        (study(result=result(evaluable=1)), "fewer than 2 evaluable levels of L1-L4"),
        (study(patient_id="B7"), "no DXA of the patient at LUMBAR_SPINE"),
        (study(day="20250101"), "no DXA within 365 days"),
    ],
)
def test_a_study_that_takes_no_part_has_one_reason(record: StudyRecord, why: str) -> None:
    found = drawn([record], [dxa()])

    assert found.chosen == ()
    assert found.studies == 1
    ((told, count),) = found.left_out.items()
    assert told.startswith(why)
    assert count == 1


def test_a_fracture_below_l4_or_one_that_is_kept_does_not_exclude() -> None:
    low = study(result=result(flags=(Reason(code=ReasonCode.FRACTURE_LEVEL),), flagged_level=Level.L5))
    broken = study(result=result(flags=(Reason(code=ReasonCode.FRACTURE_LEVEL),)))

    assert len(drawn([low], [dxa()]).chosen) == 1
    assert len(drawn([broken], [dxa()], replace(RULE, exclude=frozenset())).chosen) == 1


def test_the_score_that_counts_decides_by_age_and_menopause() -> None:
    young = study(birth_date="19900101")

    t_alone = drawn([young], [dxa()])
    z_given = drawn([young], [dxa(t_score=None, z_score=-2.1)])
    after_menopause = drawn([young], [dxa(postmenopausal=True)])

    assert list(t_alone.left_out) == [
        "no score that counts at this age (T-score from 50 years or after menopause, else Z-score)"
    ]
    assert z_given.chosen[0].patient.category is BoneCategory.BELOW_EXPECTED
    assert after_menopause.chosen[0].patient.category is BoneCategory.OSTEOPOROSIS


def test_of_a_patient_the_study_nearest_to_a_reference_takes_part() -> None:
    far, near, other = study(uid="1.2.1", day="20250601"), study(uid="1.2.2"), study("A2", "1.2.3")

    found = drawn([far, near, other], [dxa(), dxa("A2", date(2026, 1, 1))])

    assert sorted(item.record.study_uid for item in found.chosen) == ["1.2.2", "1.2.3"]
    assert found.left_out == {"another study of the patient is nearer to a reference": 1}


def test_of_several_sites_of_one_day_the_lowest_decides_where_they_are_asked_for() -> None:
    hip = dxa(site=ReferenceSite.TOTAL_HIP, t_score=-3.0)
    both = replace(RULE, sites=(SPINE, ReferenceSite.TOTAL_HIP))

    assert drawn([study()], [dxa(), hip]).chosen[0].patient.t_score == -2.6
    assert drawn([study()], [dxa(), hip], both).chosen[0].patient.t_score == -3.0


def test_qct_is_read_as_density() -> None:
    qct = Reference(patient_id="A1", measured_on=date(2026, 1, 10), method=ReferenceMethod.QCT, site=SPINE, value=74.0)

    (chosen,) = drawn([study()], [qct], replace(RULE, method=ReferenceMethod.QCT)).chosen

    assert (chosen.patient.qct_bmd_mg_cm3, chosen.patient.category) == (74.0, BoneCategory.OSTEOPOROSIS)


def test_issuers_keep_patients_of_one_id_apart_and_a_patient_together() -> None:
    one = drawn([study(uid="1.2.1", issuer="HOSP"), study(uid="1.2.2")], [dxa()], issuers={"A1": frozenset({"HOSP"})})
    two = frozenset({"HOSP", "OTHER"})
    apart = drawn(
        [study(uid="1.2.1", issuer="HOSP"), study(uid="1.2.2", issuer="OTHER"), study(uid="1.2.3")],
        [dxa(issuer="HOSP")],
        issuers={"A1": two},
    )

    assert len(one.chosen) == 1
    assert [item.record.study_uid for item in apart.chosen] == ["1.2.1"]
    assert apart.left_out["patient ID of several issuers, and the study names none"] == 1


def test_studies_from_a_day_on_are_the_external_part() -> None:
    rule = replace(RULE, external_from=date(2026, 1, 10))

    found = drawn([study(), study("A2", "1.2.2", "20260109")], [dxa(), dxa("A2")], rule)

    assert {item.record.study_uid: item.patient.part for item in found.chosen} == {
        "1.2.1": Part.EXTERNAL,
        "1.2.2": Part.DEVELOPMENT,
    }


def test_how_many_were_flagged_shows_whether_the_referred_are_like_all() -> None:
    low = result(category=Category.LOW_BONE_DENSITY_SUSPECTED)

    found = drawn([study(result=low), study("A2", "1.2.2"), study("A3", "1.2.3")], [dxa()])

    assert (found.chosen_flagged, len(found.chosen)) == (1, 1)
    assert (found.fit_flagged, found.fit) == (1, 3)
