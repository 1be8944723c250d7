from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trabecula.domain.notification.messages import MessageKind, message_of_news
from trabecula.domain.notification.troubles import (
    HostDisk,
    ServiceFigures,
    TellingPolicy,
    ToldTrouble,
    Trouble,
    TroubleKind,
    Undelivered,
    news_of,
    troubles_of,
)
from trabecula.domain.notification.working_time import WorkingTime

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)  # a Monday
POLICY = TellingPolicy(working_time=WorkingTime(zone=UTC))
GIB = 2**30


def disk(folder: str, free_gib: float) -> HostDisk:
    return HostDisk(host="ward-2", folder=folder, free_bytes=int(free_gib * GIB), watermark_bytes=2 * GIB)


def figures(**changes: object) -> ServiceFigures:
    sound = {"now": NOON, "disks": (disk("data", 100), disk("journal", 50)), "last_image_at": NOON}
    return ServiceFigures(**(sound | changes))  # type: ignore[arg-type]


def kinds(**changes: object) -> list[str]:
    return [str(item.kind) for item in troubles_of(figures(**changes), POLICY)]


def test_all_is_well() -> None:
    assert kinds() == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"failures": {"ATTEMPTS_EXHAUSTED": 2}}, "STUDIES_FAILED"),
        ({"undelivered": {"PACS": Undelivered(3, 1801)}}, "DESTINATION_DOWN"),
        ({"disks": (disk("data", 100), disk("journal", 3.9))}, "DISK_LOW"),
        ({"last_image_at": NOON - timedelta(days=4)}, "NOTHING_RECEIVED"),
    ],
)
def test_each_trouble_is_seen(changes: dict[str, object], kind: str) -> None:
    assert kinds(**changes) == [kind]


def test_what_is_not_yet_one() -> None:
    assert kinds(undelivered={"PACS": Undelivered(3, 1799)}) == []
    assert kinds(undelivered={"PACS": Undelivered(0, 0)}) == []
    assert kinds(last_image_at=NOON - timedelta(hours=66, minutes=30)) == []  # Friday 17:30: 1.5 hours, and 5 today
    assert kinds(last_image_at=None) == []
    quiet = TellingPolicy(silence_s=0, working_time=WorkingTime(zone=UTC))
    assert troubles_of(figures(last_image_at=NOON - timedelta(days=30)), quiet) == ()


class People:
    """What people are told over a time."""

    def __init__(self) -> None:
        self.known: Sequence[ToldTrouble] = ()
        self.told: list[str] = []

    def minute(self, at: datetime, troubles: Sequence[Trouble]) -> None:
        news = news_of(self.known, troubles, POLICY, at)
        self.known = news.known
        message = message_of_news(news, "TRABECULA")
        if message is not None:
            self.told.append(message.subject)


def down(objects: int = 3, name: str = "PACS") -> Trouble:
    (found,) = troubles_of(figures(undelivered={name: Undelivered(objects, 4000)}), POLICY)
    return found


def failed(count: int) -> Trouble:
    (found,) = troubles_of(figures(failures={"X": count}), POLICY)
    return found


def test_a_pacs_that_is_down_over_night_is_one_message_and_one_when_it_is_up() -> None:
    people = People()

    for minute in range(12 * 60):
        people.minute(NOON + timedelta(minutes=minute), [down(objects=minute)] if 5 <= minute < 700 else [])

    assert len(people.told) == 2
    assert people.told[0].startswith("[TRABECULA] PACS has taken no result for ")
    assert people.told[1] == "[TRABECULA] PACS takes results again"


def test_troubles_of_one_minute_are_one_message() -> None:
    people = People()

    people.minute(NOON, [down(), down(name="LAB"), failed(4)])

    assert len(people.told) == 1
    assert people.told[0].endswith("(and 2 more)")


def test_more_failed_studies_are_told_once_an_hour() -> None:
    people = People()

    for minute in range(180):
        people.minute(NOON + timedelta(minutes=minute), [failed(1 + minute)])

    assert len(people.told) == 3


def test_a_destination_that_flaps_is_told_at_most_twice_an_hour() -> None:
    people = People()

    for minute in range(240):
        people.minute(NOON + timedelta(minutes=minute), [down()] if minute % 2 else [])

    assert 2 <= len(people.told) <= 8


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=200))
def test_whatever_happens_people_know_in_the_end(course: list[tuple[bool, int]]) -> None:
    people = People()
    now = NOON
    for is_down, count in course:
        now += timedelta(minutes=1)
        people.minute(now, ([down()] if is_down else []) + ([failed(count)] if count else []))
    last = ([down()] if course and course[-1][0] else []) + (
        [failed(course[-1][1])] if course and course[-1][1] else []
    )

    for _ in range(2):  # enough time for what was told lately
        now += timedelta(minutes=61)
        people.minute(now, last)

    assert {(item.kind, item.told_size) for item in people.known if item.told_size} == {
        (item.kind, item.size) for item in last
    }
    assert len(people.told) <= 4 * (len(course) / 60 + 3)


def test_a_message_says_what_is_wrong_and_what_to_do_and_facts_for_programs() -> None:
    news = news_of((), [down(), failed(2)], POLICY, NOON)

    message = message_of_news(news, "HOSPITAL")

    assert message is not None
    assert message.kind is MessageKind.TROUBLE
    assert "-> trabecula studies list --state failed." in message.text
    assert [item["kind"] for item in message.document()["troubles"]] == ["DESTINATION_DOWN", "STUDIES_FAILED"]
    assert message_of_news(news_of(news.known, [down(), failed(2)], POLICY, NOON), "HOSPITAL") is None
    over = message_of_news(news_of(news.known, [], POLICY, NOON), "HOSPITAL")
    assert over is not None
    assert over.kind is MessageKind.OVER
    assert TroubleKind.DESTINATION_DOWN in {item["kind"] for item in over.document()["over"]}
