from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.sop_class import _STORAGE_CLASSES

from trabecula.domain.sop_classes import STORAGE_COMMITMENT_PUSH, VERIFICATION
from trabecula.domain.transfer_syntaxes import EXPLICIT_VR_BIG_ENDIAN
from trabecula.intake.upper_layer.negotiation import (
    TRANSFER_SYNTAXES,
    answer_contexts,
    answer_roles,
    is_storage_class,
)
from trabecula.intake.upper_layer.pdu import AssociateRequest, ContextResult, ProposedContext

CT = "1.2.840.10008.5.1.4.1.1.2"


def _request(*contexts: ProposedContext, roles: dict[str, tuple[bool, bool]] | None = None) -> AssociateRequest:
    return AssociateRequest(
        called_ae_title="TRABECULA",
        calling_ae_title="PEER",
        application_context="1.2.840.10008.3.1.1.1",
        contexts=contexts,
        max_pdu_bytes=16384,
        roles=roles or {},
    )


@pytest.mark.parametrize("uid", sorted(set(_STORAGE_CLASSES.values())))
def test_every_storage_class_is_taken(uid: str) -> None:
    assert is_storage_class(uid)


def test_pynetdicoms_own_list_is_taken_whole() -> None:
    proposals = [
        ProposedContext(2 * number + 1, str(context.abstract_syntax), tuple(map(str, context.transfer_syntax)))
        for number, context in enumerate(AllStoragePresentationContexts[:120])
    ]

    answers = answer_contexts(_request(*proposals))

    assert {answer.result for answer in answers} == {ContextResult.ACCEPTED}


@pytest.mark.parametrize("uid", ["1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.31", "1.2.840.10008.5.1.1.9", ""])
def test_other_services_are_refused(uid: str) -> None:
    (answer,) = answer_contexts(_request(ProposedContext(1, uid, ("1.2.840.10008.1.2",))))

    assert answer.result is ContextResult.ABSTRACT_SYNTAX_UNKNOWN


def test_private_classes_are_taken_so_that_no_job_fails() -> None:
    assert is_storage_class("1.3.12.2.1107.5.9.1")


@pytest.mark.parametrize(
    ("proposed", "chosen"),
    [
        (("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.1"), "1.2.840.10008.1.2.4.90"),
        (("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"), "1.2.840.10008.1.2"),
        ((EXPLICIT_VR_BIG_ENDIAN, "1.2.840.10008.1.2"), "1.2.840.10008.1.2"),
        ((EXPLICIT_VR_BIG_ENDIAN,), EXPLICIT_VR_BIG_ENDIAN),
        (("1.2.3.4", "1.2.840.10008.1.2"), "1.2.840.10008.1.2"),
    ],
)
def test_the_senders_first_choice_is_ours(proposed: tuple[str, ...], chosen: str) -> None:
    (answer,) = answer_contexts(_request(ProposedContext(7, CT, proposed)))

    assert (answer.context_id, answer.transfer_syntax, answer.result) == (7, chosen, ContextResult.ACCEPTED)


@pytest.mark.parametrize("proposed", [(), ("1.2.3.4",), ("1.2.840.10008.1.2.4.94",)])
def test_without_a_known_transfer_syntax_a_context_is_refused(proposed: tuple[str, ...]) -> None:
    (answer,) = answer_contexts(_request(ProposedContext(1, CT, proposed)))

    assert answer.result is ContextResult.TRANSFER_SYNTAXES_UNKNOWN


@given(
    proposals=st.lists(st.tuples(st.sampled_from([CT, VERIFICATION, "1.2.840.10008.5.1.4.31"]), st.text(max_size=5)))
)
def test_every_context_gets_exactly_one_answer(proposals: list[tuple[str, str]]) -> None:
    contexts = [ProposedContext(number % 256, uid, (syntax,)) for number, (uid, syntax) in enumerate(proposals)]

    answers = answer_contexts(_request(*contexts))

    assert [(answer.context_id, answer.abstract_syntax) for answer in answers] == [
        (context.context_id, context.abstract_syntax) for context in contexts
    ]


def test_the_peer_may_be_scp_of_storage_commitment_only() -> None:
    roles = answer_roles(_request(roles={STORAGE_COMMITMENT_PUSH: (True, True), CT: (True, True)}))

    assert roles == {STORAGE_COMMITMENT_PUSH: (False, True), CT: (True, False)}


def test_at_least_thirteen_transfer_syntaxes() -> None:
    assert len(TRANSFER_SYNTAXES) >= 13
