"""The border of what is received to the facts and payload of a journal's records, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime

from trabecula.domain.study.reception import CommitmentAnswer, RefusedInstance
from trabecula.domain.study.study import ReceivedInstance
from trabecula.domain.uids import InstanceUid, SeriesUid, StudyUid
from trabecula.intake.journal.format import RecordHead

Facts = dict[str, str | int | float]
_LONGEST = 100
"""Characters kept of what a sender names; a UID has 64 (PS3.5 9.1), and longer ones lie in quarantine as they came."""
_LONGEST_FAULT = 512


def facts_of_instance(instance: ReceivedInstance) -> Facts:
    """Return the facts of an instance's record; its payload is the Part 10 file."""
    return _cut(
        {
            "sop_class": instance.sop_class_uid,
            "sop_instance": instance.sop_instance_uid,
            "syntax": instance.transfer_syntax_uid,
            "study": instance.study_uid,
            "series": instance.series_uid,
            "sha256": instance.sha256,
            "caller": instance.calling_ae_title,
            "association": instance.association_id,
            "received_at": instance.received_at.isoformat(),
        }
    ) | ({"fault": instance.fault[:_LONGEST_FAULT]} if instance.fault else {})


def instance_of(head: RecordHead, received_at: datetime) -> ReceivedInstance:
    """Return the instance of a record, without a place in the spool; ``received_at`` is when it came, as of now."""
    facts = _texts(head.facts)
    return ReceivedInstance(
        sop_class_uid=facts["sop_class"],
        sop_instance_uid=InstanceUid(facts["sop_instance"]),
        transfer_syntax_uid=facts["syntax"],
        study_uid=StudyUid(facts["study"]),
        series_uid=SeriesUid(facts["series"]),
        spool_key="",
        size_bytes=head.payload_bytes,
        sha256=facts["sha256"],
        calling_ae_title=facts["caller"],
        association_id=facts["association"],
        received_at=received_at,
        fault=facts.get("fault", ""),
    )


def facts_of_refusal(refused: RefusedInstance) -> Facts:
    """Return the facts of a refusal's record; it has no payload."""
    return {"status": refused.status} | _cut(
        {
            "sop_class": refused.sop_class_uid,
            "sop_instance": refused.sop_instance_uid,
            "study": refused.study_uid,
            "series": refused.series_uid,
            "code": refused.code,
            "caller": refused.calling_ae_title,
            "association": refused.association_id,
            "received_at": refused.refused_at.isoformat(),
        }
    )


def refusal_of(head: RecordHead, refused_at: datetime) -> RefusedInstance:
    """Return the refusal of a record."""
    facts = _texts(head.facts)
    return RefusedInstance(
        sop_class_uid=facts["sop_class"],
        sop_instance_uid=InstanceUid(facts["sop_instance"]),
        study_uid=StudyUid(facts["study"]),
        series_uid=SeriesUid(facts["series"]),
        status=int(head.facts["status"]),
        code=facts["code"],
        calling_ae_title=facts["caller"],
        association_id=facts["association"],
        refused_at=refused_at,
    )


def payload_of_commitment(answer: CommitmentAnswer) -> bytes:
    """Return the payload of a storage commitment answer's record."""
    return json.dumps({"transaction": answer.transaction_uid, "committed": dict(answer.committed)}).encode()


def commitment_of(payload: bytes) -> CommitmentAnswer:
    """Return the storage commitment answer of a payload."""
    content = json.loads(payload)
    return CommitmentAnswer(
        content["transaction"], {str(uid): bool(kept) for uid, kept in content["committed"].items()}
    )


def payload_sha256(head: RecordHead) -> str:
    """Return the SHA-256 that the payload of a record must have; every kind with a payload states it."""
    return str(head.facts.get("sha256", ""))


def _cut(facts: Mapping[str, str]) -> Facts:
    return {
        name: value if len(value) <= _LONGEST and value.isprintable() else _readable(value[:_LONGEST])
        for name, value in facts.items()
    }


def _readable(value: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in value)


def _texts(facts: Mapping[str, str | int | float]) -> dict[str, str]:
    return {name: str(value) for name, value in facts.items()}
