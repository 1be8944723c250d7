"""Who acts in this thread or task: what use cases write into the audit log is under this name.

A use case is told ``who`` as trails name them: "anna", "anna (token night)", "root (command line)". From which address
they act is known where the request came in; there it may be said once, for everything the request does.
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
    """Who acts, what kind of somebody that is, and from which address."""

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
    """Return who acts now: whoever was named for the whole request, else ``who``, of the kind that its text says."""
    acting = _acting.get()
    return acting if acting is not None else Actor(who, _kind_of(who))


def named_actor(who: str) -> Actor:
    """Return somebody as trails name them, for what is done later on their behalf."""
    return Actor(who, _kind_of(who))


def is_told_at_the_door(who: str) -> bool:
    """Return whether the request itself writes the entry: of accounts and tokens that nobody named by ``acting_as``.

    The desk writes what was asked for, with the address, before a use case begins; a bulk action, whose changes are
    made later by a worker, names its actor.
    """
    return _acting.get() is None and _kind_of(who) in (ActorKind.ACCOUNT, ActorKind.TOKEN)


def _kind_of(who: str) -> ActorKind:
    """The kind that trails write behind a name; an account stands there alone."""
    if who == "system":
        return ActorKind.SYSTEM
    if "(command line" in who:
        return ActorKind.COMMAND_LINE
    return ActorKind.TOKEN if "(token " in who else ActorKind.ACCOUNT


def entry_of(
    action: AuditAction,
    who: str,
    *,
    studies: tuple[StudyUid, ...] = (),
    patients: tuple[PatientKey, ...] = (),
    subject: str = "",
    detail: str = "",
) -> AuditEntry:
    """Return the entry of what the actor of now did, who is ``who`` where nobody was named for the whole request."""
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
