from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from tests.ledger.audit.writing import OTHER, PERSON, STUDY, add_study, entry, rows, write
from trabecula.domain.audit.entry import AuditAction, PatientKey
from trabecula.domain.uids import StudyUid
from trabecula.ledger.audit.appending import append
from trabecula.ledger.audit.pseudonyms import forget_names, lock_study
from trabecula.ledger.database import driver_connection


def test_an_entry_names_study_and_person_by_pseudonyms_that_stay_the_same(engine: Engine) -> None:
    add_study(engine)
    add_study(engine, OTHER)

    write(engine, entry(studies=(STUDY,), address="10.0.0.5"), entry(studies=(STUDY, OTHER), detail="\x00page 2"))

    first, second = rows(engine, "SELECT * FROM audit_entries ORDER BY id")
    assert (first["who"], first["who_kind"], first["address"], first["outcome"]) == (
        "anna", "account", "10.0.0.5", "SUCCESS",
    )  # fmt: skip
    assert len(first["studies"]) == len(first["patients"]) == 1
    assert second["studies"][0] == first["studies"][0] != second["studies"][1]
    assert second["patients"] == first["patients"]
    assert second["detail"] == "page 2"
    assert PERSON not in repr((first, second))
    assert STUDY not in repr((first, second))
    kept = rows(engine, "SELECT * FROM audit_pseudonyms ORDER BY study_uid")
    assert [(row["patient_id"], row["issuer"], row["study_uid"]) for row in kept] == [
        (PERSON, "HOSPITAL", ""), ("", "", STUDY), ("", "", OTHER),
    ]  # fmt: skip
    assert kept[0]["pseudonym"] == first["patients"][0]


def test_what_the_ledger_does_not_hold_gets_a_pseudonym_whose_key_is_kept_nowhere(engine: Engine) -> None:
    unknown = entry(studies=(StudyUid("1.2.3.4.5.6.7"),), patients=(PatientKey("gone", "X"),))

    write(engine, unknown, unknown)

    first, second = rows(engine, "SELECT studies, patients FROM audit_entries ORDER BY id")
    assert first["studies"] != second["studies"]
    assert first["patients"] != second["patients"]
    assert rows(engine, "SELECT * FROM audit_pseudonyms") == []


def test_an_entry_goes_with_the_transaction_it_tells_of(engine: Engine) -> None:
    add_study(engine)
    with engine.connect() as connection:
        append(connection, entry(studies=(STUDY,)))
        connection.rollback()

    assert rows(engine, "SELECT * FROM audit_entries") == rows(engine, "SELECT * FROM audit_pseudonyms") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET who = 'nobody'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries CASCADE",
        "UPDATE audit_seals SET seal = ''",
        "DELETE FROM audit_seals",
        "TRUNCATE audit_seals",
    ],
)
def test_rows_are_never_changed_or_deleted(engine: Engine, statement: str) -> None:
    (number,) = write(engine, entry())
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO audit_seals (number, entry_id, digest, seal) VALUES (1, :id, 'd', 's')"), {"id": number}
        )

    with engine.begin() as connection, pytest.raises(SQLAlchemyError, match="never changed or deleted"):
        connection.execute(text(statement))


def test_a_deletion_destroys_the_keys_of_the_study_and_with_the_last_study_of_the_person(engine: Engine) -> None:
    add_study(engine)
    add_study(engine, OTHER)
    write(engine, entry(studies=(STUDY, OTHER)))

    def forget(uid: StudyUid) -> list[tuple[str, str]]:
        with engine.begin() as connection:
            lock_study(driver_connection(connection), uid)
            connection.execute(text("DELETE FROM studies WHERE study_uid = :uid"), {"uid": uid})
            forget_names(driver_connection(connection), uid)
        kept = rows(engine, "SELECT study_uid, patient_id FROM audit_pseudonyms ORDER BY 1, 2")
        return [(row["study_uid"], row["patient_id"]) for row in kept]

    assert forget(STUDY) == [("", PERSON), (OTHER, "")]
    assert forget(OTHER) == []


def test_who_writes_while_a_study_is_deleted_waits_and_keeps_no_key(engine: Engine) -> None:
    add_study(engine)
    done = threading.Event()

    def view() -> None:
        write(engine, entry(AuditAction.STUDY_VIEWED, patients=(PatientKey(PERSON, "HOSPITAL"),), studies=(STUDY,)))
        done.set()

    with engine.begin() as connection:
        lock_study(driver_connection(connection), STUDY)
        writer = threading.Thread(target=view)
        writer.start()
        assert not done.wait(0.3), "it should wait for the deletion"
        connection.execute(text("DELETE FROM studies WHERE study_uid = :uid"), {"uid": STUDY})
        forget_names(driver_connection(connection), STUDY)
    writer.join(10)

    assert done.is_set()
    assert rows(engine, "SELECT * FROM audit_pseudonyms") == []
    assert len(rows(engine, "SELECT * FROM audit_entries")) == 1


def test_two_who_name_persons_in_different_order_do_not_wait_for_each_other(engine: Engine) -> None:
    add_study(engine)
    add_study(engine, OTHER, "MRN-2")
    with engine.connect() as one, engine.connect() as two:
        append(one, entry(studies=(STUDY,)))
        append(two, entry(studies=(OTHER,)))
        append(one, entry(studies=(OTHER,)))
        append(two, entry(studies=(STUDY,)))
        one.commit()
        two.commit()

    write(engine, entry(studies=(STUDY, OTHER)))

    assert len(rows(engine, "SELECT * FROM audit_entries")) == 5
