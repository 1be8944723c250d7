"""Troubles: what is wrong now by the figures, and which of it is news for people who were told before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from trabecula.domain.notification.working_time import WorkingTime

_GIB = 2**30


class TroubleKind(StrEnum):
    """What people are told of."""

    STUDIES_FAILED = "STUDIES_FAILED"
    """Studies failed for good and wait for a person."""
    DESTINATION_DOWN = "DESTINATION_DOWN"
    """A destination takes nothing."""
    DISK_LOW = "DISK_LOW"
    """There is less room than twice the watermark below which images are refused."""
    NOTHING_RECEIVED = "NOTHING_RECEIVED"
    """No image came for many working hours."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Something that is wrong now. ``size`` grows with it; ``subject`` tells two of a kind apart."""

    kind: TroubleKind
    subject: str = ""
    size: int = 1
    sentence: str
    next_step: str


@dataclass(frozen=True)
class Undelivered:
    """Objects that a destination did not take when they were tried, and the age of the oldest in seconds."""

    objects: int
    oldest_s: float


@dataclass(frozen=True, kw_only=True)
class HostDisk:
    """Free space of a folder (``data``, ``journal``) on a host; ``told_s`` is how long ago the host said so."""

    host: str
    folder: str
    free_bytes: int
    watermark_bytes: int
    told_s: float = 0.0

    @property
    def is_low(self) -> bool:
        """Whether there is less room than twice the watermark."""
        return self.free_bytes < 2 * self.watermark_bytes


@dataclass(frozen=True, kw_only=True)
class ServiceFigures:
    """What the rules look at: FAILED studies by code, what destinations did not take, the last image, every disk."""

    now: datetime
    failures: Mapping[str, int] = field(default_factory=dict)
    undelivered: Mapping[str, Undelivered] = field(default_factory=dict)
    last_image_at: datetime | None = None
    disks: Sequence[HostDisk] = ()


@dataclass(frozen=True, kw_only=True)
class TellingPolicy:
    """When figures are a trouble, and how soon the same one may be told again. ``silence_s`` 0: silence never is."""

    destination_down_s: float = 1800.0
    silence_s: float = 8 * 3600.0
    again_s: float = 3600.0
    working_time: WorkingTime = field(default_factory=WorkingTime)


@dataclass(frozen=True, kw_only=True)
class ToldTrouble:
    """What people know of a trouble: how large it was when they were told last; 0: that it is over."""

    kind: TroubleKind
    subject: str
    since: datetime
    told_at: datetime
    told_size: int


@dataclass(frozen=True, kw_only=True)
class News:
    """What to tell now, and what people will know then; what is no longer worth remembering is not among it."""

    appeared: tuple[Trouble, ...]
    over: tuple[ToldTrouble, ...]
    known: tuple[ToldTrouble, ...]


def silence_s(policy: TellingPolicy, last_image_at: datetime | None, now: datetime) -> float:
    """Return for how many working seconds no image has come; 0 before the first one ever came."""
    return policy.working_time.seconds_between(last_image_at, now) if last_image_at is not None else 0.0


def is_silent(policy: TellingPolicy, last_image_at: datetime | None, now: datetime) -> bool:
    """Return whether no image has come for too long: the one rule of messages and of ``doctor``."""
    return policy.silence_s > 0 and silence_s(policy, last_image_at, now) > policy.silence_s


def troubles_of(figures: ServiceFigures, policy: TellingPolicy) -> tuple[Trouble, ...]:
    """Return what is wrong now."""
    found = []
    failed = sum(figures.failures.values())
    if failed:
        codes = ", ".join(f"{code or 'unknown'}: {count}" for code, count in sorted(figures.failures.items()))
        found.append(
            Trouble(
                kind=TroubleKind.STUDIES_FAILED,
                size=failed,
                sentence=f"{failed} studies failed ({codes})",
                next_step="trabecula studies list --state failed",
            )
        )
    for name, waiting in sorted(figures.undelivered.items()):
        if waiting.objects and waiting.oldest_s > policy.destination_down_s:
            found.append(
                Trouble(
                    kind=TroubleKind.DESTINATION_DOWN,
                    subject=name,
                    sentence=f"{name} has taken no result for {waiting.oldest_s / 60:.0f} min; "
                    f"{waiting.objects} objects wait",
                    next_step="Delivery goes on by itself when it is up again; trabecula doctor asks it by C-ECHO",
                )
            )
    for disk in figures.disks:
        if disk.is_low:
            found.append(
                Trouble(
                    kind=TroubleKind.DISK_LOW,
                    subject=f"{disk.host}: {disk.folder}",
                    sentence=f"{disk.free_bytes / _GIB:.1f} GiB are free for {disk.folder} on {disk.host}; "
                    f"below {disk.watermark_bytes / _GIB:g} GiB new images are refused",
                    next_step="Make room, or let images be removed sooner",
                )
            )
    if is_silent(policy, figures.last_image_at, figures.now):
        hours = silence_s(policy, figures.last_image_at, figures.now) / 3600
        found.append(
            Trouble(
                kind=TroubleKind.NOTHING_RECEIVED,
                sentence=f"No image has come for {hours:.0f} working hours",
                next_step="Ask the PACS whether its route is on and whether it reports failed transfers",
            )
        )
    return tuple(found)


def news_of(known: Sequence[ToldTrouble], troubles: Sequence[Trouble], policy: TellingPolicy, now: datetime) -> News:
    """Return what people are to be told: a trouble once, again when it grew or came back and enough time has passed,
    and once that it is over. What is told together is one message."""
    again = timedelta(seconds=policy.again_s)
    told = {(item.kind, item.subject): item for item in known}
    appeared, over, remembered = [], [], []
    for trouble in troubles:
        last = told.pop((trouble.kind, trouble.subject), None)
        if last is None or (trouble.size > last.told_size and now - last.told_at >= again):
            appeared.append(trouble)
            since = last.since if last is not None and last.told_size else now
            remembered.append(_told(trouble, since, now))
        else:
            size = min(last.told_size, trouble.size)
            remembered.append(
                ToldTrouble(
                    kind=last.kind, subject=last.subject, since=last.since, told_at=last.told_at, told_size=size
                )
            )
    for last in told.values():
        if last.told_size:
            over.append(last)
            remembered.append(
                ToldTrouble(kind=last.kind, subject=last.subject, since=last.since, told_at=now, told_size=0)
            )
        elif now - last.told_at < again:
            remembered.append(last)
    return News(appeared=tuple(appeared), over=tuple(over), known=tuple(remembered))


def _told(trouble: Trouble, since: datetime, now: datetime) -> ToldTrouble:
    return ToldTrouble(kind=trouble.kind, subject=trouble.subject, since=since, told_at=now, told_size=trouble.size)
