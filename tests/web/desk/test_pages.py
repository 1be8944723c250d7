from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.pipeline.world import STUDY, World, make_world
from tests.web.desk.conftest import Desk, form_secret
from trabecula.domain.delivery import Destination
from trabecula.domain.errors import DestinationUnreachable
from trabecula.domain.study.jobs import RetryPolicy
from trabecula.pipeline import cancel_study, register_instance, reprocess_study
from trabecula.pipeline.operators.bulk import work_on_bulk
from trabecula.web.desk.pages.overview import category_bar

Actions = Callable[[], list[tuple[str, str, str]]]
OTHER = "1.2.826.0.1.9"
PACS = Destination(name="PACS", ae_title="PACS", host="127.0.0.1", port=1)


@pytest.fixture
def world(desk: Desk, embedded_database_url: str, tmp_path: Path) -> Iterator[World]:
    """A ledger with one finished study, sent by CT1."""
    made = make_world(embedded_database_url, tmp_path / "world", [PACS])
    for number in range(3):
        register_instance(made.services.open_ledger, made.instance(number), 60.0)
    made.be_quiet()
    made.run_all()
    object.__setattr__(desk.parts, "services", lambda _engine: made.services)
    object.__setattr__(desk.parts, "artifacts", made.services.artifacts)
    with desk.engine.begin() as connection:
        connection.execute(
            text("UPDATE studies SET calling_ae_title = 'CT1', patient_id = 'P-1', accession_number = 'A-77'")
        )
        connection.execute(
            text("INSERT INTO studies (study_uid, calling_ae_title, patient_id) VALUES (:uid, 'CT2', 'P-2')"),
            {"uid": OTHER},
        )
    yield made
    made.engine.dispose()


def test_an_empty_service_says_what_to_do(desk: Desk) -> None:
    client = desk.signed_in("ann", "admin")

    assert "No destination" in client.get("/").text
    assert "when a PACS or modality sends lumbar CT or MR" in client.get("/studies").text
    assert "Nothing matches" in client.get("/studies?text=P-1").text


def test_a_viewer_of_one_site_sees_its_studies_and_no_trace_of_others(desk: Desk, world: World) -> None:
    west = desk.signed_in("west", "viewer@CT1")

    listed = west.get("/studies").text
    assert "P-1" in listed
    assert "P-2" not in listed
    assert "P-2" not in west.get("/studies?text=P-2").text.replace('value="P-2"', "")
    assert "P-2" not in west.get("/studies?site=CT2").text
    assert west.get(f"/studies/{STUDY}").status_code == 200
    unknown, hidden = west.get("/studies/1.2.3.4"), west.get(f"/studies/{OTHER}")
    assert (unknown.status_code, hidden.status_code) == (404, 404)
    assert hidden.text.replace(OTHER, "") == unknown.text.replace("1.2.3.4", "")


def test_that_persons_were_seen_stands_in_the_audit_log(desk: Desk, world: World, actions: Actions) -> None:
    client = desk.signed_in("ann", "viewer")

    client.get("/studies")
    client.get(f"/studies/{STUDY}")
    client.get(f"/studies/{STUDY}/files/SR.dcm")

    assert [action for action, _, _ in actions()][1:] == ["STUDIES_LISTED", "STUDY_VIEWED", "OBJECT_DOWNLOADED"]


def test_no_page_of_a_person_goes_out_when_the_audit_log_cannot_be_written(desk: Desk, world: World) -> None:
    client = desk.signed_in("ann", "viewer")
    with desk.engine.begin() as connection:
        connection.execute(
            text("ALTER TABLE audit_entries ADD CONSTRAINT broken CHECK (action <> 'STUDY_VIEWED') NOT VALID")
        )
    try:
        with pytest.raises(Exception, match="broken"):
            client.get(f"/studies/{STUDY}")
    finally:
        with desk.engine.begin() as connection:
            connection.execute(text("ALTER TABLE audit_entries DROP CONSTRAINT broken"))


@pytest.mark.parametrize("query", ["state=nonsense", "category=HEALTHY", "from=30.11.2026", "after=here"])
def test_a_filter_that_is_none_is_refused_with_what_there_is(desk: Desk, query: str) -> None:
    answer = desk.signed_in("ann", "viewer").get(f"/studies?{query}")

    assert answer.status_code == 422
    assert "CHOICE_INVALID" in answer.text


def test_what_images_say_is_text_and_never_markup(desk: Desk, world: World) -> None:
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE studies SET description = '<script>alert(1)</script>', patient_name = '<b>X'"))
    client = desk.signed_in("ann", "viewer")

    for path in ("/studies", f"/studies/{STUDY}", "/studies?text=<script>alert(1)</script>"):
        page = client.get(path).text
        assert "<script>alert" not in page
        assert "<b>X" not in page


def test_a_viewer_is_offered_nothing_that_changes_a_study(desk: Desk, world: World) -> None:
    viewer, coordinator = desk.signed_in("ann", "viewer"), desk.signed_in("ben", "coordinator")

    seen = viewer.get(f"/studies/{STUDY}").text
    assert "Measure anew" not in seen
    assert "I disagree" not in seen
    assert "Measure anew" in coordinator.get(f"/studies/{STUDY}").text
    secret = form_secret(viewer, "/account")
    assert viewer.post(f"/studies/{STUDY}/do/reprocess", data={"form_secret": secret}).status_code == 403


def test_a_study_is_measured_anew_and_the_trail_names_who_wanted_it(desk: Desk, world: World, actions: Actions) -> None:
    client = desk.signed_in("ann", "coordinator@CT1")
    secret = form_secret(client, f"/studies/{STUDY}")

    done = client.post(f"/studies/{STUDY}/do/reprocess", data={"form_secret": secret})

    assert done.headers["location"] == f"/studies/{STUDY}?done=reprocess"
    assert world.state() == "ANALYSING"
    assert world.rows("SELECT who FROM events WHERE what = 'REPROCESSED'") == ["ann"]
    assert actions()[-1] == ("STUDY_CHANGED", "SUCCESS", "ann")
    assert "measured anew as its next revision" in client.get(f"/studies/{STUDY}?done=reprocess").text


def test_cancelling_and_taking_up_again(desk: Desk, world: World) -> None:
    client = desk.signed_in("ann", "coordinator")
    secret = form_secret(client, f"/studies/{STUDY}")
    client.post(f"/studies/{STUDY}/do/reprocess", data={"form_secret": secret})

    client.post(f"/studies/{STUDY}/do/cancel", data={"form_secret": secret})
    cancelled = world.state()
    client.post(f"/studies/{STUDY}/do/retry", data={"form_secret": secret})
    world.run_all()

    assert cancelled == "CANCELLED"
    assert world.state() == "DONE"


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_result_that_was_sent_stays_until_another_is_reported(desk: Desk, world: World, cancelled: bool) -> None:
    client = desk.signed_in("ann", "coordinator")
    before = client.get(f"/studies/{STUDY}").text, client.get(f"/studies/{STUDY}/files/SR.dcm").content
    listed = world.listed()[0]
    reprocess_study(world.services.open_ledger, STUDY, "ann")
    if cancelled:
        cancel_study(world.services.open_ledger, STUDY, "ann")

    page = client.get(f"/studies/{STUDY}").text

    assert "Indeterminate" in before[0]
    assert page.count("Indeterminate") == before[0].count("Indeterminate")
    assert "Shown is revision 1" in page
    assert "There is no result yet" not in page
    assert ("cancelled" if cancelled else "being measured anew as revision 2") in page
    assert client.get(f"/studies/{STUDY}/files/SR.dcm").content == before[1]
    same = ("category", "revision", "l1_hu", "reasons", "models")
    assert {name: world.listed()[0][name] for name in same} == {name: listed[name] for name in same}
    assert "Indeterminate" in client.get("/studies?category=INDETERMINATE").text
    assert 'value="AGREE"' in page
    assert "Send again" not in page
    if not cancelled:
        world.run_all()
        assert "Shown is revision" not in client.get(f"/studies/{STUDY}").text


def test_one_dead_destination_hides_no_result(desk: Desk, world: World) -> None:
    dead = replace(PACS, name="DEAD")
    world.services = replace(
        world.services, destinations={"PACS": PACS, "DEAD": dead}, retries=RetryPolicy(first_pause_s=600.0)
    )
    world.sender.errors["DEAD"] = DestinationUnreachable("down")
    reprocess_study(world.services.open_ledger, STUDY, "ann")
    world.rows("DELETE FROM desk_studies WHERE study_uid = :uid", uid=STUDY)
    for _ in range(4):
        world.run_next()
    client = desk.signed_in("ann", "coordinator")

    page, first = client.get(f"/studies/{STUDY}").text, client.get("/").text

    assert world.state() == "DELIVERING"
    for words in ("Measure anew", "Send again", "Try again", "I disagree", "The levels are named wrongly"):
        assert words in page, words
    assert "0 low bone density suspected, 1 indeterminate" in first
    assert (
        client.post(f"/studies/{STUDY}/do/reprocess", data={"form_secret": form_secret(client, "/account")})
        .headers["location"]
        .endswith("done=reprocess")
    )
    assert world.state() == "ANALYSING"


def test_an_action_that_the_state_does_not_allow_is_told_in_a_sentence(desk: Desk, world: World) -> None:
    client = desk.signed_in("ann", "coordinator")

    answer = client.post(f"/studies/{STUDY}/do/cancel", data={"form_secret": form_secret(client, "/account")})

    assert answer.status_code == 409
    assert "DONE does not lead to CANCELLED" in answer.text


def test_a_reader_agrees_and_another_disagrees_with_a_reason(desk: Desk, world: World) -> None:
    ann, ben = desk.signed_in("ann", "coordinator"), desk.signed_in("ben", "coordinator")

    def read(client: object, **form: str) -> int:
        data = form | {"form_secret": form_secret(client, f"/studies/{STUDY}")}
        return client.post(f"/studies/{STUDY}/reading", data=data).status_code

    assert read(ann, verdict="AGREE") == 303
    assert read(ben, verdict="DISAGREE") == 422
    assert read(ben, verdict="DISAGREE", comment="L1 is fractured") == 303
    assert read(ben, verdict="MAYBE") == 422
    page = ann.get(f"/studies/{STUDY}").text
    assert "ann agrees" in page
    assert "ben disagrees" in page
    assert "L1 is fractured" in page


def test_a_study_is_found_by_its_tag(desk: Desk, world: World) -> None:
    client = desk.signed_in("ann", "coordinator")
    secret = form_secret(client, f"/studies/{STUDY}")

    client.post(f"/studies/{STUDY}/tags", data={"form_secret": secret, "tag": "teaching"})
    with_tag = client.get("/studies?tag=teaching").text
    client.post(f"/studies/{STUDY}/tags/remove", data={"form_secret": secret, "tag": "teaching"})

    assert "P-1" in with_tag
    assert "P-1" not in client.get("/studies?tag=teaching").text


def test_the_files_of_a_result_are_those_that_were_sent(desk: Desk, world: World) -> None:
    client = desk.signed_in("ann", "viewer")

    answer = client.get(f"/studies/{STUDY}/files/SR.dcm")

    assert answer.content == next(
        item.content for item in world.services.artifacts.load_objects(STUDY, 1) if item.kind == "SR"
    )
    assert answer.headers["content-disposition"].endswith('-r1-SR.dcm"')
    assert client.get(f"/studies/{STUDY}/files/..%2F..%2Fetc%2Fpasswd").status_code == 404
    assert client.get(f"/studies/{STUDY}/files/passwd").status_code == 404


def test_the_overview_counts_the_sites_that_somebody_sees(desk: Desk, world: World) -> None:
    everything, west = desk.signed_in("ann", "viewer"), desk.signed_in("ben", "viewer@CT1")

    def receiving(client: object) -> str:
        page = client.get("/", headers={"x-fragment": "1"}).text
        assert "<html" not in page
        return page.split(">receiving</a></th>")[1].split("</td>")[0].rsplit(">", 1)[1]

    assert receiving(everything) == "1"
    assert receiving(west) == "0"


def test_a_bar_is_as_wide_as_its_counts_and_has_no_gap() -> None:
    pieces = category_bar((1, 1, 1, 0), width=100)

    assert [(name[:3], left, width) for name, left, width in pieces] == [
        ("LOW", 0, 33),
        ("IND", 33, 34),
        ("NO_", 67, 33),
    ]
    assert category_bar((0, 0, 0, 0)) == []


def test_the_audit_log_tells_who_looked_at_a_person_and_looking_is_an_entry(desk: Desk, world: World) -> None:
    desk.signed_in("vic", "viewer").get(f"/studies/{STUDY}")
    admin = desk.signed_in("ann", "admin")

    of_person = admin.get("/administration/audit?patient=P-1").text
    everything = admin.get("/administration/audit").text

    assert "study viewed" in of_person.split("<tbody>")[1]
    assert "vic" in of_person
    assert "audit viewed" in everything.split("<tbody>")[1]
    assert "No entry" in admin.get("/administration/audit?patient=NOBODY").text
    assert admin.get("/administration/audit?action=NOTHING").status_code == 422
    assert desk.signed_in("ben", "coordinator").get("/administration/audit").status_code == 403


def test_something_is_done_to_all_that_a_filter_finds_at_the_sites_where_one_may(
    desk: Desk, world: World, actions: Actions
) -> None:
    client = desk.signed_in("ann", "coordinator@CT1", "viewer")
    form = {"form_secret": form_secret(client, "/studies"), "kind": "tag", "argument": "recall-2026"}

    without = client.post("/bulk", data=form)
    begun = client.post("/bulk", data=form | {"sure": "all of them"})
    work_on_bulk(world.services, lambda: False, 5.0)
    done = actions()
    page = client.get(begun.headers["location"]).text

    assert done[-2:] == [("STUDY_CHANGED", "SUCCESS", "ann")] * 2, "the wish, and what came of it for the study"
    assert without.status_code == 422
    assert begun.status_code == 303
    assert "ended" in page
    assert world.rows("SELECT study_uid FROM study_tags WHERE tag = 'recall-2026'") == [STUDY]
    assert begun.headers["location"].rsplit("/", 1)[1] in client.get("/bulk").text
    assert desk.signed_in("eve", "coordinator@CT2").get(begun.headers["location"]).status_code == 404


def test_the_filter_of_the_page_is_that_of_the_csv(desk: Desk, world: World) -> None:
    client = desk.signed_in("ann", "coordinator")
    page = client.get("/studies?from=2020-01-01&state=DONE&text=P-").text

    address = page.split('href="/api/v1/studies.csv')[1].split('"')[0].replace("&amp;", "&")
    lines = client.get(f"/api/v1/studies.csv{address}").text.splitlines()

    assert "received_from=2020-01-01" in address
    assert len(lines) == 2
    assert STUDY in lines[1]


def test_each_number_says_which_scale_it_is_on(desk: Desk, world: World) -> None:
    client = desk.signed_in("ann", "coordinator")

    page, listed = client.get(f"/studies/{STUDY}").text, client.get("/studies").text

    assert "HU<br>as scanned" in page
    assert "L1 HU<br>at 120 kVp" in listed
    assert "Mean HU<br>at 120 kVp" in listed
    assert "None is known" not in page
    assert "that you may see under this patient ID" in page
    assert '<select id="called" name="called" required><option value="">' in page
    assert 'data-needed-for="DISAGREE"' in page


def test_pages_and_programs_get_next_steps_that_they_can_take(desk: Desk, world: World) -> None:
    client = desk.signed_in("ann", "coordinator")
    data = {"form_secret": form_secret(client, f"/studies/{STUDY}"), "verdict": "DISAGREE"}

    for answer in (client.get("/studies/1.2.3.4"), client.post(f"/studies/{STUDY}/reading", data=data)):
        assert answer.status_code in (404, 422)
        assert "trabecula " not in answer.text
        assert "--reason" not in answer.text
