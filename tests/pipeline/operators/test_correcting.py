"""The same images with a corrected patient: shown, taken over as a whole by an operator, never by themselves."""

from __future__ import annotations

import pytest

from tests.databases import database_url, embedded_database_url
from tests.pipeline.operators.corrections import ALL, NEW, OLD, STUDY, THIRD, Source, adopt, source, standing
from trabecula.domain.errors_of.copies import (
    CorrectionMissing,
    CorrectionMixed,
)
from trabecula.domain.study.copies import PixelComparison
from trabecula.domain.study.jobs import Stage
from trabecula.ledger.queries.studies import show_study, study_events
from trabecula.pipeline import adopt_correction, plan_correction, reprocess_study, study_conflicts

__all__ = ["database_url", "embedded_database_url", "source"]


def test_nothing_happens_by_itself_and_the_study_shows_the_conflict(source: Source) -> None:
    before = source.patients()

    source.send(ALL, NEW)
    source.send(ALL, NEW)
    source.world.run_all()

    document = show_study(source.world.engine, STUDY)
    (listed,) = source.world.listed()
    assert (source.patients(), before) == ({"WRONG-1"}, {"WRONG-1"})
    assert (document["state"], document["revision"]) == ("DONE", 1)
    (conflict,) = document["conflicts"]
    assert (conflict["images"], conflict["calling_ae_title"], len(conflict["numbers"])) == (6, "ROUTER", 6)
    assert conflict["last_received_at"] > conflict["first_received_at"]
    assert listed["conflicts"] == 6
    assert source.world.events(STUDY).count("CONFLICT") == 1


def test_what_differs_is_told_as_attributes(source: Source) -> None:
    source.send([1], NEW)

    (shown,) = study_conflicts(source.world.services, STUDY)

    assert {item.name: (item.in_use, item.newer) for item in shown.difference.attributes} == {
        "Patient's Name": ("Wrong^Wanda", "Right^Rita"),
        "Patient ID": ("WRONG-1", "RIGHT-2"),
        "Patient's Birth Date": ("19500101", "19610203"),
    }
    assert shown.difference.pixels is PixelComparison.EQUAL
    assert not shown.conflict.formerly_used


def test_an_operator_takes_the_newer_headers_over_and_the_report_names_the_one_before(source: Source) -> None:
    first_sr = next(uid for _name, kind, uid in source.world.sender.sent if kind == "SR")
    source.send(ALL, NEW)

    adopt(source)
    source.world.run_all()

    world = source.world
    assert world.rows("SELECT state, revision, patient_id, patient_name FROM studies") == [
        ("DONE", 2, "RIGHT-2", "Right^Rita")
    ]
    assert source.patients() == {"RIGHT-2"}
    assert first_sr in world.services.artifacts.load_objects(STUDY, 2)[0].content.decode()
    assert show_study(world.engine, STUDY)["conflicts"] == []
    assert source.quarantined_files() == []
    (event,) = [item for item in study_events(world.engine, STUDY) if item["what"] == "CORRECTED"]
    assert (event["who"], event["revision"], event["facts"]["images"]) == ("tester", 2, "6")
    assert event["facts"]["reason"] == "wrong patient chosen at the scanner"
    assert (event["facts"]["old_patient_id"], event["facts"]["new_patient_id"]) == ("WRONG-1", "RIGHT-2")
    assert (event["facts"]["old_birth_date"], event["facts"]["new_birth_date"]) == ("19500101", "19610203")


def test_the_old_bytes_stay_with_the_revision_that_was_made_from_them(source: Source) -> None:
    source.send(ALL, NEW)
    adopt(source)

    with source.world.services.open_ledger() as ledger:
        old = {item.spool_key for item in ledger.revisions.instances(STUDY, 1)}
        new = {item.spool_key for item in ledger.revisions.instances(STUDY, 2)}

    assert all((source.world.spool / key).is_file() for key in old | new)
    assert old.isdisjoint(new)
    assert old == set(source.world.rows("SELECT spool_key FROM former_copies"))


def test_the_command_run_twice_says_that_there_is_nothing_left(source: Source) -> None:
    source.send(ALL, NEW)
    adopt(source)
    before = standing(source)

    with pytest.raises(CorrectionMissing) as caught:
        adopt(source)

    assert caught.value.code == "CORRECTION_MISSING"
    assert standing(source) == before


def test_the_headers_in_use_sent_again_are_a_repetition(source: Source) -> None:
    source.send(ALL, NEW)
    adopt(source)
    source.world.run_all()
    before = standing(source)

    source.send(ALL, NEW)

    assert standing(source) == before
    assert source.quarantined_files() == []


def test_the_old_headers_sent_again_are_shown_as_formerly_used_and_are_not_taken_over(source: Source) -> None:
    source.send(ALL, NEW)
    adopt(source)
    source.world.run_all()

    source.send(ALL, OLD)

    shown = study_conflicts(source.world.services, STUDY)
    assert [item.conflict.formerly_used for item in shown] == [True] * 6
    assert source.patients() == {"RIGHT-2"}
    assert source.world.rows("SELECT state, revision FROM studies") == [("DONE", 2)]


def test_corrections_follow_each_other_and_lead_back(source: Source) -> None:
    for revision, identity in enumerate((NEW, THIRD, OLD, NEW), start=2):
        source.send(ALL, identity)
        adopt(source)
        source.world.run_all()

        assert source.patients() == {identity["PatientID"]}
        assert source.world.rows("SELECT state, revision FROM studies") == [("DONE", revision)]
    assert source.world.rows("SELECT count(*) FROM former_copies") == [24]
    assert source.quarantined_files() == []


def test_of_several_versions_the_one_that_came_last_counts(source: Source) -> None:
    source.send(ALL, NEW)
    source.send(ALL, THIRD)
    source.send(ALL, NEW)

    adopt(source)

    assert source.patients() == {"RIGHT-2"}
    assert source.world.rows("SELECT state, count(*) FROM quarantine GROUP BY 1 ORDER BY 1") == [
        ("ADOPTED", 6),
        ("SUPERSEDED", 6),
    ]
    assert show_study(source.world.engine, STUDY)["conflicts"] == []


@pytest.mark.parametrize("stage", [Stage.ANALYSE, Stage.REPORT, Stage.DELIVER])
def test_a_correction_while_the_study_is_worked_on_stops_the_older_revision(source: Source, stage: Stage) -> None:
    reprocess_study(source.world.services.open_ledger, STUDY, "tester")
    while source.world.waiting()[0][0] != str(stage):
        source.world.run_next()
    sent = len(source.world.sender.sent)

    source.send(ALL, NEW)
    assert source.world.rows("SELECT revision FROM studies") == [2]
    adopt(source)
    source.world.run_all()

    assert source.world.rows("SELECT state, revision FROM studies") == [("DONE", 3)]
    made = {item.sop_instance_uid for item in source.world.services.artifacts.load_objects(STUDY, 3)}
    assert {uid for _name, _kind, uid in source.world.sender.sent[sent:]} == made


def test_a_correction_that_comes_and_is_taken_over_while_the_analysis_runs_discards_its_result(source: Source) -> None:
    def correct(_should_stop: object) -> None:
        source.world.runner.before_end = None
        source.send(ALL, NEW)
        adopt(source)

    source.world.runner.before_end = correct
    reprocess_study(source.world.services.open_ledger, STUDY, "tester")
    source.world.run_all()

    assert source.world.rows("SELECT revision, result IS NULL FROM revisions ORDER BY 1") == [
        (1, False), (2, True), (3, False),
    ]  # fmt: skip
    assert source.world.rows("SELECT state, revision, patient_id FROM studies") == [("DONE", 3, "RIGHT-2")]


def test_a_study_that_still_receives_settles_with_the_newer_headers(source: Source) -> None:
    source.send([7], OLD)
    source.send(range(1, 8), NEW)
    assert source.world.state(STUDY) == "RECEIVING"

    done = adopt_correction(source.world.services, STUDY, "tester", "wrong patient")
    source.finish()

    assert (done.revision, str(done.state)) == (0, "RECEIVING")
    assert source.world.rows("SELECT state, revision, patient_id FROM studies") == [("DONE", 2, "RIGHT-2")]


def test_a_cancelled_study_is_measured_anew(source: Source) -> None:
    source.send([7], OLD)
    source.world.rows("UPDATE studies SET state = 'CANCELLED'")
    source.send(range(1, 8), NEW)

    adopt(source)
    source.world.run_all()

    assert source.world.rows("SELECT state, revision FROM studies") == [("DONE", 2)]


def test_a_plan_writes_nothing(source: Source) -> None:
    source.send(ALL, NEW)
    before = standing(source)

    plan = plan_correction(source.world.services, STUDY)

    assert (len(plan.taken), plan.images) == (6, 6)
    assert plan.attributes == ("Patient's Name", "Patient ID", "Patient's Birth Date")
    assert standing(source) == before


def test_what_comes_between_comparing_and_taking_over_is_not_taken_over_unseen(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.send(ALL, NEW)
    copies = source.world.services.copies
    put_beside = copies.put_beside

    def third_version_comes(copy: object) -> tuple[str, str]:
        source.send([1], THIRD)
        return put_beside(copy)  # type: ignore[arg-type]

    monkeypatch.setattr(copies, "put_beside", third_version_comes)

    with pytest.raises(CorrectionMixed):
        adopt(source)

    assert source.patients() == {"WRONG-1"}
