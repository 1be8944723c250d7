"""Importing reference measurements: all or nothing, the same file twice is no change, patients are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine, select

from trabecula.domain.study.reference import Reference, ReferenceMethod, ReferenceSite
from trabecula.ledger.database import create_engine_for
from trabecula.ledger.references.imports import Import, Unknown, import_references
from trabecula.ledger.tables import ReferenceResult

DXA = Reference(
    patient_id="A1",
    measured_on=date(2026, 1, 31),
    method=ReferenceMethod.DXA,
    site=ReferenceSite.LUMBAR_SPINE,
    t_score=-2.6,
    weight_kg=61.0,
)
QCT = Reference(
    patient_id="A2",
    measured_on=date(2026, 2, 1),
    method=ReferenceMethod.QCT,
    site=ReferenceSite.LUMBAR_SPINE,
    value=74.5,
)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A ledger that knows patients A1 and A2, and A3 of two issuers."""
    with psycopg.connect(database_url) as connection:
        for number, (patient, issuer) in enumerate((("A1", ""), ("A2", "HOSP"), ("A3", "HOSP"), ("A3", "OTHER"))):
            connection.execute(
                "INSERT INTO studies (study_uid, patient_id, patient_id_issuer) VALUES (%s, %s, %s)",
                (f"1.2.{number}", patient, issuer),
            )
    made = create_engine_for(database_url)
    yield made
    made.dispose()


def rows(engine: Engine) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        query = select(ReferenceResult.__table__).order_by(ReferenceResult.patient_id)
        return [dict(row) for row in connection.execute(query).mappings()]


def test_an_import_is_written_with_who_and_unit_and_may_be_repeated(engine: Engine) -> None:
    first = import_references(engine, {2: DXA, 3: QCT}, "tester")
    again = import_references(engine, {2: DXA, 3: QCT}, "another")

    assert first == Import(added=2, patients=2)
    assert again == Import(present=2, patients=2)
    one, two = rows(engine)
    assert (one["t_score"], one["unit"], one["weight_kg"], one["recorded_by"]) == (-2.6, "", 61.0, "tester")
    assert (two["value"], two["unit"], two["method"]) == (74.5, "mg/cm3", "QCT")


def test_one_wrong_line_keeps_everything_out(engine: Engine) -> None:
    done = import_references(engine, {2: DXA, 3: replace(QCT, patient_id="nobody")}, "tester")

    assert [(item.line, item.column) for item in done.problems] == [(3, "patient_id")]
    assert "nobody" not in str(done)
    assert rows(engine) == []


def test_unknown_patients_are_left_out_or_kept_when_asked(engine: Engine) -> None:
    lines = {2: DXA, 3: replace(QCT, patient_id="nobody")}

    skipped = import_references(engine, lines, "tester", Unknown.SKIP)
    kept = import_references(engine, lines, "tester", Unknown.KEEP)

    assert skipped == Import(added=1, skipped=1, patients=1)
    assert kept == Import(added=1, present=1, patients=2)
    assert [row["patient_id"] for row in rows(engine)] == ["A1", "nobody"]


def test_other_values_of_the_same_measurement_need_replace(engine: Engine) -> None:
    import_references(engine, {2: DXA}, "tester")
    other = replace(DXA, t_score=-1.0)

    refused = import_references(engine, {2: other}, "tester")
    before = rows(engine)[0]["t_score"]
    replaced = import_references(engine, {2: other}, "corrector", replace=True)

    assert "other values" in refused.problems[0].found
    assert before == -2.6
    assert replaced == Import(replaced=1, patients=1)
    assert [(row["t_score"], row["recorded_by"]) for row in rows(engine)] == [(-1.0, "corrector")]


def test_the_issuer_tells_patients_of_the_same_id_apart(engine: Engine) -> None:
    ambiguous = import_references(engine, {2: replace(DXA, patient_id="A3")}, "tester")
    named = import_references(engine, {2: replace(DXA, patient_id="A3", issuer="HOSP")}, "tester")
    foreign = import_references(engine, {2: replace(DXA, patient_id="A2", issuer="OTHER")}, "tester")

    assert [item.column for item in ambiguous.problems] == ["issuer"]
    assert named.added == 1
    assert [item.column for item in foreign.problems] == ["patient_id"]


def test_a_dry_run_tells_and_writes_nothing(engine: Engine) -> None:
    assert import_references(engine, {2: DXA}, "tester", dry_run=True) == Import(added=1, patients=1)
    assert rows(engine) == []


def test_more_lines_than_one_query_takes(engine: Engine) -> None:
    many = {line: replace(DXA, patient_id=f"B{line}") for line in range(2, 2503)}

    import_references(engine, many, "tester", Unknown.KEEP)

    assert import_references(engine, many, "tester", Unknown.KEEP) == Import(present=2501, patients=2501)
