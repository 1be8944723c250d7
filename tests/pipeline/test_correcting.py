"""The same images with a corrected patient: shown, taken over as a whole by an operator, never by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders import uid
from tests.databases import database_url, embedded_database_url
from tests.pipeline.corrections import NEW, OLD, STUDY, THIRD, Source, source_at
from trabecula.domain.copies import PixelComparison
from trabecula.domain.copy_errors import (
    CorrectionAltersImages,
    CorrectionIncomplete,
    CorrectionMissing,
    CorrectionMixed,
    CorrectionMovesImages,
    ReasonMissing,
)
from trabecula.domain.errors import SpoolObjectMissing, StudyUnknown, TrabeculaError
from trabecula.domain.jobs import Stage
from trabecula.ledger.queries import list_studies, show_study, study_events
from trabecula.pipeline import adopt_correction, plan_correction, reprocess_study, study_conflicts

__all__ = ["database_url", "embedded_database_url"]

ALL = range(1, 7)
COMPRESSED = "1.2.840.10008.1.2.4.70"
IMPLICIT = "1.2.840.10008.1.2"


@pytest.fixture
def source(embedded_database_url: str, tmp_path: Path) -> Iterator[Source]:
    """A study of six images that is done, reported for the wrong patient."""
    made = source_at(embedded_database_url, tmp_path)
    made.send(ALL, OLD)
    made.finish()
    assert made.world.state(STUDY) == "DONE"
    yield made
    made.world.engine.dispose()


def adopt(source: Source) -> None:
    adopt_correction(source.world.services, STUDY, "tester", "wrong patient chosen at the scanner")


def standing(source: Source) -> tuple[object, ...]:
    """Everything a refusal must leave as it is."""
    rows = source.world.rows
    return (
        rows("SELECT state, revision, patient_id FROM studies"),
        rows("SELECT sop_instance_uid, sha256, spool_key FROM instances ORDER BY 1"),
        rows("SELECT id, state FROM quarantine ORDER BY 1"),
        rows("SELECT count(*) FROM former_copies"),
        source.world.events(STUDY),
    )


def test_nothing_happens_by_itself_and_the_study_shows_the_conflict(source: Source) -> None:
    before = source.patients()

    source.send(ALL, NEW)
    source.send(ALL, NEW)
    source.world.run_all()

    document = show_study(source.world.engine, STUDY)
    (listed,) = list_studies(source.world.engine)
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


def refused(source: Source, error: type[TrabeculaError]) -> str:
    before = standing(source)
    with pytest.raises(error) as caught:
        adopt(source)
    assert standing(source) == before
    assert "RIGHT" not in str(caught.value)
    assert "WRONG" not in str(caught.value)
    return caught.value.sentence


def test_a_part_of_the_study_is_refused_and_what_is_missing_is_told(source: Source) -> None:
    source.send(range(1, 5), NEW)

    sentence = refused(source, CorrectionIncomplete)

    assert f"2 of 6 images did not come again: 1 of series {uid(1, 1)}, 1 of series {uid(1, 2)}" in sentence or (
        f"2 of 6 images did not come again: 1 of series {uid(1, 2)}, 1 of series {uid(1, 1)}" in sentence
    )


def test_a_part_that_mends_a_mixed_study_is_taken_over(source: Source) -> None:
    source.send(ALL, NEW)
    adopt(source)
    source.send([1, 2], OLD)
    source.send([7], OLD)
    assert refused(source, CorrectionIncomplete)
    source.send([1, 2], NEW | {"StudyDescription": "corrected"})
    source.send([7], NEW)

    adopt(source)

    assert source.patients() == {"RIGHT-2"}


def test_two_patients_among_the_newer_headers_are_refused(source: Source) -> None:
    source.send(range(1, 4), NEW)
    source.send(range(4, 7), THIRD)

    assert "they differ from image to image in Patient ID" in refused(source, CorrectionMixed)


def test_a_third_version_that_is_still_arriving_is_not_mixed_with_the_second(source: Source) -> None:
    source.send(ALL, NEW)
    source.send([1, 2], THIRD)

    assert refused(source, CorrectionMixed)


def test_other_pixels_are_refused(source: Source) -> None:
    source.send(range(1, 6), NEW)
    source.send([6], NEW, PixelData=bytes(512))

    assert "1 of 6: pixels differ" in refused(source, CorrectionAltersImages)


def test_equal_pixels_that_would_be_read_otherwise_are_refused(source: Source) -> None:
    source.send(ALL, NEW, RescaleIntercept="-1000", PixelRepresentation=0)

    sentence = refused(source, CorrectionAltersImages)

    assert "they differ in Pixel Representation, Rescale Intercept" in sentence


def test_another_compression_cannot_be_compared_and_is_refused(source: Source) -> None:
    source.send(ALL, NEW, syntax=COMPRESSED)

    assert "another transfer syntax" in refused(source, CorrectionAltersImages)


def test_the_same_bytes_in_another_native_encoding_are_equal(source: Source) -> None:
    source.send(ALL, NEW, syntax=IMPLICIT)

    adopt(source)

    assert source.patients() == {"RIGHT-2"}
    assert set(source.world.rows("SELECT transfer_syntax_uid FROM instances")) == {IMPLICIT}


def test_the_same_headers_in_another_encoding_are_nothing_to_take_over(source: Source) -> None:
    source.send(ALL, OLD, syntax=IMPLICIT)

    assert "the same headers" in refused(source, CorrectionMissing)


@pytest.mark.parametrize("changes", [{"StudyInstanceUID": uid(9)}, {"SeriesInstanceUID": uid(9, 1)}])
def test_another_study_or_series_under_the_same_uids_is_shown_at_the_study_that_holds_them(
    source: Source, changes: dict[str, str]
) -> None:
    source.send(ALL, NEW, **changes)

    (conflict,) = show_study(source.world.engine, STUDY)["conflicts"]
    assert conflict["study_uid"] == changes.get("StudyInstanceUID", STUDY)
    assert "6 of 6 differ in " in refused(source, CorrectionMovesImages)
    assert source.world.rows("SELECT study_uid FROM studies") == [STUDY]


def test_a_study_that_is_only_in_quarantine_says_so(source: Source) -> None:
    source.send(ALL, NEW, StudyInstanceUID=uid(9))

    with pytest.raises(StudyUnknown, match="6 images that name it lie in quarantine"):
        show_study(source.world.engine, uid(9))


def test_a_new_accession_number_is_taken_over_for_the_whole_study_only(source: Source) -> None:
    source.send(range(1, 4), OLD, AccessionNumber="A2")
    assert refused(source, CorrectionIncomplete)
    source.send(range(4, 7), OLD, AccessionNumber="A2")

    adopt(source)

    assert source.world.rows("SELECT accession_number FROM studies") == ["A2"]


def test_a_reason_is_needed(source: Source) -> None:
    source.send(ALL, NEW)

    with pytest.raises(ReasonMissing) as caught:
        adopt_correction(source.world.services, STUDY, "tester", "  ")

    assert caught.value.code == "REASON_MISSING"
    assert source.patients() == {"WRONG-1"}


def test_a_copy_that_was_altered_on_disk_is_not_used(source: Source) -> None:
    source.send(ALL, NEW)
    (source.world.spool / "quarantine" / source.quarantined_files()[0]).write_bytes(b"altered")

    assert "1 of 6: not comparable" in refused(source, CorrectionAltersImages)


def test_a_file_in_use_that_is_lost_is_told(source: Source) -> None:
    source.send(range(1, 6), NEW)
    key = source.world.rows("SELECT spool_key FROM instances WHERE sop_instance_uid = :uid", uid=uid(1, 1, 6))[0]
    (source.world.spool / key).unlink()

    assert refused(source, SpoolObjectMissing)


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
