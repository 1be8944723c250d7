"""FHIR data types from DICOM values: codes, identifiers, names, days; what FHIR cannot hold is left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from trabecula.domain.codes import PRIVATE_SCHEME, Code
from trabecula.domain.identity import derived_uid

DICOM_UID = "urn:dicom:uid"
_SYSTEMS = {
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "SCT": "http://snomed.info/sct",
    "LN": "http://loinc.org",
    "UCUM": "http://unitsofmeasure.org",
    "UMLS": "http://www.nlm.nih.gov/research/umls",
    PRIVATE_SCHEME: f"urn:oid:{derived_uid('coding scheme', PRIVATE_SCHEME)}",
}
"""By Coding Scheme Designator (PS3.16 8); that of our own codes is an OID of this project."""
_GENDERS = {"M": "male", "F": "female", "O": "other"}


def coding(code: Code) -> dict[str, str]:
    """Return a Coding."""
    return {"system": _SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}


def concept(code: Code, text: str = "") -> dict[str, Any]:
    """Return a CodeableConcept; ``text`` where people say more than the code."""
    return {"coding": [coding(code)]} | ({"text": text} if text else {})


def quantity(value: str, unit: Code) -> dict[str, Any]:
    """Return a Quantity with the digits of the report."""
    return {"value": value, "unit": unit.meaning, "system": _SYSTEMS["UCUM"], "code": unit.value}


def uid(value: object) -> dict[str, str]:
    """Return the Identifier that a DICOM UID is."""
    return {"system": DICOM_UID, "value": f"urn:oid:{value}"}


def words(value: object) -> str:
    """Return a text without control characters and blanks around it."""
    return "".join(letter for letter in str(value or "") if letter.isprintable()).strip()


def lines(value: str) -> str:
    """Return a text of several lines as Markdown and strings hold it."""
    return "\n".join(words(line) for line in value.splitlines())


def day(value: object) -> str:
    """Return a date (PS3.5 6.2, DA) as FHIR writes it, empty for what is none."""
    try:
        return datetime.strptime(str(value or "")[:8], "%Y%m%d").date().isoformat()
    except ValueError:
        return ""


def moment(date: object, time: object, offset: object) -> str:
    """Return an instant of a date, a time and an offset from UTC (0008,0201); noon UTC where there is no time."""
    text = f"{date}{str(time or '120000').split('.')[0][:6]:0<6}"
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=_zone(str(offset or ""))).isoformat()
    except ValueError:
        return ""


def _zone(offset: str) -> timezone:
    if len(offset) != 5:
        return UTC
    span = timedelta(hours=int(offset[1:3]), minutes=int(offset[3:]))
    return timezone(-span if offset[0] == "-" else span)


def gender(sex: object) -> str:
    """Return administrative gender."""
    return _GENDERS.get(str(sex or ""), "unknown")


def human_name(name: object) -> dict[str, Any]:
    """Return a HumanName of a Person Name (PS3.5 6.2.1.2), of its alphabetic group where there is one."""
    group = next((part for part in str(name or "").split("=") if part.strip("^ ")), "")
    parts = [words(part) for part in (*group.split("^"), "", "", "", "", "")[:5]]
    family, given, middle, prefix, suffix = parts
    found: dict[str, Any] = {"family": family} if family else {}
    for key, values in (("given", (given, middle)), ("prefix", (prefix,)), ("suffix", (suffix,))):
        kept = [item for item in values if item]
        found |= {key: kept} if kept else {}
    return found
