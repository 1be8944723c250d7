from __future__ import annotations

from typing import Any

import pytest

from trabecula.domain.audit.acting import Actor, acting_as, actor_of
from trabecula.domain.audit.entry import MOST_NAMED, ActorKind, AuditAction, AuditEntry
from trabecula.domain.uids import StudyUid


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"who": ""}, "names who acted"),
        ({"studies": tuple(StudyUid(f"1.2.{n}") for n in range(MOST_NAMED + 1))}, "one for each batch"),
        ({"studies": (StudyUid("1.2.3.4"),), "detail": "of 1.2.3.4"}, "no study's UID"),
        ({"studies": (StudyUid("1.2.3.4"),), "subject": "1.2.3.4"}, "no study's UID"),
    ],
)
def test_what_cannot_be_an_entry_is_refused(values: dict[str, Any], said: str) -> None:
    given: dict[str, Any] = {"action": AuditAction.STUDY_VIEWED, "who": "anna", "who_kind": ActorKind.ACCOUNT}

    with pytest.raises(ValueError, match=said):
        AuditEntry(**given | values)


def test_who_acts_is_said_once_for_everything_a_request_does() -> None:
    assert actor_of("root (command line)") == Actor("root (command line)", ActorKind.COMMAND_LINE)

    with acting_as(Actor("anna", ActorKind.ACCOUNT, "10.0.0.5")):
        assert actor_of("whatever") == Actor("anna", ActorKind.ACCOUNT, "10.0.0.5")

    assert actor_of("x").kind is ActorKind.COMMAND_LINE
