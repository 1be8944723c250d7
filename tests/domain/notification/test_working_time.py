from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.notification.working_time import WorkingTime

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = WorkingTime(begin_minutes=7 * 60, end_minutes=19 * 60, zone=BERLIN)
MOMENTS = st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2026, 12, 31), timezones=st.just(UTC))


def hours(since: datetime, until: datetime, clock: WorkingTime = OFFICE) -> float:
    return clock.seconds_between(since, until) / 3600


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-11-30 08:00", "2026-11-30 12:00", 4),  # within a Monday
        ("2026-11-30 03:00", "2026-11-30 08:00", 1),
        ("2026-11-30 18:00", "2026-12-01 08:00", 2),  # over a night
        ("2026-11-27 18:00", "2026-11-30 09:00", 3),  # over a weekend
        ("2026-11-28 08:00", "2026-11-29 18:00", 0),  # a weekend
        ("2026-11-30 12:00", "2026-11-30 12:00", 0),
    ],
)
def test_only_working_hours_count(since: str, until: str, expected: float) -> None:
    begin, end = (datetime.fromisoformat(text).replace(tzinfo=BERLIN) for text in (since, until))

    assert hours(begin, end) == expected


def test_the_day_on_which_clocks_go_back_has_an_hour_more() -> None:
    whole = WorkingTime(begin_minutes=0, end_minutes=1440, days=frozenset(range(7)), zone=BERLIN)
    since, until = datetime(2026, 10, 25, tzinfo=BERLIN), datetime(2026, 10, 26, tzinfo=BERLIN)

    assert hours(since, until, whole) == 25


@given(MOMENTS, st.floats(0, 40 * 86400), st.floats(0, 40 * 86400))
def test_a_span_is_the_sum_of_its_pieces_and_never_longer_than_itself(
    since: datetime, first: float, second: float
) -> None:
    middle = since + timedelta(seconds=first)
    until = middle + timedelta(seconds=second)

    whole = OFFICE.seconds_between(since, until)

    assert whole == pytest.approx(OFFICE.seconds_between(since, middle) + OFFICE.seconds_between(middle, until), abs=1)
    assert 0 <= whole <= (until - since).total_seconds() + 1e-3


def test_the_host_s_own_zone_is_used_where_none_is_named() -> None:
    always = WorkingTime(begin_minutes=0, end_minutes=1440, days=frozenset(range(7)))
    now = datetime.now(UTC)

    assert always.seconds_between(now - timedelta(hours=30), now) == pytest.approx(30 * 3600, abs=1)
