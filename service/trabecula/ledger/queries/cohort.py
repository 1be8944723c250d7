"""What training asks the ledger: every study as its newest revision stands, with patient facts, and all references."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Engine, and_, select

from trabecula.domain.results.result import StudyResult
from trabecula.domain.results.result_json import from_json
from trabecula.domain.study.reference import Reference, ReferenceMethod, ReferenceSite
from trabecula.domain.study.study import StudyState
from trabecula.domain.uids import StudyUid
from trabecula.ledger.database import database_errors
from trabecula.ledger.tables import ReferenceResult, Revision, Study

_BATCH = 200
_STUDY_COLUMNS = (
    *(Study.study_uid, Study.revision, Study.state, Study.study_date, Study.manufacturer, Study.scanner_model),
    *(Study.patient_id, Study.patient_id_issuer, Study.birth_date, Study.sex),
)


@dataclass(frozen=True, kw_only=True)
class StudyRecord:
    """A study with its patient facts (texts as in the images: dates YYYYMMDD, sex M, F or other) and newest result."""

    study_uid: StudyUid
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
        select(*_STUDY_COLUMNS, Revision.result)
        .outerjoin(Revision, and_(Revision.study_uid == Study.study_uid, Revision.revision == Study.revision))
        .order_by(Study.study_uid)
        .execution_options(yield_per=_BATCH)
    )
    with database_errors(), engine.connect() as connection:
        for row in connection.execute(query):
            result = None if row.result is None else from_json(row.result)
            yield StudyRecord(
                study_uid=row.study_uid,
                revision=row.revision,
                state=StudyState(row.state),
                patient_id=row.patient_id,
                issuer=row.patient_id_issuer,
                birth_date=row.birth_date,
                sex=row.sex,
                study_date=row.study_date,
                manufacturer=row.manufacturer,
                scanner_model=row.scanner_model,
                result=result,
            )


def reference_records(engine: Engine, method: ReferenceMethod) -> tuple[Reference, ...]:
    """Return the imported references of a method, ordered by patient and date."""
    table = ReferenceResult
    query = select(table).where(table.method == str(method)).order_by(table.patient_id, table.measured_on, table.site)
    with database_errors(), engine.connect() as connection:
        return tuple(
            Reference(
                patient_id=row.patient_id,
                measured_on=row.measured_on,
                method=ReferenceMethod(row.method),
                site=ReferenceSite(row.site),
                issuer=row.issuer,
                t_score=row.t_score,
                z_score=row.z_score,
                value=row.value,
                device=row.device,
                height_cm=row.height_cm,
                weight_kg=row.weight_kg,
                postmenopausal=row.postmenopausal,
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
