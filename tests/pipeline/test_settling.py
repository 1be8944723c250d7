from __future__ import annotations

from dataclasses import dataclass, replace

from tests.pipeline.test_chain import receive, settle
from tests.pipeline.world import STUDY, World
from trabecula.domain.errors import ArchiveQueryFailed
from trabecula.domain.study.jobs import Stage
from trabecula.domain.study.study import StudyPriority
from trabecula.pipeline import prioritise_study, settle_now


@dataclass
class CountingArchive:
    """Answers with a fixed count, or fails."""

    count: int | None = None
    error: ArchiveQueryFailed | None = None
    asked: int = 0

    def count_instances(self, study_uid: str) -> int | None:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return self.count


def remark(world: World) -> str:
    (text,) = world.rows("SELECT detail FROM events WHERE what = 'SETTLED'")
    return str(text)


def test_a_study_that_still_receives_waits_for_the_rest_of_its_quiet_time(world: World) -> None:
    receive(world, 1)
    world.rows("UPDATE studies SET last_image_at = clock_timestamp() - interval '20 s'")

    world.run_next(Stage.SETTLE)

    ((stage, delay),) = world.waiting()
    assert stage == "settle"
    assert 30 < delay <= 40
    assert world.state() == "RECEIVING"


def test_a_complete_count_settles_at_once(world: World) -> None:
    archive = CountingArchive(count=2)
    world.services = replace(world.services, archive=archive)
    receive(world, 1, 2)

    settle(world)

    assert (world.state(), archive.asked, remark(world)) == ("ANALYSING", 1, "2 images")


def test_missing_images_are_waited_for_a_bounded_time_and_then_named(world: World) -> None:
    world.services = replace(world.services, archive=CountingArchive(count=5))
    receive(world, 1, 2)
    world.be_quiet()

    for _ in range(2):
        world.run_next(Stage.SETTLE)
        assert world.state() == "RECEIVING"
        assert 20 < world.waiting()[0][1] <= 30
    world.run_next(Stage.SETTLE)

    assert world.state() == "ANALYSING"
    assert world.events().count("WAITING") == 2
    assert "3 more objects" in remark(world)


def test_a_new_image_starts_the_waiting_anew(world: World) -> None:
    world.services = replace(world.services, archive=CountingArchive(count=5))
    receive(world, 1)
    settle(world)

    receive(world, 2)

    assert world.rows("SELECT count_checks FROM studies") == [0]


def test_an_archive_that_does_not_answer_or_count_holds_nothing_up(world: World) -> None:
    for number, archive in enumerate((CountingArchive(error=ArchiveQueryFailed("no answer")), CountingArchive()), 1):
        world.services = replace(world.services, archive=archive)
        receive(world, number)
        settle(world)
        assert world.state() == "ANALYSING"

    details = world.rows("SELECT detail FROM events WHERE what = 'SETTLED' ORDER BY id")
    assert details == ["ARCHIVE_QUERY_FAILED: settled by quiet time alone", "2 images"]


def test_an_operator_need_not_wait(world: World) -> None:
    world.services = replace(world.services, archive=CountingArchive(count=5))
    receive(world, 1)

    settle_now(world.services, STUDY, "tester")

    assert world.state() == "ANALYSING"
    assert world.rows("SELECT who FROM events WHERE what = 'FORCED'") == ["tester"]


def test_studies_of_a_bulk_source_wait_behind_all_others_unless_an_operator_said_otherwise(world: World) -> None:
    policy = replace(world.services.settle, bulk_sources=frozenset({"ROUTER"}))
    world.services = replace(world.services, settle=policy)
    receive(world, 1)
    world.be_quiet()
    world.run_next(Stage.SETTLE)
    bulk = world.rows("SELECT priority FROM studies"), world.rows("SELECT rank FROM backlog_lanes WHERE queue = 'cpu'")

    prioritise_study(world.services.open_ledger, STUDY, StudyPriority.ROUTINE, "operator")
    receive(world, 2)
    world.be_quiet()
    world.run_next(Stage.SETTLE)

    assert bulk == (["BULK"], [3])
    assert world.rows("SELECT priority FROM studies") == ["ROUTINE"]
