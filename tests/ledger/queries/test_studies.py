from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.pipeline.world import STUDY, World, make_world
from trabecula.cli.study_options import FilterOptions
from trabecula.domain.delivery import Destination
from trabecula.domain.desk.search import StudySearch, midnight, next_midnight
from trabecula.domain.errors import ConfigurationInvalid, StudyAmbiguous, StudyUnknown
from trabecula.domain.results.result import Category
from trabecula.domain.study.jobs import Stage
from trabecula.domain.study.study import StudyState
from trabecula.ledger.database import driver_connection
from trabecula.ledger.desk.search import batches, count
from trabecula.ledger.queries.quarantine import list_quarantine
from trabecula.ledger.queries.studies import find_study, show_study, study_events
from trabecula.ledger.queries.study_list import LOG_COLUMNS, export_rows, list_studies
from trabecula.pipeline import register_instance

OTHER = "1.2.826.0.2"


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    """One finished study, and one that is still being received."""
    made = make_world(database_url, tmp_path, (Destination(name="pacs", ae_title="PACS", host="127.0.0.1", port=104),))
    for study in (STUDY, OTHER):
        register_instance(made.services.open_ledger, made.instance(1, study_uid=study), 60.0)
    made.be_quiet(STUDY)
    made.run_next(Stage.SETTLE)
    for stage in (Stage.ANALYSE, Stage.REPORT, Stage.DELIVER):
        made.run_next(stage)
    yield made
    made.engine.dispose()


def counted(world: World, wanted: StudySearch) -> int:
    with world.engine.connect() as link:
        return count(driver_connection(link), wanted).at_least


def filters(received: date) -> list[tuple[StudySearch, set[str]]]:
    """Filters and the studies they keep, both received on that day."""
    return [
        (StudySearch(), {STUDY, OTHER}),
        (StudySearch(state=StudyState.DONE), {STUDY}),
        (StudySearch(state=StudyState.FAILED), set()),
        (StudySearch(category=Category.INDETERMINATE), {STUDY}),
        (StudySearch(scanner="scan 3"), {STUDY}),
        (StudySearch(scanner="%"), set()),
        (StudySearch(model="demo-ct"), {STUDY}),
        (StudySearch(model="demo"), set()),
        (StudySearch(reason="kvp_adjusted"), {STUDY}),
        (StudySearch(reason="SEG_WARNING"), {STUDY}),
        (StudySearch(reason="METAL"), set()),
        (StudySearch(received_from=midnight(received), received_to=next_midnight(received)), {STUDY, OTHER}),
        (StudySearch(received_from=next_midnight(received)), set()),
        (StudySearch(received_to=midnight(received)), set()),
        (StudySearch(state=StudyState.DONE, model="demo-ct", scanner="MAKER", reason="KVP_ADJUSTED"), {STUDY}),
    ]


def test_every_filter_keeps_what_matches(world: World) -> None:
    received = datetime.fromisoformat(str(world.listed()[0]["received_at"])).astimezone().date()
    for wanted, found in filters(received):
        assert {row["study_uid"] for row in world.listed(wanted)} == found, wanted
        assert counted(world, wanted) == len(found), wanted


def test_a_study_is_found_by_the_beginning_of_its_uid(world: World) -> None:
    uids = sorted(row["study_uid"] for row in world.listed())
    assert find_study(world.engine, uids[0]) == uids[0]
    shared = STUDY[:-1]
    only = uids[1][: len(shared) + 1]
    assert find_study(world.engine, f"{only}…") == uids[1]
    with pytest.raises(StudyAmbiguous, match=uids[1]):
        find_study(world.engine, shared)
    assert find_study(world.engine, "9.9") == "9.9"
    assert find_study(world.engine, "%") == "%"


def test_people_find_a_study_by_patient_accession_and_time(world: World) -> None:
    found = world.listed(FilterOptions(patient="4711", accession="A1", since="1h").search())
    assert [row["study_uid"] for row in found] == [STUDY]
    assert world.listed(StudySearch(patient_id="471")) == world.listed(StudySearch(accession_number="A")) == []
    world.rows("UPDATE studies SET first_image_at = now() - interval '2 hours'")
    assert world.listed(FilterOptions(since="1h").search()) == []
    earliest = FilterOptions(since="90m").search().received_from
    assert earliest is not None
    assert abs(datetime.now().astimezone() - earliest - timedelta(minutes=90)) < timedelta(seconds=30)
    with pytest.raises(ConfigurationInvalid, match="90m, 24h or 7d"):
        FilterOptions(since="yesterday").search()


def test_a_limit_shows_the_newest_and_batches_give_all(world: World) -> None:
    with world.engine.connect() as link:
        connection = driver_connection(link)
        newest = list_studies(connection, limit=1)
        walked = [[item.study_uid for item in batch] for batch in batches(connection, StudySearch(), 1)]

    assert [[row["study_uid"]] for row in newest] == walked[:1] == [[OTHER]]
    assert walked[1:] == [[STUDY]]
    assert counted(world, StudySearch()) == 2


def test_a_shown_study_is_json_with_the_published_keys(world: World) -> None:
    document = json.loads(json.dumps(show_study(world.engine, STUDY)))

    assert {"study_uid", "revision", "state", "category", "reasons", "levels", "scores", "objects", "timings"} <= set(
        document
    )
    assert (document["state"], document["category"]) == ("DONE", "INDETERMINATE")
    assert document["reasons"][0]["code"] == "KVP_ADJUSTED"
    assert document["levels"][0]["measurements"][0]["value"] == 101.0
    assert "outlines" not in document["levels"][0]
    sent = document["objects"][0]
    assert (sent["kind"], sent["destinations"]["pacs"]["state"]) == ("SR", "SENT")
    assert sent["destinations"]["pacs"]["status"] == "0x0000"
    assert {"segment", "settling", "analysing", "reporting", "delivering", "total"} <= set(document["timings"])
    assert document["failure"] is None


def test_an_unknown_study_is_named_with_the_next_step(world: World) -> None:
    with pytest.raises(StudyUnknown) as caught:
        show_study(world.engine, "1.2.3")

    assert caught.value.code == "STUDY_UNKNOWN"
    assert caught.value.sentence == "The ledger knows no such study: 1.2.3."
    assert "studies list" in caught.value.next_step


def test_the_trail_says_when_what_and_who(world: World) -> None:
    trail = study_events(world.engine, STUDY)

    assert [event["what"] for event in trail][:3] == ["RECEIVED", "SETTLED", "ANALYSED"]
    assert {event["who"] for event in trail} == {"system"}
    assert all(event["at"] for event in trail)


def test_csv_rows_are_texts_under_the_views_columns(world: World) -> None:
    with world.engine.connect() as link:
        header, *rows = export_rows(driver_connection(link), StudySearch(state=StudyState.DONE))

    assert tuple(header) == LOG_COLUMNS
    row = dict(zip(header, rows[0], strict=True))
    assert (row["reasons"], row["models"], row["instances"]) == ("KVP_ADJUSTED SEG_WARNING", "demo-ct", "1")


def test_quarantine_lists_the_reason_and_the_place(world: World) -> None:
    register_instance(world.services.open_ledger, world.instance(7, fault="cut off"), 60.0)

    (row,) = list_quarantine(world.engine)

    assert row["code"] == "INSTANCE_UNPARSABLE"
    assert row["sentence"].endswith("cut off.")
    assert row["spool_key"].startswith("objects/")


def test_the_views_keep_their_names_and_columns(world: World, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        log = connection.execute("SELECT * FROM screening_log").description
        levels = connection.execute("SELECT level, concept, value, unit, reasons FROM screening_levels").fetchall()
        words = connection.execute("SELECT DISTINCT status_word, superseded FROM deliveries").fetchall()

    assert tuple(column.name for column in log or ()) == LOG_COLUMNS
    assert levels == [("L1", "112031", 101.0, "[hnsf'U]", ["SEG_WARNING"])]
    assert words == [("0x0000", False)]


def test_the_log_has_person_values_score_and_next_attempt(world: World) -> None:
    world.rows("UPDATE series SET modality = 'CT' WHERE study_uid = :uid RETURNING series_uid", uid=STUDY)
    columns = "modality, age_years, sex, birth_date, study_date, l1_hu, mean_hu, model, score, score_positive"
    (row,) = world.rows(f"SELECT {columns} FROM screening_log WHERE study_uid = :uid", uid=STUDY)
    assert tuple(row)[:5] == ("CT", 76, "F", date(1950, 1, 1), date(2026, 1, 2))
    (score,) = world.rows("SELECT model, score, positive FROM screening_scores WHERE study_uid = :uid", uid=STUDY)
    assert tuple(row)[7:] == tuple(score)
    (waiting,) = world.rows("SELECT next_attempt_at FROM screening_log WHERE study_uid = :uid", uid=STUDY)
    assert waiting is None
    again = datetime(2026, 3, 1).astimezone()
    world.rows(
        "UPDATE object_deliveries SET state = 'PENDING', next_attempt_at = :at WHERE study_uid = :uid RETURNING kind",
        uid=STUDY, at=again,
    )  # fmt: skip
    (waiting,) = world.rows("SELECT next_attempt_at FROM screening_log WHERE study_uid = :uid", uid=STUDY)
    assert waiting == again


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("20240229", date(2024, 2, 29)), ("2024-02-29", date(2024, 2, 29)), ("2024.12.31", date(2024, 12, 31)),
        ("20230229", None), ("20241301", None), ("00000101", None), ("2024", None), ("", None), ("20240100", None),
    ],
)  # fmt: skip
def test_a_date_of_the_images_is_a_date_or_nothing(database_url: str, written: str, day: date | None) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT dicom_date(%s)", (written,)).fetchone() == (day,)


def test_text_that_postgresql_cannot_keep_is_cleaned(world: World) -> None:
    assert world.rows("SELECT patient_name FROM studies WHERE study_uid = :uid", uid=STUDY) == ["Doe^Jane"]
