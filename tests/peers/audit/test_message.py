"""DICOM audit messages: the structure of PS3.15 A.5.1, written down here again, and what each entry says in it."""

from __future__ import annotations

from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.peers.audit.entries import SOURCE, numbered
from trabecula.domain.audit.entry import AuditAction
from trabecula.peers.audit.events import coded_event, known_actions
from trabecula.peers.audit.message import messages_of

CODE = {"csd-code", "codeSystemName", "originalText"}
# element: (its children in their order, each with the least and the most; attributes that must, and that may be there)
SCHEMA: dict[str, tuple[list[tuple[str, int, int]], set[str], set[str]]] = {
    "AuditMessage": (
        [("EventIdentification", 1, 1), ("ActiveParticipant", 1, 99), ("AuditSourceIdentification", 1, 1),
         ("ParticipantObjectIdentification", 0, 999)], set(), set(),
    ),
    "EventIdentification": (
        [("EventID", 1, 1), ("EventTypeCode", 0, 99), ("EventOutcomeDescription", 0, 1)],
        {"EventDateTime", "EventOutcomeIndicator"}, {"EventActionCode"},
    ),
    "ActiveParticipant": (
        [("RoleIDCode", 0, 99), ("MediaIdentifier", 0, 1)], {"UserID", "UserIsRequestor"},
        {"AlternativeUserID", "UserName", "NetworkAccessPointID", "NetworkAccessPointTypeCode"},
    ),
    "AuditSourceIdentification": ([("AuditSourceTypeCode", 0, 99)], {"AuditSourceID"}, {"AuditEnterpriseSiteID"}),
    "ParticipantObjectIdentification": (
        [("ParticipantObjectIDTypeCode", 1, 1), ("ParticipantObjectName", 1, 1), ("ParticipantObjectDetail", 0, 99)],
        {"ParticipantObjectID"}, {"ParticipantObjectTypeCode", "ParticipantObjectTypeCodeRole"},
    ),
    "AuditSourceTypeCode": ([], {"csd-code"}, set()),
    **{name: ([], CODE, set()) for name in ("EventID", "EventTypeCode", "RoleIDCode", "ParticipantObjectIDTypeCode")},
    **{name: ([], set(), set()) for name in ("EventOutcomeDescription", "ParticipantObjectName")},
}  # fmt: skip


def check(element: Element) -> None:
    children, must, may = SCHEMA[element.tag]
    assert must <= set(element.attrib) <= must | may, element.tag
    left = [child.tag for child in element]
    for name, least, most in children:
        count = 0
        while left and left[0] == name:
            left.pop(0)
            count += 1
        assert least <= count <= most, (element.tag, name)
    assert left == [], (element.tag, "order")
    for child in element:
        check(child)


def test_a_study_that_was_viewed() -> None:
    (message,) = messages_of(numbered(detail="page 2"), SOURCE)
    root = fromstring(message)

    check(root)
    event = root[0]
    assert message.startswith(b'<?xml version="1.0" encoding="UTF-8"?><AuditMessage>')
    assert event.attrib == {
        "EventActionCode": "R", "EventDateTime": "2026-11-30T12:00:00.000005Z", "EventOutcomeIndicator": "0",
    }  # fmt: skip
    assert event[0].attrib == {
        "csd-code": "110103", "codeSystemName": "DCM", "originalText": "DICOM Instances Accessed",
    }  # fmt: skip
    assert (event[1].get("csd-code"), event[1].get("codeSystemName")) == ("STUDY_VIEWED", "99TRABECULA")
    assert event[2].text == "page 2"
    user, program = root.findall("ActiveParticipant")
    assert (user.get("UserID"), user.get("UserIsRequestor"), user.get("NetworkAccessPointID")) == (
        "anna", "true", "10.0.0.5",
    )  # fmt: skip
    assert (program.get("UserID"), program[0].get("csd-code")) == ("TRABECULA", "110150")
    study, person = root.findall("ParticipantObjectIdentification")
    assert (study.get("ParticipantObjectID"), study[0].get("csd-code")) == ("ab" * 32, "110180")
    assert (person.get("ParticipantObjectTypeCode"), person.get("ParticipantObjectTypeCodeRole")) == ("1", "1")


def test_every_action_is_coded_by_the_table() -> None:
    assert known_actions() == frozenset(AuditAction)
    for action in AuditAction:
        coded = coded_event(action)
        assert coded.event.value.startswith("1101")
        assert coded.code in "CRUDE"
        check(fromstring(next(messages_of(numbered(action=str(action), subject="x"), SOURCE))))
    assert coded_event("OF_A_LATER_VERSION").event.meaning == "Security Alert"


@pytest.mark.parametrize(("outcome", "indicator"), [("SUCCESS", "0"), ("REFUSED", "4"), ("FAILED", "8")])
def test_the_outcome(outcome: str, indicator: str) -> None:
    root = fromstring(next(messages_of(numbered(action="SIGNED_IN", outcome=outcome), SOURCE)))

    assert root[0].get("EventOutcomeIndicator") == indicator
    assert [kind.get("csd-code") for kind in root[0].findall("EventTypeCode")] == ["110122", "SIGNED_IN"]


def test_an_entry_with_many_studies_is_several_messages_of_a_bounded_size() -> None:
    studies = tuple(f"{number:064x}" for number in range(1000))

    messages = list(messages_of(numbered(studies=studies, patients=studies), SOURCE))

    assert max(map(len, messages)) < 32768
    named = [item.get("ParticipantObjectID") for one in messages for item in fromstring(one).iter()
             if item.tag == "ParticipantObjectIdentification"]  # fmt: skip
    assert named == [*studies, *studies]


@given(who=st.text(min_size=1, max_size=40), detail=st.text(max_size=80), subject=st.text(max_size=40))
def test_whatever_a_name_holds_the_message_is_xml(who: str, detail: str, subject: str) -> None:
    clean = [text.encode("utf-8", "replace").decode() for text in (who, detail, subject)]
    for message in messages_of(numbered(who=clean[0], detail=clean[1], subject=clean[2]), SOURCE):
        check(fromstring(message))
