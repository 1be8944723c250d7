"""DICOM audit messages (PS3.15 A.5.1): one entry as XML, its elements and attributes in the order of the schema."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from xml.etree.ElementTree import Element, SubElement, tostring

from trabecula.domain.audit.chain import KeptEntry
from trabecula.domain.audit.wire import AuditSource, NumberedEntry
from trabecula.peers.audit.events import (
    APPLICATION,
    OUTCOMES,
    PATIENT_NUMBER,
    STUDY_UID,
    SUBJECT,
    Coded,
    coded_event,
)

_MOST_OBJECTS = 60
"""Objects of one message: with more an entry becomes several, so that each stays below 32,768 octets (PS3.15 A.6)."""
_PERSON, _SYSTEM_OBJECT = "1", "2"
_PATIENT, _REPORT, _SECURITY_RESOURCE = "1", "3", "13"
_APPLICATION_SERVER = "4"


def messages_of(numbered: NumberedEntry, source: AuditSource) -> Iterator[bytes]:
    """Yield the messages of an entry, UTF-8 without a byte order mark; more than one only where it names many."""
    entry = numbered.entry
    named = [(uid, False) for uid in entry.studies] + [(person, True) for person in entry.patients]
    for start in range(0, max(len(named), 1), _MOST_OBJECTS):
        yield _message(numbered, source, named[start : start + _MOST_OBJECTS])


def _message(numbered: NumberedEntry, source: AuditSource, named: Sequence[tuple[str, bool]]) -> bytes:
    entry = numbered.entry
    root = Element("AuditMessage")
    _event(root, entry)
    _participants(root, entry, source)
    attributes = {"AuditEnterpriseSiteID": source.site} if source.site else {}
    reported = SubElement(root, "AuditSourceIdentification", attributes | {"AuditSourceID": source.installation_uid})
    SubElement(reported, "AuditSourceTypeCode", {"csd-code": _APPLICATION_SERVER})
    for pseudonym, is_person in named:
        code, kind = (PATIENT_NUMBER, _PERSON) if is_person else (STUDY_UID, _SYSTEM_OBJECT)
        found = _object(root, pseudonym, code, kind, _PATIENT if is_person else _REPORT)
        _name(found, "pseudonym")
    if entry.subject:
        found = _object(root, entry.subject, SUBJECT, _SYSTEM_OBJECT, _SECURITY_RESOURCE)
        _name(found, entry.subject)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + tostring(root, encoding="unicode").encode()


def _event(root: Element, entry: KeptEntry) -> None:
    coded = coded_event(entry.action)
    attributes = {
        "EventActionCode": coded.code,
        "EventDateTime": entry.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "EventOutcomeIndicator": OUTCOMES.get(entry.outcome, "8"),
    }
    event = SubElement(root, "EventIdentification", attributes)
    _code(event, "EventID", coded.event)
    for kind in coded.types:
        _code(event, "EventTypeCode", kind)
    if entry.detail:
        SubElement(event, "EventOutcomeDescription").text = _legal(entry.detail)


def _participants(root: Element, entry: KeptEntry, source: AuditSource) -> None:
    attributes = {"UserID": _legal(entry.who), "AlternativeUserID": entry.who_kind, "UserIsRequestor": "true"}
    if entry.address:
        attributes |= {"NetworkAccessPointID": _legal(entry.address), "NetworkAccessPointTypeCode": "2"}
    SubElement(root, "ActiveParticipant", attributes)
    attributes = {"UserID": source.ae_title, "AlternativeUserID": f"trabecula {source.version}"}
    host = {"NetworkAccessPointID": source.host, "NetworkAccessPointTypeCode": "1"}
    program = SubElement(root, "ActiveParticipant", attributes | {"UserIsRequestor": "false"} | host)
    _code(program, "RoleIDCode", APPLICATION)


def _object(root: Element, identifier: str, code: Coded, kind: str, role: str) -> Element:
    attributes = {
        "ParticipantObjectID": _legal(identifier),
        "ParticipantObjectTypeCode": kind,
        "ParticipantObjectTypeCodeRole": role,
    }
    found = SubElement(root, "ParticipantObjectIdentification", attributes)
    _code(found, "ParticipantObjectIDTypeCode", code)
    return found


def _name(found: Element, words: str) -> None:
    SubElement(found, "ParticipantObjectName").text = _legal(words)


def _code(parent: Element, name: str, code: Coded) -> None:
    values = {"csd-code": code.value, "codeSystemName": code.scheme, "originalText": code.meaning}
    SubElement(parent, name, values)


def _legal(text: str) -> str:
    """The text without characters that XML 1.0 does not have."""
    return "".join(sign if sign >= " " or sign in "\t\n\r" else " " for sign in text if sign not in "\ufffe\uffff")
