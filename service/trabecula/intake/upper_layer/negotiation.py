"""Which presentation contexts and roles an association gets: pure rules over what the peer proposes."""

from __future__ import annotations

from collections.abc import Mapping

from trabecula.domain.sop_classes import STORAGE_COMMITMENT_PUSH, VERIFICATION
from trabecula.domain.transfer_syntaxes import EXPLICIT_VR_BIG_ENDIAN, LITTLE_ENDIAN
from trabecula.intake.upper_layer.pdu import AnsweredContext, AssociateRequest, ContextResult, ProposedContext

_STORAGE_PREFIX = "1.2.840.10008.5.1.4.1.1."
_STORAGE_ELSEWHERE = frozenset({"1.2.840.10008.5.1.4.34.7", "1.2.840.10008.5.1.4.34.10"})
"""RT Beams Delivery Instruction and RT Brachy Application Setup Delivery Instruction (PS3.4 B.5)."""

_ENCAPSULATED = tuple(
    f"1.2.840.10008.1.2.4.{number}"
    for number in (
        *("50", "51", "57", "70", "80", "81", "90", "91", "92", "93", "110", "111", "112", "201", "202", "203"),
        *(f"{number}{suffix}" for number in range(100, 107) for suffix in ("", ".1")),
        *("107", "108"),
    )
)
TRANSFER_SYNTAXES = frozenset(
    {*LITTLE_ENDIAN, EXPLICIT_VR_BIG_ENDIAN, *_ENCAPSULATED, "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"}
)
"""Everything whose pixels travel with the instance (PS3.6 A): no JPIP, no live video. Bytes are kept as they come."""


def is_storage_class(uid: str) -> bool:
    """True for every standard storage SOP Class, present or future, and for private ones.

    A sender's job must not fail for an odd object; what is not wanted is dropped later, with success.
    """
    if uid.startswith(_STORAGE_PREFIX) or uid in _STORAGE_ELSEWHERE:
        return True
    return bool(uid) and not uid.startswith("1.2.840.10008.")


def answer_contexts(request: AssociateRequest, *, may_store: bool = True) -> tuple[AnsweredContext, ...]:
    """Answer every proposed context, in order (PS3.8 9.3.3.2); no storage class where the peer may not store."""
    return tuple(_answer(context, may_store) for context in request.contexts)


def _answer(context: ProposedContext, may_store: bool) -> AnsweredContext:
    uid = context.abstract_syntax
    if uid not in (VERIFICATION, STORAGE_COMMITMENT_PUSH) and not (may_store and is_storage_class(uid)):
        return AnsweredContext(context.context_id, uid, "", ContextResult.ABSTRACT_SYNTAX_UNKNOWN)
    # The sender's own order: what it names first is what it has, so nothing is transcoded on the way.
    known = [syntax for syntax in context.transfer_syntaxes if syntax in TRANSFER_SYNTAXES]
    known.sort(key=lambda syntax: syntax == EXPLICIT_VR_BIG_ENDIAN)
    if not known:
        return AnsweredContext(context.context_id, uid, "", ContextResult.TRANSFER_SYNTAXES_UNKNOWN)
    return AnsweredContext(context.context_id, uid, known[0], ContextResult.ACCEPTED)


def answer_roles(request: AssociateRequest) -> Mapping[str, tuple[bool, bool]]:
    """Answer role selection (PS3.7 D.3.3.4): the peer may be SCP of storage commitment, SCU of everything else."""
    answers: dict[str, tuple[bool, bool]] = {}
    for uid, (scu, scp) in request.roles.items():
        if uid == STORAGE_COMMITMENT_PUSH:
            answers[uid] = (False, scp)
        else:
            answers[uid] = (scu, False)
    return answers
