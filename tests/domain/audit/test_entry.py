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


@pytest.mark.parametrize(
    ("who", "kind"),
    [
        ("root (command line)", ActorKind.COMMAND_LINE),
        ("Dr. Data (command line as root)", ActorKind.COMMAND_LINE),
        ("anna (token night)", ActorKind.TOKEN),
        ("anna", ActorKind.ACCOUNT),
        ("system", ActorKind.SYSTEM),
    ],
)
def test_what_kind_of_somebody_acts_is_read_from_how_trails_name_them(who: str, kind: ActorKind) -> None:
    assert actor_of(who) == Actor(who, kind)


def test_who_acts_may_be_said_once_for_everything_a_request_does() -> None:
    with acting_as(Actor("anna", ActorKind.ACCOUNT, "10.0.0.5")):
        assert actor_of("whatever") == Actor("anna", ActorKind.ACCOUNT, "10.0.0.5")

    assert actor_of("anna") == Actor("anna", ActorKind.ACCOUNT)
