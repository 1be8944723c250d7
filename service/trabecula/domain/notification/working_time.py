"""Working hours: how much of a span of time lies in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

_MOST_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class WorkingTime:
    """From ``begin_minutes`` to ``end_minutes`` after midnight on ``days`` (0 is Monday); ``zone`` None: the host's."""

    begin_minutes: int = 7 * 60
    end_minutes: int = 19 * 60
    days: frozenset[int] = frozenset(range(5))
    zone: tzinfo | None = None

    def seconds_between(self, since: datetime, until: datetime) -> float:
        """Return how many seconds of the span are working time; of a very long one those of its last 90 days."""
        last = until.astimezone(self.zone).date()
        first = max(since.astimezone(self.zone).date(), last - timedelta(days=_MOST_DAYS))
        begin, end = since.timestamp(), until.timestamp()
        total = 0.0
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if day.weekday() in self.days:
                opens, closes = self.moment(day, self.begin_minutes), self.moment(day, self.end_minutes)
                total += max(0.0, min(end, closes.timestamp()) - max(begin, opens.timestamp()))
        return total

    def moment(self, day: date, minutes: int) -> datetime:
        """Return the moment so many minutes after midnight by the clock on the wall, 1440 being the next midnight."""
        clock = datetime.combine(day + timedelta(days=minutes // 1440), time()) + timedelta(minutes=minutes % 1440)
        return clock.replace(tzinfo=self.zone) if self.zone is not None else clock.astimezone()
