"""A cohort drawn from a site's ledger: studies joined with references by patient and date, one study per patient.

Every study that takes no part has one reason, the first that holds; their counts are the flow of the cohort.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from trabecula.domain.results.reasons import ReasonCode
from trabecula.domain.results.result import Category, SeriesRole, StudyResult
from trabecula.domain.spine import MEASURED_LEVELS
from trabecula.domain.study.reference import Reference, ReferenceMethod, ReferenceSite
from trabecula.domain.study.study import StudyState
from trabecula.ledger.queries.cohort import StudyRecord
from trabecula.ledger.references.imports import issuers_agree
from trabecula_training.cohort.labels import ReferenceKind
from trabecula_training.cohort.line_reader import PLAUSIBLE
from trabecula_training.cohort.table import Part, Patient
from trabecula_training.data import data_file

STUDIES_FOLDER = "studies"
_DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, kw_only=True)
class CohortRule:
    """Who takes part. ``needs``: the series roles a study must have been measured on.

    ``exclude``: reasons at L1-L4 or of the study that keep a patient out. ``external_from``: studies from this day on
    form the external part (a temporal validation); None: there is none.
    """

    needs: tuple[SeriesRole, ...]
    method: ReferenceMethod
    sites: tuple[ReferenceSite, ...] = (ReferenceSite.LUMBAR_SPINE,)
    window_days: int = 365
    minimum_levels: int = 2
    exclude: frozenset[ReasonCode] = frozenset()
    external_from: date | None = None
    site_name: str = ""


@dataclass(frozen=True)
class Chosen:
    """A patient of the cohort with study and reference; ``days`` from the study to the reference, negative before."""

    record: StudyRecord
    reference: Reference
    days: int
    patient: Patient


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The cohort and its flow.

    ``left_out`` counts studies by the reason they take no part, in the order of asking. ``fit`` counts studies that
    are fit and ``fit_flagged`` those of them that the service flagged; ``chosen_flagged`` those flagged in the cohort.
    """

    chosen: tuple[Chosen, ...]
    studies: int
    left_out: Mapping[str, int]
    fit: int
    fit_flagged: int

    @property
    def chosen_flagged(self) -> int:
        """How many of the cohort the service flagged."""
        return sum(_flagged(item.record) for item in self.chosen)


@cache
def rule_defaults() -> Mapping[str, Any]:
    """Return data/ledger_cohort.toml: each entry with ``value`` and ``source``."""
    return data_file("ledger_cohort.toml")


def pseudonym(installation_uid: str, patient_id: str, issuer: str) -> str:
    """Return the name of a patient in a cohort: the same in every cohort of one installation, and no patient ID."""
    return "p" + hashlib.sha256(f"{installation_uid}|{patient_id}|{issuer}".encode()).hexdigest()[:15]


def select(
    records: Iterable[StudyRecord],
    references: Sequence[Reference],
    rule: CohortRule,
    installation_uid: str,
    issuers: Mapping[str, frozenset[str]],
) -> Selection:
    """Return the cohort: of each patient the study nearest to a reference, and of equally near ones the earlier.

    ``issuers`` names those that studies state for each patient ID: where it is one, a study without is of that patient.
    """
    by_patient: dict[str, list[Reference]] = {}
    for reference in references:
        by_patient.setdefault(reference.patient_id, []).append(reference)
    left_out: Counter[str] = Counter()
    candidates: list[Chosen] = []
    studies = fit = fit_flagged = 0
    for record in records:
        studies += 1
        stated = issuers.get(record.patient_id, frozenset())
        if not record.issuer and len(stated) == 1:
            record = replace(record, issuer=next(iter(stated)))
        why = image_problem(record, rule)
        if not why and not record.issuer and len(stated) > 1:
            why = "patient ID of several issuers, and the study names none"
        if not why:
            fit, fit_flagged = fit + 1, fit_flagged + _flagged(record)
            found = _joined(record, by_patient.get(record.patient_id, ()), rule, installation_uid)
            if isinstance(found, Chosen):
                candidates.append(found)
                continue
            why = found
        left_out[why] += 1
    chosen = _one_for_each(candidates)
    if len(candidates) > len(chosen):
        left_out["another study of the patient is nearer to a reference"] += len(candidates) - len(chosen)
    return Selection(chosen=chosen, studies=studies, left_out=dict(left_out), fit=fit, fit_flagged=fit_flagged)


def image_problem(record: StudyRecord, rule: CohortRule) -> str:
    """Return why a study is not fit, whatever the references say; empty when it is."""
    result = record.result
    if record.state is not StudyState.DONE or result is None:
        return "not processed to the end"
    if not set(rule.needs) <= {source.role for source in result.sources}:
        return f"not measured on {' and '.join(rule.needs)}"
    if not record.patient_id:
        return "no patient ID"
    if _day(record.study_date) is None or _day(record.birth_date) is None or record.sex not in ("F", "M"):
        return "study date, birth date or sex is missing"
    low, high = PLAUSIBLE["age_years"]
    if not low <= _age_years(record) <= high:
        return f"younger than {low:g} or older than {high:g} years"
    found = _excluding(result, rule.exclude)
    if found is not None:
        return f"{found.name} at L1-L4: {found.sentence}"
    evaluable = sum(level.evaluable and level.level in MEASURED_LEVELS for level in result.levels)
    if evaluable < rule.minimum_levels:
        return f"fewer than {rule.minimum_levels} evaluable levels of L1-L4"
    return ""


def _excluding(result: StudyResult, exclude: frozenset[ReasonCode]) -> ReasonCode | None:
    flags = [flag for level in result.levels if level.level in MEASURED_LEVELS for flag in level.flags]
    study = [reason for reason in result.reasons if reason.level is None]
    return next((reason.code for reason in (*flags, *study) if reason.code in exclude), None)


def _joined(
    record: StudyRecord, references: Sequence[Reference], rule: CohortRule, installation_uid: str
) -> Chosen | str:
    own = [item for item in references if issuers_agree(item.issuer, record.issuer) and item.site in rule.sites]
    if not own:
        return f"no {rule.method} of the patient at {', '.join(rule.sites)}"
    taken = _day(record.study_date)
    assert taken is not None, "a fit study has a date"
    near = [item for item in own if abs((item.measured_on - taken).days) <= rule.window_days]
    if not near:
        return f"no {rule.method} within {rule.window_days} days"
    reference = _deciding(near, taken)
    patient = _patient(record, reference, rule, installation_uid)
    if patient.category is None:
        return "no score that counts at this age (T-score from 50 years or after menopause, else Z-score)"
    return Chosen(record, reference, (reference.measured_on - taken).days, patient)


def _deciding(near: Sequence[Reference], taken: date) -> Reference:
    """The reference of the nearest day (the earlier of two equally near); of several sites that day the lowest."""

    def lowest(item: Reference) -> tuple[float, float]:
        scores = [score for score in (item.t_score, item.z_score) if score is not None]
        return (min(scores, default=float("inf")), float("inf") if item.value is None else item.value)

    return min(near, key=lambda item: (abs((item.measured_on - taken).days), item.measured_on, *lowest(item)))


def _patient(record: StudyRecord, reference: Reference, rule: CohortRule, installation_uid: str) -> Patient:
    name = pseudonym(installation_uid, record.patient_id, record.issuer)
    taken = _day(record.study_date)
    external = rule.external_from is not None and taken is not None and taken >= rule.external_from
    qct = reference.method is ReferenceMethod.QCT
    return Patient(
        patient=name,
        study=Path(STUDIES_FOLDER) / name,
        reference=ReferenceKind(reference.method.value),
        age_years=_age_years(record),
        sex=record.sex,
        qct_bmd_mg_cm3=reference.value if qct else None,
        t_score=reference.t_score,
        z_score=reference.z_score,
        postmenopausal=reference.postmenopausal,
        height_cm=reference.height_cm,
        weight_kg=reference.weight_kg,
        site=rule.site_name,
        scanner=f"{record.manufacturer} {record.scanner_model}".strip(),
        part=Part.EXTERNAL if external else Part.DEVELOPMENT,
    )


def _one_for_each(candidates: Sequence[Chosen]) -> tuple[Chosen, ...]:
    best: dict[str, Chosen] = {}
    for item in sorted(candidates, key=lambda item: (abs(item.days), item.record.study_date, item.record.study_uid)):
        best.setdefault(item.patient.patient, item)
    return tuple(best[name] for name in sorted(best))


def _flagged(record: StudyRecord) -> bool:
    return record.result is not None and record.result.category is Category.LOW_BONE_DENSITY_SUSPECTED


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y%m%d").date()
    except ValueError:
        return None


def _age_years(record: StudyRecord) -> float:
    taken, born = _day(record.study_date), _day(record.birth_date)
    assert taken is not None
    assert born is not None
    return round((taken - born).days / _DAYS_PER_YEAR, 1)
