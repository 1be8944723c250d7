"""The chain of seals: each entry's digest over its canonical bytes, each seal over the one before and the digest.

A change of one entry changes its digest; a change of the order, or of a seal, breaks the link to the next. Who can
write every row can also make the whole chain anew: what they cannot change is a head that was copied elsewhere before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

FIRST = "0" * 64
"""What stands for the seal before the first one."""
_VERSION = "trabecula-audit-1"


@dataclass(frozen=True, kw_only=True)
class KeptEntry:
    """An entry as it is kept: persons and studies are pseudonyms."""

    id: int
    at: datetime
    action: str
    outcome: str
    who: str
    who_kind: str
    address: str
    studies: tuple[str, ...]
    patients: tuple[str, ...]
    subject: str
    detail: str

    def canonical(self) -> bytes:
        """Return the bytes that are sealed: one JSON array, UTC to the microsecond, no spaces, UTF-8."""
        at = self.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        words = (self.action, self.outcome, self.who, self.who_kind, self.address)
        names = (list(self.studies), list(self.patients))
        whole = [_VERSION, self.id, at, *words, *names, self.subject, self.detail]
        return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()

    def digest(self) -> str:
        """Return the SHA-256 of the canonical bytes, in hex."""
        return hashlib.sha256(self.canonical()).hexdigest()


@dataclass(frozen=True)
class Seal:
    """One link: its number (from 1, without gaps), the entry it seals, that entry's digest, and the seal itself."""

    number: int
    entry_id: int
    digest: str
    seal: str


@dataclass(frozen=True)
class Head:
    """The newest seal at a time: who keeps it elsewhere finds out whether what lies before it was changed."""

    number: int
    seal: str
    at: str = ""


def seal_after(before: str, number: int, digest: str) -> str:
    """Return the seal of the entry with this digest at this number, after the seal ``before``."""
    return hashlib.sha256(f"{before}\n{number}\n{digest}".encode("ascii")).hexdigest()


def sealed(entries: Iterable[KeptEntry], head: Head) -> Iterator[Seal]:
    """Yield a seal for each entry, in order, after the head."""
    number, seal = head.number, head.seal
    for entry in entries:
        number, digest = number + 1, entry.digest()
        seal = seal_after(seal, number, digest)
        yield Seal(number, entry.id, digest, seal)


class FaultKind(StrEnum):
    """What is wrong with the log."""

    ALTERED = "ALTERED"
    """An entry is not what was sealed."""
    MISSING = "MISSING"
    """A sealed entry, or a seal, is not there."""
    REORDERED = "REORDERED"
    """An entry stands where another one was sealed."""
    BROKEN = "BROKEN"
    """A seal does not follow from the one before it."""
    TRUNCATED = "TRUNCATED"
    """A head that was exported is newer than the newest seal."""
    REWRITTEN = "REWRITTEN"
    """An exported head has another seal than the log at that number."""
    UNLISTED = "UNLISTED"
    """An entry has no seal, and does not wait for one."""
    NO_HEAD = "NO_HEAD"
    """Entries are sealed and no head that was exported is there."""


@dataclass(frozen=True)
class Fault:
    """One fault at a number of the chain."""

    kind: FaultKind
    number: int
    words: str


def faults_of(links: Iterable[tuple[Seal, KeptEntry | None]], digests: Mapping[str, int]) -> Iterator[Fault]:
    """Yield what is wrong with a chain, each fault once: links come in the order of their numbers, with their entries.

    ``digests`` gives the number at which a digest is sealed, for whoever looks where an entry belongs.
    """
    before, last = FIRST, 0
    for seal, entry in links:
        gap = seal.number != last + 1
        if gap:
            yield Fault(FaultKind.MISSING, last + 1, f"the seals {last + 1} to {seal.number - 1} are not there")
        elif seal.seal != seal_after(before, seal.number, seal.digest):
            yield Fault(FaultKind.BROKEN, seal.number, f"seal {seal.number} does not follow from the one before it")
        if entry is None:
            yield Fault(FaultKind.MISSING, seal.number, f"the entry of seal {seal.number} is not there")
        elif (found := entry.digest()) != seal.digest:
            yield _altered(seal.number, digests.get(found))
        before, last = seal.seal, seal.number


def _altered(number: int, belongs: int | None) -> Fault:
    if belongs is not None:
        return Fault(FaultKind.REORDERED, number, f"at seal {number} stands the entry that seal {belongs} was made of")
    return Fault(FaultKind.ALTERED, number, f"the entry of seal {number} was changed after it was sealed")


def faults_of_heads(heads: Sequence[Head], seals: Mapping[int, str], newest: int) -> Iterator[Fault]:
    """Yield where exported heads and the log differ: the first that is newer than the log, and the first that differs.

    ``seals`` gives the log's seals at the numbers of the heads.
    """
    cut = next((head for head in heads if head.number > newest), None)
    if cut is not None:
        most = max(head.number for head in heads)
        yield Fault(FaultKind.TRUNCATED, newest + 1, f"the log ends at seal {newest}, and seal {most} was exported")
    other = next((head for head in heads if head.number <= newest and seals.get(head.number) != head.seal), None)
    if other is not None:
        words = f"seal {other.number} is not the one that was exported at {other.at or 'an unknown time'}"
        yield Fault(FaultKind.REWRITTEN, other.number, words)
