"""Who acts in this thread or task: what use cases write into the audit log is under this name.

A use case is told ``who`` as text alone; whether that is an account, a token or somebody at the command line, and from
which address, is known where the request came in. There it is said once, for everything the request does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from trabecula.domain.audit.entry import ActorKind, AuditAction, AuditEntry, PatientKey
from trabecula.domain.uids import StudyUid


@dataclass(frozen=True)
class Actor:
    """Who acts, what kind of somebody, and from which address; an empty ``who`` is whoever the use case names."""

    who: str
    kind: ActorKind
    address: str = ""


_acting: ContextVar[Actor | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(actor: Actor) -> Iterator[None]:
    """Write what happens inside under this actor."""
    token = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(token)


def actor_of(who: str) -> Actor:
    """Return who acts now: whoever was named for the whole request, else ``who`` at the command line."""
    acting = _acting.get() or Actor("", ActorKind.COMMAND_LINE)
    return acting if acting.who else Actor(who, acting.kind, acting.address)


def entry_of(
    action: AuditAction,
    who: str,
    *,
    studies: tuple[StudyUid, ...] = (),
    patients: tuple[PatientKey, ...] = (),
    subject: str = "",
    detail: str = "",
) -> AuditEntry:
    """Return the entry of what the actor of now did; ``who`` is somebody at the command line, if nobody was named."""
    actor = actor_of(who)
    return AuditEntry(
        action=action,
        who=actor.who,
        who_kind=actor.kind,
        address=actor.address,
        studies=studies,
        patients=patients,
        subject=subject,
        detail=detail,
    )
