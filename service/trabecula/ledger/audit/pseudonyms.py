"""Pseudonyms of persons and studies: HMAC-SHA-256 under a random key of each one's own; with the key gone, nobody's.

A key is kept only while the ledger holds something of the study or person: it is written under a lock of the study's
row, which a deletion waits for and which is refused once the study is gone. A name that the ledger does not hold gets a
pseudonym whose key is kept nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString, TypeVar

import psycopg

from trabecula.domain.audit.entry import PatientKey
from trabecula.domain.uids import StudyUid
from trabecula.ledger.texts import storable

_Name = TypeVar("_Name", StudyUid, PatientKey)

_PERSONS_OF_STUDIES: LiteralString = (
    "SELECT study_uid, patient_id, patient_id_issuer FROM studies WHERE study_uid = ANY(%(uids)s) AND patient_id <> ''"
)
_KNOWN_STUDIES: LiteralString = (
    "SELECT p.study_uid, min(p.pseudonym) FROM audit_pseudonyms p JOIN unnest(CAST(%(uids)s AS text[])) AS w (uid) "
    "ON p.study_uid = w.uid WHERE p.study_uid <> '' GROUP BY p.study_uid"
)
_KNOWN_PERSONS: LiteralString = (
    "SELECT p.patient_id, p.issuer, min(p.pseudonym) FROM audit_pseudonyms p "
    "JOIN unnest(CAST(%(ids)s AS text[]), CAST(%(issuers)s AS text[])) AS w (id, issuer) "
    "ON p.patient_id = w.id AND p.issuer = w.issuer WHERE p.patient_id <> '' GROUP BY p.patient_id, p.issuer"
)
_HELD_STUDIES: LiteralString = (
    "SELECT study_uid FROM (SELECT study_uid FROM studies WHERE study_uid = ANY(%(uids)s) FOR KEY SHARE) AS s "
    "UNION SELECT study_uid FROM quarantine WHERE study_uid = ANY(%(uids)s)"
)
_HELD_PERSONS: LiteralString = (
    "WITH w AS (SELECT * FROM unnest(CAST(%(ids)s AS text[]), CAST(%(issuers)s AS text[])) AS w (id, issuer)), "
    "held AS (SELECT s.patient_id, s.patient_id_issuer FROM studies s JOIN w ON s.patient_id = w.id "
    "AND s.patient_id_issuer = w.issuer FOR KEY SHARE OF s) "
    "SELECT patient_id, patient_id_issuer FROM held UNION SELECT w.id, w.issuer FROM w "
    "JOIN reference_results r ON r.patient_id = w.id AND r.issuer IN ('', w.issuer)"
)
_KEEP: LiteralString = (
    "INSERT INTO audit_pseudonyms (pseudonym, key, study_uid, patient_id, issuer) "
    "VALUES (%(pseudonym)s, %(key)s, %(study_uid)s, %(patient_id)s, %(issuer)s)"
)
_LOCK_STUDY: LiteralString = "SELECT FROM studies WHERE study_uid = %(uid)s FOR UPDATE"
_FORGET_STUDY: LiteralString = "DELETE FROM audit_pseudonyms WHERE study_uid = %(uid)s"
_FORGET_PERSONS: LiteralString = (
    "DELETE FROM audit_pseudonyms p WHERE p.patient_id <> '' "
    "AND NOT EXISTS (SELECT FROM studies s WHERE s.patient_id = p.patient_id AND s.patient_id_issuer = p.issuer) "
    "AND NOT EXISTS (SELECT FROM reference_results r WHERE r.patient_id = p.patient_id AND r.issuer IN ('', p.issuer))"
)


def persons_of(connection: psycopg.Connection[Any], studies: Iterable[StudyUid]) -> dict[StudyUid, PatientKey]:
    """Return the person of each of these studies, as far as the ledger knows them."""
    uids = list(dict.fromkeys(studies))
    if not uids:
        return {}
    return {StudyUid(uid): PatientKey(*who) for uid, *who in connection.execute(_PERSONS_OF_STUDIES, {"uids": uids})}


def pseudonyms_of_studies(connection: psycopg.Connection[Any], studies: Iterable[StudyUid]) -> dict[StudyUid, str]:
    """Return a pseudonym for each study, in order, by the name that can be stored; new ones are made.

    They are kept where the ledger holds the study.
    """
    names = list(dict.fromkeys(StudyUid(storable(uid)) for uid in studies if uid))
    if not names:
        return {}
    known = {StudyUid(uid): found for uid, found in connection.execute(_KNOWN_STUDIES, {"uids": names})}
    missing = [name for name in names if name not in known]
    if missing:
        held = (row[0] for row in connection.execute(_HELD_STUDIES, {"uids": missing}))
        known |= _new(connection, missing, {StudyUid(uid) for uid in held})
    return {name: known[name] for name in names}


def storable_person(person: PatientKey) -> PatientKey:
    """Return a person as the database can hold the name."""
    return PatientKey(storable(person.patient_id), storable(person.issuer))


def pseudonyms_of_persons(connection: psycopg.Connection[Any], persons: Iterable[PatientKey]) -> dict[PatientKey, str]:
    """Return a pseudonym for each person, in order, by the name that can be stored; new ones are made.

    They are kept where the ledger holds the person.
    """
    names = [name for name in dict.fromkeys(map(storable_person, persons)) if name.patient_id]
    if not names:
        return {}
    known = {PatientKey(*row[:2]): row[2] for row in connection.execute(_KNOWN_PERSONS, _persons(names))}
    missing = [name for name in names if name not in known]
    if missing:
        held = {PatientKey(*row) for row in connection.execute(_HELD_PERSONS, _persons(missing))}
        known |= _new(connection, missing, held)
    return {name: known[name] for name in names}


def lock_study(connection: psycopg.Connection[Any], study_uid: StudyUid) -> None:
    """Wait for who writes an entry of this study now; who comes later keeps no key, once the study is deleted."""
    connection.execute(_LOCK_STUDY, {"uid": study_uid})


def forget_names(connection: psycopg.Connection[Any], study_uid: StudyUid) -> int:
    """Destroy the keys of a study that was deleted, and of every person of whom the ledger holds nothing any more.

    Returns how many keys of persons went.
    """
    connection.execute(_FORGET_STUDY, {"uid": study_uid})
    return connection.execute(_FORGET_PERSONS).rowcount


def _persons(names: Iterable[PatientKey]) -> Mapping[str, list[str]]:
    names = list(names)
    return {"ids": [name.patient_id for name in names], "issuers": [name.issuer for name in names]}


def _new(connection: psycopg.Connection[Any], names: Sequence[_Name], held: set[_Name]) -> dict[_Name, str]:
    made: dict[_Name, str] = {}
    rows = []
    for name in names:
        key = secrets.token_bytes(32)
        whole = name if isinstance(name, str) else "\x1f".join(name)
        made[name] = hmac.new(key, whole.encode(), hashlib.sha256).hexdigest()
        if name in held:
            person = name if isinstance(name, PatientKey) else PatientKey("")
            study_uid = name if isinstance(name, str) else ""
            row = {"pseudonym": made[name], "key": key.hex(), "study_uid": study_uid}
            rows.append(row | {"patient_id": person.patient_id, "issuer": person.issuer})
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_KEEP, rows)
    return made
