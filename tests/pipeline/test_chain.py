from __future__ import annotations

from dataclasses import replace

import pytest

from tests.pipeline.world import STUDY, World
from trabecula.domain.errors import InstanceConflict
from trabecula.domain.results.reasons import Reason, ReasonCode
from trabecula.domain.results.result_json import to_json
from trabecula.domain.study.jobs import Stage
from trabecula.pipeline import register_instance, reprocess_study

QUIET_S = 60.0


def receive(world: World, *numbers: int) -> list[bool]:
    return [register_instance(world.services.open_ledger, world.instance(number), QUIET_S) for number in numbers]


def settle(world: World) -> None:
    world.be_quiet()
    world.run_next(Stage.SETTLE)


def finish(world: World, *numbers: int) -> None:
    receive(world, *numbers)
    settle(world)
    world.run_all()


def test_a_study_goes_all_the_way_and_every_step_leaves_its_trace(world: World) -> None:
    world.requester.answer = True

    finish(world, 1, 2, 3)

    assert world.state() == "DONE"
    assert world.events() == [
        "RECEIVED", "SETTLED", "ANALYSED", "REPORTED", "SENT", "SENT", "SENT", "SENT", "DONE",
        "COMMITMENT_CONFIRMED", "COMMITMENT_CONFIRMED", "COMMITMENT_CONFIRMED",
    ]  # fmt: skip
    assert world.rows("SELECT destination, kind, state, status FROM object_deliveries ORDER BY 1, 2") == [
        ("pacs", "SC", "CONFIRMED", 0),
        ("pacs", "SEG", "CONFIRMED", 0),
        ("pacs", "SR", "CONFIRMED", 0),
        ("second", "SR", "SENT", 0),
    ]
    assert world.rows("SELECT attempts FROM stage_attempts") == []


def test_the_report_of_two_patients_is_sent_nowhere_and_told(world: World) -> None:
    world.runner.reasons = (
        Reason(code=ReasonCode.PATIENT_CONFLICT, detail="Sex differs between series 1 and series 2"),
    )

    finish(world, 1, 2)

    assert world.state() == "DONE"
    assert world.events() == ["RECEIVED", "SETTLED", "ANALYSED", "REPORTED", "WITHHELD"]
    assert world.rows("SELECT count(*) FROM object_deliveries") == [0]
    assert world.sender.sent == []
    (detail,) = world.rows("SELECT detail FROM events WHERE what = 'WITHHELD'")
    assert str(detail).startswith("Not sent, because a report names one patient: The images of the study do not agree")


def test_what_was_received_is_committed_with_one_settling_job_in_the_queue(world: World) -> None:
    assert receive(world, 1, 2, 3) == [True, True, True]

    assert world.rows("SELECT count(*) FROM instances") == [3]
    ((stage, delay),) = world.waiting()
    assert stage == "settle"
    assert 50 < delay <= QUIET_S


def test_a_repeated_send_changes_nothing(world: World) -> None:
    finish(world, 1, 2)
    before = world.rows("SELECT state, revision, last_image_at, changed_at FROM studies")

    assert receive(world, 1, 2) == [False, False]

    assert world.rows("SELECT state, revision, last_image_at, changed_at FROM studies") == before
    assert world.waiting() == []


def test_our_own_objects_never_trigger_anything(world: World) -> None:
    finish(world, 1)
    own = world.sender.sent[0][2]

    added = register_instance(world.services.open_ledger, replace(world.instance(9), sop_instance_uid=own), QUIET_S)

    assert not added
    assert (world.state(), world.waiting()) == ("DONE", [])


def test_other_bytes_under_a_known_uid_go_to_quarantine_and_the_first_copy_stays(world: World) -> None:
    receive(world, 1)

    altered = [world.instance(1, content="altered")] * 2
    added = [register_instance(world.services.open_ledger, item, QUIET_S) for item in altered]

    assert added == [True, False]
    assert world.rows("SELECT code, sop_instance_uid FROM quarantine") == [(InstanceConflict.code, f"{STUDY}.5.1")]
    assert world.rows("SELECT count(*) FROM instances") == [1]
    error = InstanceConflict(f"{STUDY}.5.1")
    assert world.rows("SELECT sentence FROM quarantine") == [error.sentence]
    assert "the first copy is used until" in error.next_step


def test_what_cannot_be_parsed_goes_to_quarantine_with_its_reason(world: World) -> None:
    faults = ["no Study Instance UID", "INSTANCE_UNPARSABLE: The received instance is cut off."]
    instances = [world.instance(number, fault=fault) for number, fault in enumerate(faults)]
    added = [register_instance(world.services.open_ledger, instance, QUIET_S) for instance in instances]

    assert added == [True, True]
    assert world.rows("SELECT code, sentence FROM quarantine ORDER BY id") == [
        (
            "INSTANCE_UNPARSABLE",
            "The received instance is not readable DICOM; it lies in quarantine: no Study Instance UID.",
        ),
        ("INSTANCE_UNPARSABLE", "The received instance is cut off."),
    ]
    assert world.rows("SELECT count(*) FROM studies") == [0]


def test_a_late_image_opens_a_new_revision_whose_sr_names_its_predecessor(world: World) -> None:
    finish(world, 1, 2)
    first_sr = next(uid for name, kind, uid in world.sender.sent if (name, kind) == ("pacs", "SR"))

    receive(world, 3)
    assert world.state() == "RECEIVING"
    settle(world)
    world.run_all()

    assert world.rows("SELECT state, revision FROM studies") == [("DONE", 2)]
    report = world.services.artifacts.load_objects(STUDY, 2)[0]
    assert first_sr in report.content.decode()
    assert report.sop_instance_uid != first_sr
    assert world.rows("SELECT count(*) FROM revision_instances WHERE revision = 2") == [3]


@pytest.mark.parametrize("stage", [Stage.ANALYSE, Stage.REPORT, Stage.DELIVER])
def test_a_late_image_stops_the_older_revision_wherever_it_is(world: World, stage: Stage) -> None:
    receive(world, 1)
    settle(world)
    while world.waiting()[0][0] != str(stage):
        world.run_next()

    receive(world, 2)
    while (job := world.run_next(stage)) is not None:
        assert job.revision == 1
    assert world.state() == "RECEIVING"
    settle(world)
    world.run_all()

    assert world.rows("SELECT state, revision FROM studies") == [("DONE", 2)]
    sent = {uid for _name, _kind, uid in world.sender.sent}
    assert sent == {item.sop_instance_uid for item in world.services.artifacts.load_objects(STUDY, 2)}


def test_an_sr_that_no_destination_took_is_not_named_as_predecessor(world: World) -> None:
    receive(world, 1)
    settle(world)
    world.run_next(Stage.ANALYSE)
    world.run_next(Stage.REPORT)

    finish(world, 2)

    assert b"()" in world.services.artifacts.load_objects(STUDY, 2)[0].content


def test_an_image_that_comes_while_the_analysis_runs_discards_its_result(world: World) -> None:
    stopped = []
    receive(world, 1)
    settle(world)

    def late(should_stop: object) -> None:
        receive(world, 2)
        stopped.append(should_stop)

    world.runner.before_end = late
    world.run_next(Stage.ANALYSE)

    assert world.state() == "RECEIVING"
    assert world.rows("SELECT result FROM revisions") == [None]
    assert world.waiting()[0][0] == "settle"


def test_processing_again_gives_new_objects_that_name_the_old_ones(world: World) -> None:
    finish(world, 1)
    old = {item.sop_instance_uid for item in world.services.artifacts.load_objects(STUDY, 1)}

    assert reprocess_study(world.services.open_ledger, STUDY, "tester") == 2
    world.run_all()

    new = world.services.artifacts.load_objects(STUDY, 2)
    assert world.state() == "DONE"
    assert old.isdisjoint({item.sop_instance_uid for item in new})
    assert any(uid in new[0].content.decode() for uid in old)


def test_the_kept_result_is_the_one_that_was_measured(world: World) -> None:
    finish(world, 1, 2)

    with world.services.open_ledger() as ledger:
        kept = ledger.revisions.result(STUDY, 1)

    assert kept is not None
    assert to_json(kept) == to_json(world.services.artifacts.load_result(STUDY, 1))
    assert world.rows("SELECT level, value FROM measurements ORDER BY level") == [("", 102.0), ("L1", 102.0)]


def test_without_destinations_a_study_is_done_when_its_objects_are_written(world: World) -> None:
    world.services = replace(world.services, destinations={})

    finish(world, 1)

    assert world.state() == "DONE"
    assert world.sender.sent == []
