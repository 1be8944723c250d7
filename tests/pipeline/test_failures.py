from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.pipeline.test_chain import QUIET_S, finish, receive, settle
from tests.pipeline.world import STUDY, World
from trabecula.domain.desk.search import StudySearch
from trabecula.domain.errors import (
    AnalysisCrashed,
    AnalysisDefect,
    AnalysisTimeout,
    AttemptsExhausted,
    BundleInvalid,
    DatabaseUnavailable,
    SpoolObjectMissing,
    SpoolUnavailable,
    TrabeculaError,
    TransitionRefused,
)
from trabecula.domain.study.jobs import Job, RetryPolicy, Stage
from trabecula.domain.study.study import TRANSITIONS, StudyState
from trabecula.ledger.queries.studies import show_study
from trabecula.pipeline import (
    Interrupted,
    cancel_study,
    register_instance,
    reprocess_study,
    retry_study,
    run_stage,
    settle_now,
)


def failure(world: World) -> tuple[str, str, str, str]:
    (row,) = world.rows("SELECT failed_stage, failure_code, failure_sentence, failure_next_step FROM studies")
    return row  # type: ignore[no-any-return]


def test_a_permanent_error_fails_the_study_at_once_with_its_reason(world: World) -> None:
    receive(world, 1)
    settle(world)
    world.runner.errors = [BundleInvalid("model.onnx")]

    world.run_next(Stage.ANALYSE)

    assert world.state() == "FAILED"
    stage, code, sentence, next_step = failure(world)
    assert (stage, code) == ("analyse", "BUNDLE_INVALID")
    assert sentence.endswith("model.onnx.")
    assert next_step == BundleInvalid.next_step
    assert world.waiting() == []


def test_a_passing_error_is_tried_again_after_growing_pauses(world: World) -> None:
    receive(world, 1)
    settle(world)
    world.runner.errors = [AnalysisCrashed("signal 9"), AnalysisCrashed("signal 9")]

    pauses = []
    for _ in range(2):
        world.run_next(Stage.ANALYSE)
        ((stage, pause),) = world.waiting()
        assert stage == "analyse"
        pauses.append(round(pause, -1))
    world.run_all()

    assert pauses == [10, 20]
    assert world.state() == "DONE"
    assert world.events().count("RETRYING") == 2
    assert world.rows("SELECT * FROM stage_attempts") == []


def test_after_the_last_attempt_the_study_fails_naming_the_cause(world: World) -> None:
    receive(world, 1)
    settle(world)
    world.runner.errors = [SpoolUnavailable("No space left on device") for _ in range(3)]

    for _ in range(3):
        world.run_next(Stage.ANALYSE)

    assert world.state() == "FAILED"
    stage, code, sentence, next_step = failure(world)
    assert (stage, code) == ("analyse", AttemptsExhausted.code)
    assert "3 runs" in sentence
    assert "SPOOL_UNAVAILABLE" in sentence
    assert "studies retry" in next_step


@pytest.mark.parametrize("kind", [AnalysisCrashed, AnalysisTimeout, AnalysisDefect])
def test_a_study_whose_analysis_dies_each_time_is_told_to_the_pacs_as_not_evaluable(
    world: World, kind: type[TrabeculaError]
) -> None:
    receive(world, 1, 2)
    settle(world)
    world.runner.errors = [kind("ended by signal SIGKILL while decoding series 4 (1.2.3)") for _ in range(3)]

    world.run_all()

    document = show_study(world.engine, STUDY)
    (reason,) = document["reasons"]
    assert (document["state"], document["category"]) == ("DONE", "NOT_EVALUABLE")
    assert (reason["code"], reason["blocking"]) == ("ANALYSIS_FAILED", True)
    assert reason["detail"] == "ended by signal SIGKILL while decoding series 4 (1.2.3); 3 runs"
    assert "studies retry" in document["impression"][1]
    assert [(item["images_used"], item["images_total"]) for item in document["series_not_used"]] == [(0, 2)]
    assert ("pacs", "SR") in {(destination, kind) for destination, kind, _uid in world.sender.sent}
    # and the administrator finds it
    assert failure(world)[:2] == ("analyse", kind.code)
    assert "while decoding series 4" in failure(world)[2]
    assert [row["study_uid"] for row in world.listed(StudySearch(reason="ANALYSIS_FAILED"))] == [STUDY]
    assert "GAVE_UP" in world.events()
    assert world.rows("SELECT * FROM stage_attempts") == []


def test_a_retry_of_a_failed_analysis_is_a_new_revision_that_replaces_the_report(world: World) -> None:
    receive(world, 1)
    settle(world)
    world.runner.errors = [AnalysisCrashed("signal 9") for _ in range(3)]
    world.run_all()

    assert retry_study(world.services.open_ledger, STUDY, "tester") is StudyState.ANALYSING
    world.run_all()

    document = show_study(world.engine, STUDY)
    assert (document["state"], document["revision"], document["category"]) == ("DONE", 2, "INDETERMINATE")
    assert failure(world) == (None, None, None, None)
    assert world.rows("SELECT who, revision FROM events WHERE what = 'RETRIED'") == [("tester", 2)]


def test_a_measured_study_never_loses_its_report_to_a_later_death(world: World) -> None:
    finish(world, 1)
    reprocess_study(world.services.open_ledger, STUDY, "tester")
    sent = len(world.sender.sent)
    world.runner.errors = [AnalysisCrashed("signal 9") for _ in range(3)]

    world.run_all()

    assert world.state() == "FAILED"
    assert failure(world)[:2] == ("analyse", AttemptsExhausted.code)
    assert len(world.sender.sent) == sent


def lose_runs(world: World, count: int) -> None:
    """What workers leave behind that are killed while they run the analysis."""
    with world.services.open_ledger() as ledger:
        for _ in range(count):
            ledger.count_attempt(Job(stage=Stage.ANALYSE, study_uid=STUDY, revision=1))
        ledger.commit()


def test_workers_that_were_killed_from_outside_do_not_count_against_the_study(world: World) -> None:
    receive(world, 1)
    settle(world)
    lose_runs(world, 10)
    world.runner.errors = [AnalysisCrashed("signal 9"), AnalysisCrashed("signal 9")]

    world.run_all()

    assert (world.state(), show_study(world.engine, STUDY)["category"]) == ("DONE", "INDETERMINATE")
    assert world.rows("SELECT * FROM stage_attempts") == []


def test_deaths_of_the_analysis_count_whatever_killed_workers_lie_between(world: World) -> None:
    receive(world, 1)
    settle(world)
    world.runner.errors = [AnalysisCrashed("signal 9") for _ in range(3)]
    for _ in range(3):
        lose_runs(world, 2)
        assert world.sender.sent == []
        world.run_next(Stage.ANALYSE)
    world.run_all()

    document = show_study(world.engine, STUDY)
    assert (document["state"], document["category"]) == ("DONE", "NOT_EVALUABLE")
    assert document["reasons"][0]["detail"] == "signal 9; 3 runs"


def test_a_study_that_takes_its_worker_along_each_time_is_given_up_with_an_answer(world: World) -> None:
    receive(world, 1)
    settle(world)
    lose_runs(world, 20)

    world.run_all()

    document = show_study(world.engine, STUDY)
    assert world.runner.analysed == []
    assert (document["state"], document["category"]) == ("DONE", "NOT_EVALUABLE")
    assert document["reasons"][0]["code"] == "ANALYSIS_FAILED"
    assert failure(world)[:2] == ("analyse", "ATTEMPTS_EXHAUSTED")
    assert "the worker of 20 runs was ended from outside" in failure(world)[2]
    assert ("pacs", "SR") in {(destination, kind) for destination, kind, _uid in world.sender.sent}
    assert world.rows("SELECT * FROM stage_attempts") == []


def test_a_measured_study_that_takes_its_worker_along_keeps_its_report_and_is_told_as_failed(world: World) -> None:
    finish(world, 1)
    reprocess_study(world.services.open_ledger, STUDY, "tester")
    sent = len(world.sender.sent)
    with world.services.open_ledger() as ledger:
        for _ in range(20):
            ledger.count_attempt(Job(stage=Stage.ANALYSE, study_uid=STUDY, revision=2))
        ledger.commit()

    world.run_all()

    assert (world.state(), failure(world)[1], len(world.sender.sent)) == ("FAILED", "ATTEMPTS_EXHAUSTED", sent)


def test_a_retry_starts_the_failed_step_with_fresh_attempts(world: World) -> None:
    receive(world, 1)
    settle(world)
    world.runner.errors = [BundleInvalid("model.onnx")]
    world.run_next(Stage.ANALYSE)

    assert retry_study(world.services.open_ledger, STUDY, "tester") is StudyState.ANALYSING
    world.run_all()

    assert world.state() == "DONE"
    assert failure(world) == (None, None, None, None)
    assert world.rows("SELECT who FROM events WHERE what = 'RETRIED'") == ["tester"]


def test_a_file_lost_from_the_spool_is_named_and_a_retry_settles_again(world: World) -> None:
    receive(world, 1)
    lost = world.spool / world.instance(1).spool_key
    content = lost.read_bytes()
    lost.unlink()
    settle(world)
    assert failure(world)[:2] == ("settle", SpoolObjectMissing.code)
    assert str(lost) in failure(world)[2]
    assert "reprocess" in failure(world)[3]

    lost.write_bytes(content)
    assert retry_study(world.services.open_ledger, STUDY, "tester") is StudyState.RECEIVING
    world.run_all()

    assert world.state() == "DONE"


def test_an_interrupted_analysis_goes_back_uncounted(world: World) -> None:
    receive(world, 1)
    settle(world)

    def stop(_should_stop: object) -> None:
        raise Interrupted

    world.runner.before_end = stop
    world.run_next(Stage.ANALYSE)

    assert [stage for stage, _pause in world.waiting()] == ["analyse"]
    assert world.rows("SELECT attempts FROM stage_attempts") == [0]


def test_a_cancelled_study_stops_and_its_running_analysis_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trabecula.pipeline.still_current._ASK_EVERY_SECONDS", 0.0)
    told = []
    receive(world, 1)
    settle(world)

    def cancel(should_stop: object) -> None:
        told.append(should_stop())  # type: ignore[operator]
        cancel_study(world.services.open_ledger, STUDY, "tester")
        told.append(should_stop())  # type: ignore[operator]

    world.runner.before_end = cancel
    world.run_next(Stage.ANALYSE)

    assert told == [False, True]
    assert (world.state(), world.waiting()) == ("CANCELLED", [])


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_a_cancelled_study_goes_on_where_it_stopped(world: World, steps: int) -> None:
    receive(world, 1)
    if steps:
        settle(world)
    for _ in range(steps - 1):
        world.run_next()
    cancel_study(world.services.open_ledger, STUDY, "tester")
    world.run_all()
    assert world.state() == "CANCELLED"

    retry_study(world.services.open_ledger, STUDY, "tester")
    world.be_quiet()
    world.run_all()

    assert world.rows("SELECT state, revision FROM studies") == [("DONE", 1)]
    assert len(world.runner.analysed) == 1


@pytest.mark.parametrize("state", list(StudyState))
def test_operators_can_do_only_what_the_state_allows(world: World, state: StudyState) -> None:
    finish(world, 1)
    world.rows("ALTER TABLE studies DISABLE TRIGGER study_transition")
    world.rows("UPDATE studies SET state = :state", state=str(state))
    world.rows("ALTER TABLE studies ENABLE TRIGGER study_transition")
    open_ledger = world.services.open_ledger
    allowed = {
        "retry": state in (StudyState.FAILED, StudyState.CANCELLED, StudyState.DELIVERING),
        "cancel": StudyState.CANCELLED in TRANSITIONS[state],
        "reprocess": state in (StudyState.DELIVERING, StudyState.DONE, StudyState.FAILED, StudyState.CANCELLED),
        "settle": state is StudyState.RECEIVING,
    }
    actions = {
        "retry": lambda: retry_study(open_ledger, STUDY, "tester"),
        "cancel": lambda: cancel_study(open_ledger, STUDY, "tester"),
        "reprocess": lambda: reprocess_study(open_ledger, STUDY, "tester"),
        "settle": lambda: settle_now(world.services, STUDY, "tester"),
    }
    for name in (name for name, possible in allowed.items() if not possible):
        with pytest.raises(TransitionRefused) as caught:
            actions[name]()
        assert caught.value.code == "TRANSITION_REFUSED"
        assert str(state) in caught.value.sentence
        assert "studies show" in caught.value.next_step
    assert world.state() == str(state)


def test_a_database_that_goes_away_is_left_to_the_queue(world: World) -> None:
    def no_ledger() -> object:
        raise DatabaseUnavailable("gone")

    world.services = replace(world.services, open_ledger=no_ledger)

    with pytest.raises(DatabaseUnavailable):
        register_instance(world.services.open_ledger, world.instance(1), QUIET_S)


@pytest.mark.parametrize("stage", list(Stage))
def test_a_crash_after_any_step_loses_nothing_and_repeats_nothing(world: World, stage: Stage) -> None:
    """The same job runs twice, as after a worker that died between its commit and telling the queue."""
    receive(world, 1)
    world.be_quiet()
    world.requester.answer = True
    while (job := world.run_next()) is not None:
        if job.stage is stage:
            run_stage(world.services, job, lambda: False)

    assert world.rows("SELECT state, revision FROM studies") == [("DONE", 1)]
    assert len(world.runner.analysed) == 1
    assert len(world.sender.sent) == len(set(world.sender.sent)) == 4
    assert len(world.requester.asked) == 1


def test_a_report_written_twice_has_the_same_bytes(world: World) -> None:
    receive(world, 1)
    settle(world)
    world.run_next(Stage.ANALYSE)
    folder = world.services.artifacts.folder(STUDY, 1)
    world.run_next(Stage.REPORT)
    first = (folder / "SR.dcm").read_bytes()
    world.rows("UPDATE revisions SET reported_at = NULL")
    world.rows("ALTER TABLE studies DISABLE TRIGGER study_transition")
    world.rows("UPDATE studies SET state = 'REPORTING'")
    world.rows("ALTER TABLE studies ENABLE TRIGGER study_transition")
    (folder / "SR.dcm").unlink()

    run_stage(world.services, Job(stage=Stage.REPORT, study_uid=STUDY, revision=1), lambda: False)

    assert Path(folder / "SR.dcm").read_bytes() == first


def test_a_delivery_is_tried_until_the_hours_are_over() -> None:
    assert RetryPolicy(delivery_give_up_s=0).cap(Stage.DELIVER) == 1
    assert RetryPolicy(first_pause_s=10, delivery_give_up_s=30).cap(Stage.DELIVER) == 3
    weekend = RetryPolicy(delivery_give_up_s=72 * 3600)
    waited = [weekend.pause_s(run) for run in range(1, weekend.cap(Stage.CONFIRM))]
    assert 72 * 3600 <= sum(waited) < 72 * 3600 + weekend.longest_pause_s
    assert weekend.cap(Stage.ANALYSE) == 4


def test_pauses_double_up_to_the_longest() -> None:
    policy = RetryPolicy(first_pause_s=10, longest_pause_s=100)

    assert [policy.pause_s(attempt) for attempt in (1, 2, 3, 4, 5, 99)] == [10, 20, 40, 80, 100, 100]
