"""Messages: what people read of troubles, of what is over, and once a day of everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from trabecula.domain.notification.troubles import News, ToldTrouble, TroubleKind
from trabecula.domain.results.result import Category

_GIB = 2**30
_OVER = {
    TroubleKind.STUDIES_FAILED: "no study is failed any more",
    TroubleKind.DESTINATION_DOWN: "{} takes results again",
    TroubleKind.DISK_LOW: "there is room again on the disk of {}",
    TroubleKind.NOTHING_RECEIVED: "images come again",
}


class MessageKind(StrEnum):
    """Why a message is sent."""

    TROUBLE = "TROUBLE"
    OVER = "OVER"
    DIGEST = "DIGEST"
    TEST = "TEST"


@dataclass(frozen=True, kw_only=True)
class Message:
    """What is sent: one line, a text, and facts for programs."""

    kind: MessageKind
    subject: str
    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """Return it as JSON knows it; ``text`` is what chat programs show."""
        return {"kind": str(self.kind), "subject": self.subject, "text": self.text, **self.facts}


@dataclass(frozen=True, kw_only=True)
class DayFigures:
    """A day of the service: studies that came and were answered between two moments, and what stands now."""

    since: datetime
    until: datetime
    received: int
    answers: Mapping[str, int]
    reasons: Mapping[str, int]
    """Codes of why studies were not evaluable, and how many had each."""
    done: int
    failed: Mapping[str, int]
    waiting: int
    held: int
    free_bytes: int


def message_of_news(news: News, site: str) -> Message | None:
    """Return the one message about everything that is news now; None where nothing is."""
    lines = [f"{item.sentence}.\n  -> {item.next_step}." for item in news.appeared]
    ended = [_over(item) for item in news.over]
    lines += [
        f"{line[0].upper()}{line[1:]} (told {item.told_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC)."
        for line, item in zip(ended, news.over, strict=True)
    ]
    if not lines:
        return None
    first = news.appeared[0].sentence if news.appeared else ended[0]
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    facts = {
        "troubles": [
            {"kind": str(item.kind), "subject": item.subject, "sentence": item.sentence} for item in news.appeared
        ],
        "over": [{"kind": str(item.kind), "subject": item.subject} for item in news.over],
    }
    kind = MessageKind.TROUBLE if news.appeared else MessageKind.OVER
    return Message(kind=kind, subject=f"[{site}] {first}{more}", text="\n".join(lines), facts=facts)


def message_of_day(day: DayFigures, site: str) -> Message:
    """Return the daily digest."""
    measured = sum(count for name, count in day.answers.items() if name != Category.NOT_EVALUABLE)
    flagged = day.answers.get(str(Category.LOW_BONE_DENSITY_SUSPECTED), 0)
    not_evaluable = day.answers.get(str(Category.NOT_EVALUABLE), 0)
    rows = {
        "received": f"{day.received} studies",
        "measured": str(measured),
        "flagged": f"{flagged} ({Category.LOW_BONE_DENSITY_SUSPECTED.words})",
        "not evaluable": f"{not_evaluable}{_listed(day.reasons)}",
        "done": str(day.done),
        "failed, now": f"{sum(day.failed.values())}{_listed(day.failed)}",
        "in work, now": str(day.waiting),
        "in quarantine, now": str(day.held),
        "free on disk, now": f"{day.free_bytes / _GIB:.0f} GiB",
    }
    span = f"{day.since:%Y-%m-%d %H:%M} to {day.until:%Y-%m-%d %H:%M}"
    text = "\n".join([span, *(f"{name + ':':<20} {value}" for name, value in rows.items())])
    failed = sum(day.failed.values())
    subject = f"[{site}] {day.received} received, {measured} measured, {flagged} flagged, {failed} failed"
    facts = {
        "since": day.since.isoformat(), "until": day.until.isoformat(), "received": day.received,
        "answers": dict(day.answers), "reasons": dict(day.reasons), "done": day.done, "failed": dict(day.failed),
        "waiting": day.waiting, "quarantine": day.held, "free_bytes": day.free_bytes,
    }  # fmt: skip
    return Message(kind=MessageKind.DIGEST, subject=subject, text=text, facts=facts)


def message_for_a_test(site: str) -> Message:
    """Return the message by which an operator sees that messages arrive."""
    text = "This is a test message of Trabecula. Messages about troubles come the same way."
    return Message(kind=MessageKind.TEST, subject=f"[{site}] test message", text=text)


def _over(item: ToldTrouble) -> str:
    return _OVER[item.kind].format(item.subject)


def _listed(counts: Mapping[str, int]) -> str:
    parts = [f"{code or 'unknown'}: {count}" for code, count in sorted(counts.items())]
    return f" ({', '.join(parts)})" if parts else ""
