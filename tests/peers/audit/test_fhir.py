from __future__ import annotations

import json
from pathlib import Path

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from tests.mail_sink import web_sink
from tests.peers.audit.entries import SOURCE, numbered
from trabecula.domain.audit.entry import AuditAction
from trabecula.domain.errors_of.ledger import AuditNotSent
from trabecula.peers.audit.fhir import FhirServer, audit_event, post_to_fhir


def test_an_entry_as_a_resource() -> None:
    found = json.loads(
        audit_event(numbered(7, subject="x", outcome="REFUSED", detail="no right"), SOURCE).model_dump_json()
    )

    assert found["resourceType"] == "AuditEvent"
    assert found["type"] == {
        "system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110103",
        "display": "DICOM Instances Accessed",
    }  # fmt: skip
    assert [kind["code"] for kind in found["subtype"]] == ["STUDY_VIEWED"]
    assert (found["action"], found["outcome"], found["outcomeDesc"]) == ("R", "4", "no right")
    assert found["recorded"].startswith("2026-11-30T12:00:00.000005")
    assert found["agent"][0]["who"]["identifier"]["value"] == "anna"
    assert found["agent"][0]["network"] == {"address": "10.0.0.5", "type": "2"}
    named = [(item["what"]["identifier"]["value"], item["type"]["code"]) for item in found["entity"]]
    assert named == [("7", "2"), ("ab" * 32, "2"), ("cd" * 32, "1"), ("x", "2")]


@pytest.mark.parametrize("action", list(AuditAction))
def test_every_action_is_a_valid_resource(action: AuditAction) -> None:
    written = audit_event(numbered(action=str(action), studies=(), patients=(), address=""), SOURCE).model_dump_json()

    assert AuditEvent.model_validate_json(written).type.code.startswith("1101")


def test_entries_are_posted_one_after_the_other_and_a_server_that_refuses_is_told(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    with web_sink() as posts:
        server = FhirServer(posts.url, str(token))
        assert post_to_fhir(server, SOURCE, [numbered(1), numbered(2)]) == 2
        posts.status = 503
        with pytest.raises(AuditNotSent, match="answered 503"):
            post_to_fhir(server, SOURCE, [numbered(3)])
        posts.status = 302
        with pytest.raises(AuditNotSent, match="answered 302"):
            post_to_fhir(server, SOURCE, [numbered(3)])

    assert [item["entity"][0]["what"]["identifier"]["value"] for item in posts.documents] == ["1", "2"]
    assert posts.paths[0].endswith("/AuditEvent")
    assert posts.authorizations == ["Bearer s3cret"] * 2
    assert "secret-in-the-path" not in server.words
    with pytest.raises(AuditNotSent, match="refused"):
        post_to_fhir(server, SOURCE, [numbered(3)])
