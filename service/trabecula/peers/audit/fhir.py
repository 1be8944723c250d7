"""FHIR R4 AuditEvent: one entry as a resource, and its way to a server by POST."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from trabecula.domain.audit.wire import AuditSource, NumberedEntry
from trabecula.domain.errors_of.ledger import AuditNotSent
from trabecula.domain.handshake import handshake_in_words
from trabecula.peers.audit.events import OUTCOMES, Coded, coded_event
from trabecula.peers.secrets import read_secret
from trabecula.version import __version__

if TYPE_CHECKING:
    from fhir.resources.R4B.auditevent import AuditEvent

_SECONDS = 20.0
_SYSTEMS = {"DCM": "http://dicom.nema.org/resources/ontology/DCM", "99TRABECULA": "urn:trabecula:audit-action"}
_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
_PSEUDONYM = "urn:trabecula:pseudonym"


@dataclass(frozen=True)
class FhirServer:
    """The base URL of a server (``.../fhir``), how its certificate is checked, and the file of a bearer token."""

    url: str
    token_file: str = ""
    context: ssl.SSLContext | None = None

    @property
    def words(self) -> str:
        """Where resources go; the URL may hold a secret and is shown as its host alone."""
        parts = urlsplit(self.url)
        return f"FHIR server at {parts.scheme}://{parts.hostname}"


def audit_event(numbered: NumberedEntry, source: AuditSource) -> AuditEvent:
    """Return the entry as a resource of FHIR R4 (4.3.0, which reads as R4 for AuditEvent)."""
    from fhir.resources.R4B.auditevent import AuditEvent  # half a second, and only for who sends or prints them

    return AuditEvent.model_validate(_document(numbered, source))


def post_to_fhir(server: FhirServer, source: AuditSource, entries: Sequence[NumberedEntry]) -> int:
    """Post the entries, one after the other; return how many were taken. Raises AuditNotSent where it is none."""
    for count, numbered in enumerate(entries):
        try:
            _post(server, audit_event(numbered, source).model_dump_json().encode())
        except AuditNotSent:
            if count == 0:
                raise
            return count
    return len(entries)


def _post(server: FhirServer, body: bytes) -> None:
    headers = {"Content-Type": "application/fhir+json", "User-Agent": f"trabecula/{__version__}"}
    if server.token_file:
        headers["Authorization"] = f"Bearer {read_secret(server.token_file)}"
    url = f"{server.url.rstrip('/')}/AuditEvent"
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - http(s) alone
    opener = urllib.request.build_opener(_Staying, urllib.request.HTTPSHandler(context=server.context))
    try:
        with opener.open(request, timeout=_SECONDS):
            return
    except urllib.error.HTTPError as error:
        with error:
            raise AuditNotSent(f"{server.words} answered {error.code}") from error
    except urllib.error.URLError as error:
        raise AuditNotSent(f"{server.words}: {_words(error.reason)}") from error
    except (OSError, http.client.HTTPException) as error:
        raise AuditNotSent(f"{server.words}: {_words(error)}") from error


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: an entry goes where the settings say."""

    def redirect_request(self, *_arguments: object) -> None:
        """Refuse."""
        return


def _document(numbered: NumberedEntry, source: AuditSource) -> dict[str, Any]:
    entry, coded = numbered.entry, coded_event(numbered.entry.action)
    document: dict[str, Any] = {
        "type": _coding(coded.event),
        "subtype": [_coding(kind) for kind in coded.types],
        "action": coded.code,
        "recorded": entry.at.astimezone(UTC).isoformat(),
        "outcome": OUTCOMES.get(entry.outcome, "8"),
        "agent": _agents(numbered, source),
        "source": {
            "observer": {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:oid:{source.installation_uid}"}},
            "type": [{"system": f"{_TERMINOLOGY}security-source-type", "code": "4", "display": "Application Server"}],
        },
        "entity": _entities(numbered),
    }
    if source.site:
        document["source"]["site"] = source.site
    if entry.detail:
        document["outcomeDesc"] = entry.detail
    return document


def _agents(numbered: NumberedEntry, source: AuditSource) -> list[dict[str, Any]]:
    entry = numbered.entry
    person: dict[str, Any] = {"who": {"identifier": {"value": entry.who}}, "altId": entry.who_kind, "requestor": True}
    if entry.address:
        person["network"] = {"address": entry.address, "type": "2"}
    program = {
        "type": {"coding": [_coding(Coded("110150", "DCM", "Application"))]},
        "who": {"identifier": {"value": source.ae_title}},
        "altId": f"trabecula {source.version}",
        "requestor": False,
        "network": {"address": source.host, "type": "1"},
    }
    return [person, program]


def _entities(numbered: NumberedEntry) -> list[dict[str, Any]]:
    entry = numbered.entry
    found = [_entity("urn:trabecula:audit-entry", str(numbered.number), "2", "System Object")]
    found += [_entity(_PSEUDONYM, uid, "2", "System Object", ("3", "Report")) for uid in entry.studies]
    found += [_entity(_PSEUDONYM, person, "1", "Person", ("1", "Patient")) for person in entry.patients]
    if entry.subject:
        found.append(_entity("", entry.subject, "2", "System Object", ("13", "Security Resource")))
    return found


def _entity(system: str, value: str, kind: str, words: str, role: tuple[str, str] | None = None) -> dict[str, Any]:
    identifier = ({"system": system} if system else {}) | {"value": value}
    found: dict[str, Any] = {
        "what": {"identifier": identifier},
        "type": {"system": f"{_TERMINOLOGY}audit-entity-type", "code": kind, "display": words},
    }
    if role is not None:
        found["role"] = {"system": f"{_TERMINOLOGY}object-role", "code": role[0], "display": role[1]}
    return found


def _coding(code: Coded) -> dict[str, str]:
    return {"system": _SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}


def _words(reason: object) -> str:
    if isinstance(reason, ssl.SSLError):
        return handshake_in_words(reason)
    return (isinstance(reason, OSError) and reason.strerror) or type(reason).__name__
