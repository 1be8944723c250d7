"""One line of the log for each step of a study, and what the observer hears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from structlog.testing import capture_logs

from tests.pipeline.world import STUDY, World
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import DestinationUnreachable
from trabecula.domain.results.result import Category
from trabecula.domain.study.jobs import Stage
from trabecula.pipeline import commitment_answered, register_instance


@dataclass
class Heard:
    analyses: list[str] = field(default_factory=list)
    turnarounds: list[float] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def analysed(self, category: Category, seconds: float) -> None:
        assert 0 <= seconds < 60
        self.analyses.append(str(category))

    def done(self, seconds: float) -> None:
        self.turnarounds.append(seconds)

    def run_failed(self, stage: Stage, code: str) -> None:
        self.failures.append((str(stage), code))


def watched(world: World) -> Heard:
    heard = Heard()
    object.__setattr__(world.services, "observer", heard)
    return heard


def test_a_study_leaves_one_line_for_each_step(world: World) -> None:
    heard = watched(world)
    world.requester.answer = True
    register_instance(world.services.open_ledger, world.instance(1), 0.0)
    world.be_quiet()

    with capture_logs() as lines:
        world.run_all()

    told = [line for line in lines if line["event"].startswith(("study.", "commitment."))]
    assert [line["event"] for line in told] == [
        "study.settled", "study.analysed", "study.reported", "study.delivered", "study.delivered", "study.done",
        "commitment.requested",
    ]  # fmt: skip
    assert {line["study_uid"] for line in told} == {STUDY}
    settled, analysed, reported, *delivered, done, requested = told
    assert settled["images"] == 1
    assert analysed["category"] == "INDETERMINATE"
    assert reported["objects"] == 3
    assert {item["destination"]: sum(item["objects"].values()) for item in delivered} == {"pacs": 3, "second": 1}
    assert done["seconds"] >= 86400 - 60
    assert requested["answered"] is True
    assert (heard.analyses, len(heard.turnarounds), heard.failures) == (["INDETERMINATE"], 1, [])


class AnswersOverAnotherAssociation:
    """A destination whose answer comes to the listener while its own association stays silent."""

    def __init__(self, world: World) -> None:
        self._world = world

    def request(
        self, destination: Destination, transaction_uid: str, objects: Sequence[tuple[str, str]]
    ) -> Mapping[str, bool] | None:
        commitment_answered(self._world.services.open_ledger, transaction_uid, {uid: True for _class, uid in objects})
        return None


def test_an_answer_that_came_to_the_listener_meanwhile_is_told_as_answered(world: World) -> None:
    object.__setattr__(world.services, "requester", AnswersOverAnotherAssociation(world))
    register_instance(world.services.open_ledger, world.instance(1), 0.0)
    world.be_quiet()

    with capture_logs() as lines:
        world.run_all()

    (requested,) = [line for line in lines if line["event"] == "commitment.requested"]
    assert (requested["answered"], requested["objects"], requested["destination"]) == (True, 3, "pacs")


def test_a_destination_that_has_not_answered_yet_is_told_so(world: World) -> None:
    register_instance(world.services.open_ledger, world.instance(1), 0.0)
    world.be_quiet()

    with capture_logs() as lines:
        for stage in (Stage.SETTLE, Stage.ANALYSE, Stage.REPORT):
            world.run_next(stage)
        world.run_next(Stage.DELIVER, "pacs")
        world.run_next(Stage.CONFIRM)

    (requested,) = [line for line in lines if line["event"] == "commitment.requested"]
    assert requested["answered"] is False


def test_a_study_that_fails_for_good_is_told_with_the_code(world: World) -> None:
    heard = watched(world)
    for name in ("pacs", "second"):
        world.sender.errors[name] = DestinationUnreachable(f"{name}: Connection refused")
    register_instance(world.services.open_ledger, world.instance(1), 0.0)
    world.be_quiet()

    with capture_logs() as lines:
        world.run_all()

    failed = [line for line in lines if line["event"] == "study.failed"]
    assert [(line["study_uid"], line["stage"], line["code"]) for line in failed] == [
        (STUDY, "deliver", "ATTEMPTS_EXHAUSTED")
    ]
    first = next(line for line in lines if line["event"] == "job.failed")
    assert first["destination"] in ("pacs", "second")
    assert "Connection refused" in first["reason"]
    assert ("deliver", "DESTINATION_UNREACHABLE") in heard.failures
