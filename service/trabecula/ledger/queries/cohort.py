"""What training asks the ledger: every study as its newest revision stands, with patient facts, and all references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine, and_, select

from trabecula.domain.results.result import StudyResult
from trabecula.domain.results.result_json import from_json
from trabecula.domain.study.reference import Reference, ReferenceMethod, ReferenceSite
from trabecula.domain.study.study import StudyState
from trabecula.ledger.database import database_errors
from trabecula.ledger.tables import ReferenceResult, Revision, Study

_BATCH = 200


@dataclass(frozen=True)
class StudyRecord:
    """A study with its patient facts (texts as in the images: dates YYYYMMDD, sex M, F or other) and newest result."""

    study_uid: str
    revision: int
    state: StudyState
    patient_id: str
    issuer: str
    birth_date: str
    sex: str
    study_date: str
    manufacturer: str
    scanner_model: str
    result: StudyResult | None


def study_records(engine: Engine) -> Iterator[StudyRecord]:
    """Yield every study, ordered by its UID; the results of a few at a time are in memory."""
    query = (
        select(
            Study.study_uid,
            Study.revision,
            Study.state,
            Study.patient_id,
            Study.patient_id_issuer,
            Study.birth_date,
            Study.sex,
            Study.study_date,
            Study.manufacturer,
            Study.scanner_model,
            Revision.result,
        )
        .outerjoin(Revision, and_(Revision.study_uid == Study.study_uid, Revision.revision == Study.revision))
        .order_by(Study.study_uid)
        .execution_options(yield_per=_BATCH)
    )
    with database_errors(), engine.connect() as connection:
        for row in connection.execute(query):
            result = None if row.result is None else from_json(row.result)
            yield StudyRecord(row[0], row[1], StudyState(row[2]), *row[3:10], result)


def reference_records(engine: Engine, method: ReferenceMethod) -> tuple[Reference, ...]:
    """Return the imported references of a method, ordered by patient and date."""
    table = ReferenceResult
    query = select(table).where(table.method == str(method)).order_by(table.patient_id, table.measured_on, table.site)
    with database_errors(), engine.connect() as connection:
        return tuple(
            Reference(
                row.patient_id,
                row.measured_on,
                ReferenceMethod(row.method),
                ReferenceSite(row.site),
                row.issuer,
                row.t_score,
                row.z_score,
                row.value,
                row.device,
                row.height_cm,
                row.weight_kg,
                row.postmenopausal,
            )
            for row in connection.execute(query)
        )


def stated_issuers(engine: Engine) -> dict[str, frozenset[str]]:
    """Return for each patient ID the issuers (0010,0021) that studies state."""
    query = select(Study.patient_id, Study.patient_id_issuer).where(Study.patient_id_issuer != "").distinct()
    found: dict[str, set[str]] = {}
    with database_errors(), engine.connect() as connection:
        for patient, issuer in connection.execute(query):
            found.setdefault(patient, set()).add(issuer)
    return {patient: frozenset(names) for patient, names in found.items()}
