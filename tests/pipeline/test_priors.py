"""Earlier results of the same person, from the ledger into the result of a later study, and of nobody else."""

from __future__ import annotations

import pytest

from tests.pipeline.world import World
from trabecula.domain.results.result import PriorResult
from trabecula.pipeline import register_instance
from trabecula.pipeline.priors import priors_of

FIRST, SECOND = "1.2.826.0.11", "1.2.826.0.12"
PERSON = {"patient_id": "4711", "patient_id_issuer": "HOSP", "birth_date": "19500101", "sex": "F"}


def measured(world: World, study_uid: str, **facts: str) -> None:
    """A study with one image is received, settles, is measured and becomes the study of this person."""
    register_instance(world.services.open_ledger, world.instance(1, study_uid=study_uid), 60.0)
    world.be_quiet(study_uid)
    world.run_all()
    changes = ", ".join(f"{name} = '{value}'" for name, value in {**PERSON, **facts}.items())
    world.rows(f"UPDATE studies SET {changes} WHERE study_uid = :uid", uid=study_uid)


@pytest.fixture
def two(world: World) -> World:
    measured(world, FIRST, study_date="20240302")
    measured(world, SECOND, study_date="20260102")
    return world


def found(world: World, study_uid: str = SECOND) -> tuple[PriorResult, ...]:
    with world.services.open_ledger() as ledger:
        return priors_of(ledger, study_uid)


def test_an_earlier_study_of_the_same_person_is_found_and_a_later_one_is_not(two: World) -> None:
    (prior,) = found(two)

    assert (prior.study_uid, prior.study_date, prior.modality, prior.value) == (FIRST, "20240302", "CT", 101.0)
    assert found(two, FIRST) == ()


@pytest.mark.parametrize(
    "change",
    [
        "patient_id = '4712'",
        "patient_id_issuer = 'OTHER'",
        "birth_date = '19500102'",
        "birth_date = ''",
        "sex = 'M'",
        "study_date = ''",
        "study_date = '20260102'",
    ],
)
def test_anybody_else_is_not(two: World, change: str) -> None:
    two.rows(f"UPDATE studies SET {change} WHERE study_uid = :uid", uid=FIRST)

    assert found(two) == ()


def test_without_an_issuer_only_one_sender_s_studies_are_of_one_person(two: World) -> None:
    two.rows("UPDATE studies SET patient_id_issuer = ''")
    assert len(found(two)) == 1

    two.rows("UPDATE studies SET calling_ae_title = 'ELSEWHERE' WHERE study_uid = :uid", uid=FIRST)
    assert found(two) == ()


def test_a_recalled_result_is_no_earlier_result(two: World) -> None:
    two.rows("UPDATE revisions SET recall = '{}'::jsonb WHERE study_uid = :uid", uid=FIRST)

    assert found(two) == ()


def test_the_earlier_result_is_frozen_with_the_revision(world: World) -> None:
    measured(world, FIRST, study_date="20240302", patient_id_issuer="")
    measured(world, SECOND)

    with world.services.open_ledger() as ledger:
        result = ledger.revisions.result(SECOND, 1)

    assert result is not None
    assert [prior.study_uid for prior in result.priors] == [FIRST]
    assert result.impression[-1].startswith("Earlier CT (2024-03-02): L1 101 HU; now 101 HU (+0 %)")
