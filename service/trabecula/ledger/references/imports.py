"""Reference measurements in the ledger: checked against what is known, then written in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, text, tuple_, update

from trabecula.domain.audit.entry import PatientKey
from trabecula.domain.study.reference import Reference
from trabecula.ledger.audit.changes import append_references
from trabecula.ledger.database import database_errors
from trabecula.ledger.references.reference_csv import LineProblem
from trabecula.ledger.tables import ReferenceResult, Study
from trabecula.ledger.texts import storable

_KEY = ("patient_id", "issuer", "measured_on", "method", "site")
_COLUMNS = tuple(item.name for item in fields(Reference))
_BATCH = 1000


class Unknown(StrEnum):
    """What to do with measurements of patients of whom the ledger has no study."""

    REFUSE = "refuse"
    """They are an error: most likely the patient IDs are of another system."""
    SKIP = "skip"
    """They are left out, and counted."""
    KEEP = "keep"
    """They are imported: their studies may still come."""


@dataclass(frozen=True, kw_only=True)
class Import:
    """What an import did, or why it did nothing: with ``problems`` nothing was written.

    ``added``, ``replaced`` and ``present`` (the same values were there already) count measurements; ``skipped`` those
    of unknown patients; ``patients`` the distinct patients of what is in the ledger now from this file.
    """

    added: int = 0
    replaced: int = 0
    present: int = 0
    skipped: int = 0
    patients: int = 0
    problems: tuple[LineProblem, ...] = ()


def import_references(
    engine: Engine,
    references: Mapping[int, Reference],
    who: str,
    unknown: Unknown = Unknown.REFUSE,
    replace: bool = False,
    dry_run: bool = False,
) -> Import:
    """Write the measurements (by line number) in one transaction, or say what is wrong and write nothing.

    A measurement that is there already with the same values counts as present, so that a file may be imported again;
    with other values it is an error, or is replaced. ``dry_run`` says what would happen.
    """
    cleaned = {line: _storable(reference) for line, reference in references.items()}
    with database_errors(), engine.begin() as connection:
        connection.execute(text("LOCK TABLE reference_results IN SHARE ROW EXCLUSIVE MODE"))  # one import at a time
        issuers = _issuers(connection, {reference.patient_id for reference in cleaned.values()})
        told = {line: _patient_problem(line, item, issuers, unknown) for line, item in cleaned.items()}
        problems = [problem for problem in told.values() if problem is not None]
        kept = {line: item for line, item in cleaned.items() if unknown is not Unknown.SKIP or _known(item, issuers)}
        before = _present(connection, kept.values())
        new = [item for item in kept.values() if item.key not in before]
        other = {line: item for line, item in kept.items() if item.key in before and before[item.key] != _row(item)}
        if not replace:
            problems += [_conflict(line) for line in other]
        if problems:
            return Import(problems=tuple(sorted(problems, key=lambda problem: problem.line)))
        if not dry_run:
            _write(connection, new, list(other.values()), who)
            persons = {PatientKey(item.patient_id, item.issuer) for item in (*new, *other.values())}
            append_references(connection, persons, who, f"{len(new)} added, {len(other)} replaced")
    return Import(
        added=len(new),
        replaced=len(other),
        present=len(kept) - len(new) - len(other),
        skipped=len(cleaned) - len(kept),
        patients=len({(item.patient_id, item.issuer) for item in kept.values()}),
    )


def _storable(reference: Reference) -> Reference:
    values = {item.name: getattr(reference, item.name) for item in fields(reference)}
    cleaned: dict[str, Any] = {name: storable(item) if type(item) is str else item for name, item in values.items()}
    return Reference(**cleaned)


def _issuers(connection: Connection, patients: set[str]) -> dict[str, set[str]]:
    """The issuers of each patient ID that the studies of the ledger name."""
    found: dict[str, set[str]] = {}
    ordered = sorted(patients)
    for start in range(0, len(ordered), _BATCH):
        query = (
            select(Study.patient_id, Study.patient_id_issuer)
            .where(Study.patient_id.in_(ordered[start : start + _BATCH]))
            .distinct()
        )
        for patient, issuer in connection.execute(query):
            found.setdefault(patient, set()).add(issuer)
    return found


def issuers_agree(one: str, other: str) -> bool:
    """Return whether two issuers of a patient ID can be the same; one that is not stated agrees with every other."""
    return one == other or not one or not other


def _known(reference: Reference, issuers: Mapping[str, set[str]]) -> bool:
    return any(issuers_agree(reference.issuer, issuer) for issuer in issuers.get(reference.patient_id, ()))


def _patient_problem(
    line: int, reference: Reference, issuers: Mapping[str, set[str]], unknown: Unknown
) -> LineProblem | None:
    stated = {issuer for issuer in issuers.get(reference.patient_id, ()) if issuer}
    if not reference.issuer and len(stated) > 1:
        found = f"studies of {len(stated)} issuers have this patient ID"
        return LineProblem(line, "issuer", found, "Name the issuer of the patient ID.")
    if unknown is Unknown.REFUSE and not _known(reference, issuers):
        step = "Correct the patient ID, or import such patients as left out or kept (unknown patients)."
        return LineProblem(line, "patient_id", "no study of this patient", step)
    return None


def _conflict(line: int) -> LineProblem:
    found = "this measurement is in the ledger with other values"
    return LineProblem(line, "", found, "Correct the line, or import it as a replacement (replace).")


def _present(connection: Connection, references: Sequence[Reference] | Any) -> dict[tuple[Any, ...], dict[str, Any]]:
    keys = [(*item.key[:3], str(item.method), str(item.site)) for item in references]
    columns = [getattr(ReferenceResult, name) for name in (*_COLUMNS, "unit")]
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for start in range(0, len(keys), _BATCH):
        query = select(*columns).where(
            tuple_(*(getattr(ReferenceResult, name) for name in _KEY)).in_(keys[start : start + _BATCH])
        )
        for row in connection.execute(query).mappings():
            found[tuple(row[name] for name in _KEY)] = dict(row)
    return found


def _row(reference: Reference) -> dict[str, Any]:
    unit = reference.method.unit if reference.value is not None else ""
    return asdict(reference) | {"method": str(reference.method), "site": str(reference.site), "unit": unit}


def _write(connection: Connection, new: Sequence[Reference], other: Sequence[Reference], who: str) -> None:
    if new:
        connection.execute(insert(ReferenceResult), [_row(item) | {"recorded_by": who} for item in new])
    for item in other:
        row = _row(item)
        key = [getattr(ReferenceResult, name) == row[name] for name in _KEY]
        connection.execute(update(ReferenceResult).where(*key).values(**row, recorded_by=who))
