"""People are told: real ledger, real mail server, real webhook; once, whatever restarts and however many hosts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from tests.databases import embedded_database_url
from tests.mail_sink import MailSink, Posts, mail_sink, web_sink
from tests.pipeline.world import World, make_world
from tests.waiting import wait_until
from trabecula.bootstrap.monitoring.host_disks import telling_disks
from trabecula.bootstrap.monitoring.telling import telling_of
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import DestinationUnreachable
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result import Category
from trabecula.domain.study.jobs import Stage
from trabecula.jobs.app import QueueOptions, build_app
from trabecula.jobs.telling import Telling, tell_people
from trabecula.ledger.notifications import rows
from trabecula.pipeline import register_instance
from trabecula.settings import load_settings

__all__ = ["embedded_database_url"]

PACS = Destination(name="PACS", ae_title="ARCHIVE", host="127.0.0.1", port=104)


@pytest.fixture
def world(embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    made = make_world(embedded_database_url, tmp_path, (PACS,))
    yield made
    made.engine.dispose()


@pytest.fixture
def mails(free_port: Callable[[], int]) -> Iterator[MailSink]:
    with mail_sink(free_port()) as sink:
        yield sink


@pytest.fixture
def posts() -> Iterator[Posts]:
    with web_sink() as sink:
        yield sink


def telling(folder: Path, mails: MailSink, posts: Posts | None = None, **changes: object) -> Telling:
    options: dict[str, object] = {
        "data_dir": folder,
        "min_free_gib": 0,
        "smtp_host": "127.0.0.1",
        "smtp_port": mails.port,
        "smtp_tls": "none",
        "smtp_from": "trabecula@hospital.example",
        "smtp_to": "admins@hospital.example",
        "webhook_url": posts.url if posts is not None else "",
        "digest_at": "",
        "time_zone": "UTC",
        "working_hours": "00:00-24:00",
        "working_days": "mon,tue,wed,thu,fri,sat,sun",
    }
    return telling_of(load_settings(**(options | changes)))


def be_down(world: World, studies: int) -> None:
    """Let the reports of some studies wait for a destination that has been down for an hour."""
    world.sender.errors["PACS"] = DestinationUnreachable("PACS")
    for number in range(studies):
        uid = f"1.2.{number}"
        register_instance(world.services.open_ledger, world.instance(1, study_uid=uid), 0.0)
        world.be_quiet(uid)
        for stage in (Stage.SETTLE, Stage.ANALYSE, Stage.REPORT):
            world.run_next(stage)
    for _ in range(studies):
        world.run_next(Stage.DELIVER)
    world.rows("UPDATE revisions SET reported_at = now() - interval '1 hour'")
    world.rows("UPDATE studies SET last_image_at = now()")


def test_a_destination_that_is_down_is_one_message_and_one_when_it_is_up(
    world: World, tmp_path: Path, mails: MailSink, posts: Posts
) -> None:
    people = telling(tmp_path, mails, posts)
    tell_people(world.engine, people)
    assert mails.mails == []

    be_down(world, 3)
    for _ in range(5):
        tell_people(world.engine, people)

    assert mails.subjects == ["[TRABECULA] PACS has taken no result for 60 min; 9 objects wait"]
    (post,) = posts.documents
    assert (post["kind"], post["troubles"][0]["subject"]) == ("TROUBLE", "PACS")
    assert post["text"] in mails.texts[0]

    world.sender.errors.clear()
    world.rows("UPDATE backlog SET due_at = now()")
    world.run_all()
    for _ in range(3):
        tell_people(world.engine, people)

    assert mails.subjects[1:] == ["[TRABECULA] PACS takes results again"]
    assert [item["kind"] for item in posts.documents] == ["TROUBLE", "OVER"]


def test_each_trouble_is_told_together_and_without_anything_of_a_patient(
    world: World, tmp_path: Path, mails: MailSink, posts: Posts
) -> None:
    be_down(world, 1)
    world.rows(
        "INSERT INTO studies (study_uid, state, failure_code, patient_name, patient_id, accession_number) "
        "VALUES ('1.9.4711', 'FAILED', 'ATTEMPTS_EXHAUSTED', 'Doe^Jane', 'PID-77', 'ACC-88')"
    )
    world.rows("UPDATE studies SET last_image_at = now() - interval '9 hours'")

    tell_people(world.engine, telling(tmp_path, mails, posts, min_free_gib=1e6))

    (mail,) = mails.mails
    text = str(mail["Subject"]) + mails.texts[0] + json.dumps(posts.documents)
    assert str(mail["Subject"]).endswith("(and 3 more)")
    assert "1 studies failed (ATTEMPTS_EXHAUSTED: 1)" in text
    assert "No image has come for 9 working hours" in text
    assert "new images are refused" in text
    assert [word for word in ("Doe", "PID-77", "ACC-88", "4711", "1.9") if word in text] == []


def test_the_disk_of_a_host_without_a_worker_of_sys_is_told_and_that_it_has_room_again(
    world: World, tmp_path: Path, mails: MailSink, embedded_database_url: str
) -> None:
    receiving = load_settings(data_dir=tmp_path / "ward-2", min_free_gib=1e6)
    with telling_disks(receiving, embedded_database_url, journal=True):
        wait_until(lambda: world.rows("SELECT count(*) FROM host_disks") == [2])
    here = socket.gethostname()
    world.rows("UPDATE host_disks SET host = 'ward-2'")
    people = telling(tmp_path, mails, tell_again_minutes=0)

    tell_people(world.engine, people)
    tell_people(world.engine, people)

    (mail,) = mails.texts
    assert "free for journal on ward-2; below 1e+06 GiB new images are refused" in mail
    assert "free for data on ward-2" in mail
    assert here == "ward-2" or here not in mail

    world.rows("UPDATE host_disks SET watermark_bytes = 0, told_at = now() - interval '23 hours'")
    tell_people(world.engine, people)
    assert "room again on the disk of ward-2: data" in mails.texts[1]


def test_two_hosts_tell_once_and_a_restart_repeats_nothing(
    world: World, tmp_path: Path, mails: MailSink, posts: Posts
) -> None:
    be_down(world, 1)
    people = telling(tmp_path, mails, posts)
    hosts = [threading.Thread(target=tell_people, args=(world.engine, people)) for _ in range(6)]

    for host in hosts:
        host.start()
    for host in hosts:
        host.join()
    tell_people(world.engine, telling(tmp_path, mails, posts))

    assert len(mails.mails) == len(posts.documents) == 1


def test_a_message_that_is_not_taken_is_kept_and_sent_later(
    world: World, tmp_path: Path, mails: MailSink, posts: Posts
) -> None:
    be_down(world, 1)
    people = telling(tmp_path, mails, posts)
    mails.refusal = "451 later, because of Doe^Jane"

    tell_people(world.engine, people)
    tell_people(world.engine, people)  # not at once

    assert (mails.mails, len(posts.documents)) == ([], 1)
    assert world.rows("SELECT attempts FROM outgoing_messages WHERE channel = 'MAIL'") == [1]
    with world.engine.connect() as connection:
        ((channel, error, count),) = rows.unsent_messages(connection.connection.driver_connection)
    assert (channel, count, "it answered 451" in error, "Doe" in error) == ("MAIL", 1, True, False)

    mails.refusal = ""
    world.rows("UPDATE outgoing_messages SET next_try_at = now() WHERE next_try_at IS NOT NULL")
    tell_people(world.engine, people)
    assert len(mails.mails) == 1
    assert len(posts.documents) == 1


def test_what_nobody_takes_for_three_days_is_given_up(world: World, tmp_path: Path, mails: MailSink) -> None:
    be_down(world, 1)
    people = telling(tmp_path, mails)
    mails.refusal = "451 later"
    tell_people(world.engine, people)
    world.rows(
        "UPDATE outgoing_messages SET created_at = now() - interval '73 hours', next_try_at = now() - interval '1 s'"
    )

    tell_people(world.engine, people)

    assert world.rows("SELECT next_try_at IS NULL, sent_at IS NULL FROM outgoing_messages") == [(True, True)]


def test_the_digest_comes_once_a_day_with_what_the_day_brought(
    world: World, tmp_path: Path, mails: MailSink, posts: Posts
) -> None:
    courses = [
        ("1.2.1", Category.LOW_BONE_DENSITY_SUSPECTED, ()),
        ("1.2.2", Category.NO_FLAG, ()),
        ("1.2.3", Category.NOT_EVALUABLE, (Reason(code=ReasonCode.ANALYSIS_FAILED),)),
    ]
    for uid, category, reasons in courses:
        world.runner.category, world.runner.reasons = category, reasons
        register_instance(world.services.open_ledger, world.instance(1, study_uid=uid), 0.0)
        world.be_quiet(uid)
        world.run_all()
    world.rows(
        "UPDATE revisions SET analysed_at = analysed_at - interval '12 hours', done_at = now() - interval '12 h'"
    )
    world.rows("UPDATE studies SET first_image_at = now() - interval '12 hours', last_image_at = now()")
    people = replace(telling(tmp_path, mails, posts), digest_minutes=0)
    world.rows(
        "INSERT INTO outgoing_messages (key, channel, kind, document, next_try_at) "
        "VALUES ('digest-2026-01-01', 'MAIL', 'DIGEST', '{}', NULL)"
    )
    until = "date_trunc('day', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
    world.rows(f"UPDATE studies SET first_image_at = {until} - interval '3 hours'")
    world.rows(
        f"UPDATE revisions SET analysed_at = {until} - interval '2 hours', done_at = {until} - interval '1 hour'"
    )

    for _ in range(3):
        tell_people(world.engine, people)

    assert mails.subjects == ["[TRABECULA] 3 received, 2 measured, 1 flagged, 0 failed"]
    text = mails.texts[0]
    assert "not evaluable:       1 (ANALYSIS_FAILED: 1)" in text
    assert "free on disk, now:" in text
    assert posts.documents[0]["answers"] == {"LOW_BONE_DENSITY_SUSPECTED": 1, "NO_FLAG": 1, "NOT_EVALUABLE": 1}
    assert posts.documents[0]["done"] == 3


def test_a_new_installation_tells_nothing_of_the_day_before_it(world: World, tmp_path: Path, mails: MailSink) -> None:
    now = world.rows("SELECT extract(hour FROM now() AT TIME ZONE 'UTC')::int")[0]
    people = replace(telling(tmp_path, mails), digest_minutes=max(0, (now - 2) * 60))

    tell_people(world.engine, people)

    assert len(mails.mails) == (1 if now < 1 else 0)


def test_nobody_is_told_where_nobody_is_named(world: World) -> None:
    be_down(world, 1)

    tell_people(world.engine, telling_of(load_settings(data_dir="/nonexistent")))

    assert world.rows("SELECT count(*) FROM outgoing_messages") == [0]


def test_a_channel_that_was_taken_out_of_the_settings_stops_nothing(
    world: World, tmp_path: Path, mails: MailSink, posts: Posts
) -> None:
    be_down(world, 1)
    both = telling(tmp_path, mails, posts)
    mails.refusal = "451 later"
    tell_people(world.engine, both)
    world.rows("UPDATE outgoing_messages SET next_try_at = now() WHERE next_try_at IS NOT NULL")

    tell_people(world.engine, replace(both, channels={"WEBHOOK": both.channels["WEBHOOK"]}))

    assert world.rows("SELECT error FROM outgoing_messages WHERE channel = 'MAIL'") == ["no such channel is set"]


def test_channels_are_what_the_settings_name(tmp_path: Path, mails: MailSink, posts: Posts) -> None:
    assert set(telling(tmp_path, mails, posts).channels) == {"MAIL", "WEBHOOK"}
    assert all(isinstance(channel, partial) for channel in telling(tmp_path, mails).channels.values())


def test_a_worker_of_the_queue_sys_tells_by_itself(
    world: World, embedded_database_url: str, tmp_path: Path, mails: MailSink
) -> None:
    be_down(world, 1)
    options = QueueOptions(tell_cron="* * * * * *")
    app = build_app(embedded_database_url, world.services, world.engine, options, telling=telling(tmp_path, mails))

    async def work_until_told() -> None:
        async with app.open_async():
            worker = asyncio.create_task(app.run_worker_async(queues=["sys"]))
            while not mails.mails:
                await asyncio.sleep(0.05)
            worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await worker

    asyncio.run(asyncio.wait_for(work_until_told(), 60))

    assert mails.subjects == ["[TRABECULA] PACS has taken no result for 60 min; 3 objects wait"]
    assert world.rows("SELECT queue FROM worker_queues") == ["sys"]
