"""One patient out of all images of a study: whether they agree in who it is, and the facts the rules need."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import combinations

from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.imaging.acquisition import StatedPatient
from trabecula.imaging.patient.age import age_of, placeholder
from trabecula.imaging.patient.headers import PatientHeader


def one_patient(headers: Sequence[PatientHeader]) -> StatedPatient:
    """Return the facts of the patient whom all images show; where they contradict, no fact and a blocking reason.

    An empty value contradicts nothing and is completed from the other images.
    """
    known: list[PatientHeader] = []
    for header in headers:
        if any(_identity(header) == _identity(other) for other in known):
            continue
        for other in known:
            differing = contradictions(other, header)
            if differing:
                return StatedPatient(reasons=(_conflict(other, header, differing),))
        known.append(header)
    age = age_of(headers)
    forms = any(one.patient_id and _two_forms(one, other) for one, other in combinations(known, 2))
    sexes = {header.sex for header in headers if header.sex}
    reasons = list(age.reasons)
    if len(sexes) > 1:  # F or M beside O: nobody else, but no sex that a rule may rely on
        detail = f"Sex is {' and '.join(sorted(sexes))} in images of one Patient ID"
        reasons.append(Reason(code=ReasonCode.PATIENT_CONFLICT, blocking=False, detail=detail))
    if forms:
        detail = "they differ in separators or leading zeros alone; birth date and sex are the same"
        reasons.append(Reason(code=ReasonCode.PATIENT_ID_FORMS, blocking=False, detail=detail))
    return StatedPatient(
        age_years=age.years,
        sex=next(iter(sexes & {"F", "M"}), "") if len(sexes) == 1 else "",
        weight_kg=next((header.weight_kg for header in headers if header.weight_kg), None),
        height_m=next((header.height_m for header in headers if header.height_m), None),
        sex_recorded="/".join(sorted(sexes)),
        claimed_ages=age.claimed,
        reasons=tuple(reasons),
    )


def contradictions(one: PatientHeader, other: PatientHeader) -> tuple[str, ...]:
    """Return the attributes by which two images show two people; the spelling of the name is none of them.

    Two forms of one Patient ID are one where birth date and sex are recorded and the same (``_same_number``).
    Patient IDs of two issuers cannot be compared: birth date and sex must then be recorded and the same, and of
    different IDs also the name. Equal IDs of two issuers are one person only where birth date and sex say so.
    """
    differing = []
    same_birth = _birth(one) is not None and _birth(one) == _birth(other)
    same_sex = bool(one.sex) and one.sex == other.sex
    if one.patient_id and other.patient_id:
        issuers_differ = bool(one.issuer and other.issuer) and one.issuer != other.issuer
        same_id = one.patient_id == other.patient_id
        proven = same_birth and same_sex
        if not same_id and not issuers_differ:
            if not (proven and _same_number(one.patient_id, other.patient_id)):
                differing.append("Patient ID")
        elif not same_id and not (proven and one.name == other.name):
            differing.append("Patient ID")
        elif same_id and issuers_differ and not proven:
            differing.append("Issuer of Patient ID")
    if _birth(one) is not None and _birth(other) is not None and not same_birth:
        differing.append("Birth Date")
    if {one.sex, other.sex} == {"F", "M"}:
        differing.append("Sex")
    return tuple(differing)


def _identity(header: PatientHeader) -> tuple[object, ...]:
    return (header.patient_id, header.issuer, header.name, _birth(header), header.sex)


def _birth(header: PatientHeader) -> object:
    """Birth Date where it is one: programs write the day of the study or 1900-01-01 for an unknown one."""
    born = header.born
    return None if born is None or born == header.studied or placeholder(born) else born


def _two_forms(one: PatientHeader, other: PatientHeader) -> bool:
    return one.patient_id != other.patient_id and _same_number(one.patient_id, other.patient_id)


def _same_number(one: str, other: str) -> bool:
    """Whether two identifiers are one, written with and without separators or leading zeros: 0012345, 12-345, 12 345.

    Something must be left to compare, and it must hold a digit.
    """
    first, second = (_bare(identifier) for identifier in (one, other))
    return first == second and any(character.isdigit() for character in first)


def _bare(identifier: str) -> str:
    """The identifier without separators, and without zeros before its number (also after letters: MR-00123)."""
    plain = re.sub(r"[^\w]|_", "", identifier.casefold())
    return re.sub(r"^([^\W\d]*)0+(?=\w)", r"\1", plain)


def _conflict(one: PatientHeader, other: PatientHeader, differing: tuple[str, ...]) -> Reason:
    if one.series_uid == other.series_uid:
        where = f"within {one.series}"
    elif one.series_number == other.series_number:
        where = f"between series {one.series_uid} and series {other.series_uid}"
    else:
        where = f"between {one.series} and {other.series}"
    verb = "differs" if len(differing) == 1 else "differ"
    detail = f"{', '.join(differing)} {verb} {where}"
    return Reason(code=ReasonCode.PATIENT_CONFLICT, series_uid=other.series_uid, detail=detail)
