"""PDUs against a second implementation (pynetdicom's codecs), and against bytes that mean nothing."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pynetdicom import pdu as theirs

from tests.intake.peers import EXPLICIT, IMPLICIT, associate_request, value
from tests.intake.peers import pdu as raw_pdu
from trabecula.domain.errors import PeerViolation
from trabecula.intake.upper_layer import pdu as ours
from trabecula.intake.upper_layer.pdu import AnsweredContext, ContextResult

CT = "1.2.840.10008.5.1.4.1.1.2"
uids = st.from_regex(r"[12](\.(0|[1-9][0-9]{0,8})){1,5}", fullmatch=True)
titles = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_", min_size=1, max_size=16)


@settings(max_examples=40, deadline=None)
@given(
    called=titles,
    calling=titles,
    proposals=st.lists(st.tuples(uids, st.lists(uids, min_size=1, max_size=4)), min_size=1, max_size=20),
)
def test_a_request_is_read_as_pynetdicom_reads_it(
    called: str, calling: str, proposals: list[tuple[str, list[str]]]
) -> None:
    contexts = [(2 * number + 1, abstract, transfer) for number, (abstract, transfer) in enumerate(proposals)]
    data = associate_request(contexts, called=called, calling=calling)

    request = ours.decode_associate_request(data[6:])
    reference = theirs.A_ASSOCIATE_RQ()
    reference.decode(data)

    assert (request.called_ae_title, request.calling_ae_title) == (called, calling)
    assert request.application_context == reference.application_context_name
    assert [(each.context_id, each.abstract_syntax, list(each.transfer_syntaxes)) for each in request.contexts] == [
        (item.context_id, str(item.abstract_syntax), [str(uid) for uid in item.transfer_syntax])
        for item in reference.presentation_context
    ]
    assert request.max_pdu_bytes == 16384


def test_roles_and_version_are_read() -> None:
    from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation as Role

    association = theirs.A_ASSOCIATE_RQ()
    association.decode(associate_request())
    primitive = association.to_primitive()
    role = Role()
    role.sop_class_uid = "1.2.840.10008.1.20.1"
    role.scu_role, role.scp_role = False, True
    primitive.user_information.append(role)
    association.from_primitive(primitive)

    request = ours.decode_associate_request(association.encode()[6:])

    assert dict(request.roles) == {"1.2.840.10008.1.20.1": (False, True)}


@settings(max_examples=40, deadline=None)
@given(results=st.lists(st.sampled_from(ContextResult), min_size=1, max_size=20), max_pdu=st.integers(0, 2**31))
def test_pynetdicom_reads_our_acceptance(results: list[ContextResult], max_pdu: int) -> None:
    request = ours.decode_associate_request(associate_request(called="TRABECULA", calling="PEER")[6:])
    contexts = [AnsweredContext(2 * number + 1, CT, EXPLICIT, result) for number, result in enumerate(results)]
    roles = {"1.2.840.10008.1.20.1": (False, True)}

    data = ours.encode_accept(request, contexts, roles, max_pdu, ("1.2.3", "TRABECULA"))

    answer = theirs.A_ASSOCIATE_AC()
    answer.decode(data)
    primitive = answer.to_primitive()
    assert primitive.called_ae_title == "TRABECULA"
    assert primitive.calling_ae_title == "PEER"
    assert [(item.context_id, item.result) for item in primitive.presentation_context_definition_results_list] == [
        (each.context_id, int(each.result)) for each in contexts
    ]
    assert primitive.maximum_length_received == max_pdu
    assert [
        (str(r.sop_class_uid), bool(r.scu_role), bool(r.scp_role))
        for r in answer.user_information.role_selection.values()
    ] == [("1.2.840.10008.1.20.1", False, True)]


def test_short_pdus_are_those_of_the_standard() -> None:
    # PS3.8 9.3.4, 9.3.7, 9.3.8
    assert ours.encode_reject(ours.LIMIT_EXCEEDED) == bytes.fromhex("03000000000400020302")
    assert ours.encode_release_response() == bytes.fromhex("06000000000400000000")
    assert ours.encode_abort(by_provider=True, reason=6) == bytes.fromhex("07000000000400000206")


def test_fragments() -> None:
    body = value(1, 3, b"command") + value(3, 0, b"data") + value(3, 2, b"")

    fragments = [
        (f.context_id, f.is_command, f.is_last, bytes(f.data)) for f in ours.decode_fragments(memoryview(body))
    ]

    assert fragments == [(1, True, True, b"command"), (3, False, False, b"data"), (3, False, True, b"")]


def test_a_request_of_too_few_bytes_is_a_violation() -> None:
    with pytest.raises(PeerViolation) as error:
        ours.decode_associate_request(b"\0" * 67)

    assert error.value.code == "PEER_VIOLATION"
    assert "does not keep to the protocol" in error.value.sentence
    assert "a port scanner can be ignored" in error.value.next_step


@settings(max_examples=300)
@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(PeerViolation):
        assert ours.decode_associate_request(data) is not None
    with contextlib.suppress(PeerViolation):
        assert len(list(ours.decode_fragments(memoryview(data)))) <= len(data)


@settings(max_examples=300)
@given(position=st.integers(0, 200), byte=st.integers(0, 255))
def test_a_flipped_byte_is_read_or_refused(position: int, byte: int) -> None:
    data = bytearray(associate_request([(1, CT, (EXPLICIT, IMPLICIT))]))
    data[6 + position % (len(data) - 6)] = byte
    with contextlib.suppress(PeerViolation):
        assert ours.decode_associate_request(bytes(data[6:])) is not None


def test_a_command_is_one_pdu() -> None:
    assert ours.encode_command(5, b"abc") == raw_pdu(4, value(5, 3, b"abc"))
