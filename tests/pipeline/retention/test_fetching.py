from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from tests.pipeline.retention.conftest import Kept
from tests.pipeline.world import STUDY
from trabecula.domain.errors_of.retention import ArchiveFetchFailed, ArchiveMissing
from trabecula.domain.study.jobs import Stage
from trabecula.pipeline import retry_study
from trabecula.pipeline.retention.fetching import fetch_study
from trabecula.pipeline.retention.removing import remove_due


@dataclass
class SendingArchive:
    """Sends what it is told to send, or refuses."""

    send: Callable[[], int]
    asked: int = 0

    def count_instances(self, study_uid: str) -> int | None:
        return None

    def fetch(self, study_uid: str) -> int:
        self.asked += 1
        return self.send()


def removed(kept: Kept) -> None:
    kept.finish(1, 2)
    kept.age(31)
    remove_due(kept.retention)
    kept.world.runner.analysed.clear()


def test_a_late_image_of_a_study_without_its_images_is_told_and_the_old_result_stands(kept: Kept) -> None:
    removed(kept)

    kept.receive(3)
    kept.world.be_quiet()
    kept.world.run_all()

    assert kept.world.rows("SELECT state, failure_code, revision FROM studies") == [("FAILED", "IMAGES_REMOVED", 1)]
    assert kept.world.runner.analysed == []
    assert kept.world.rows("SELECT count(*) FROM revisions") == [1]


def test_when_the_whole_study_comes_again_the_failed_one_goes_on_with_all_of_it(kept: Kept) -> None:
    removed(kept)
    kept.receive(3)
    kept.world.be_quiet()
    kept.world.run_all()

    kept.receive(1, 2)
    kept.world.be_quiet()
    kept.world.run_all()

    assert kept.world.state() == "DONE"
    assert kept.world.runner.analysed == [(STUDY, 2)]
    assert kept.world.rows("SELECT value FROM measurements WHERE revision = 2 AND level = 'L1'") == [103.0]
    assert kept.world.rows("SELECT count(*) FROM removed_images") == [0]


def test_the_archive_sends_the_rest_and_the_whole_is_measured(kept: Kept) -> None:
    removed(kept)

    def send() -> int:
        kept.receive(1, 2)
        return 2

    archive = SendingArchive(send)
    kept.world.services = replace(kept.world.services, archive=archive)
    kept.receive(3)
    kept.world.be_quiet()

    kept.world.run_next(Stage.SETTLE)
    kept.world.be_quiet()
    kept.world.run_all()

    assert archive.asked == 1
    assert kept.world.state() == "DONE"
    assert kept.world.runner.analysed == [(STUDY, 2)]


def test_an_archive_that_refuses_is_asked_a_bounded_number_of_times(kept: Kept) -> None:
    removed(kept)

    def refuse() -> int:
        raise ArchiveFetchFailed("ARCHIVE answered C-MOVE with 0xA801, 0 sent, 0 not")

    archive = SendingArchive(refuse)
    kept.world.services = replace(kept.world.services, archive=archive)
    kept.receive(3)
    kept.world.be_quiet()
    kept.world.run_all()

    assert archive.asked == 2
    assert kept.world.rows("SELECT state, failure_code FROM studies") == [("FAILED", "IMAGES_REMOVED")]
    assert any("0xA801" in detail for detail in kept.world.rows("SELECT detail FROM events WHERE what = 'WAITING'"))
    retry_study(kept.world.services.open_ledger, STUDY, "somebody")
    kept.world.run_all()
    assert archive.asked == 4


def test_an_operator_fetches_a_study_and_its_result_stands_as_it_is(kept: Kept) -> None:
    removed(kept)
    with pytest.raises(ArchiveMissing):
        fetch_study(kept.world.services, STUDY, "somebody")

    def send() -> int:
        kept.receive(1, 2)
        return 2

    kept.world.services = replace(kept.world.services, archive=SendingArchive(send))
    kept.age(100)  # result files go as well
    remove_due(kept.retention)

    asked_for = fetch_study(kept.world.services, STUDY, "somebody")
    kept.world.run_next(Stage.SETTLE)
    kept.world.be_quiet()
    kept.world.run_all()

    assert asked_for == 2
    assert kept.world.rows("SELECT state, revision FROM studies") == [("DONE", 1)]
    assert kept.world.runner.analysed == []
    assert kept.path(1).exists()
    assert "FETCHED" in kept.world.events()
    assert fetch_study(kept.world.services, STUDY, "somebody") == 0


def test_images_that_come_again_by_themselves_wait_for_nobody_and_go_again_after_their_days(kept: Kept) -> None:
    removed(kept)

    kept.receive(1, 2, content="the same image under newer headers")

    assert kept.world.state() == "DONE"
    assert kept.world.waiting() == []
    assert kept.world.events()[-1] == "RETURNED"
    assert kept.world.rows("SELECT count(*) FROM quarantine") == [0]
    assert remove_due(kept.retention).images == 0
    kept.age(31)
    assert remove_due(kept.retention).images == 1
    assert not kept.path(1).exists()
