from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from tests.web.api.conftest import EAST, RECEIVING, WEST, Api
from tests.web.desk.conftest import form_secret
from trabecula.domain.access.roles import Permission

Actions = Callable[[], list[tuple[str, str, str]]]
V1 = "/api/v1"


def test_studies_are_listed_page_by_page_and_what_was_seen_is_audited(api: Api, actions: Actions) -> None:
    client = api.program("ann", "viewer")

    first = client.get(f"{V1}/studies?limit=2").json()
    second = client.get(f"{V1}/studies", params={"limit": 2, "after": first["next"]}).json()

    assert [item["study_uid"] for item in first["studies"]] == [RECEIVING, EAST]
    assert [item["study_uid"] for item in second["studies"]] == [WEST]
    assert (second["next"], second["complete"], second["prepared"]) == (None, True, True)
    assert actions() == [("STUDIES_LISTED", "SUCCESS", "ann"), ("STUDIES_LISTED", "SUCCESS", "ann")]


def test_filters_are_those_of_the_page(api: Api) -> None:
    client = api.program("ann", "viewer")

    def found(**wanted: str) -> list[str]:
        answer = client.get(f"{V1}/studies", params=wanted)
        assert answer.status_code == 200, answer.text
        return [item["study_uid"] for item in answer.json()["studies"]]

    assert found(state="FAILED") == [EAST, WEST]
    assert found(text="a-1.2.3.2") == [EAST]
    assert found(patient_id=f"P-{WEST}") == [WEST]
    assert found(site="CT_WEST", state="FAILED") == [WEST]
    assert found(received_from="2026-01-03", received_to="2026-01-03") == [EAST]
    assert found(reason="STUDY_UNKNOWN", scanner="maker") == [EAST, WEST]
    assert found(tag="nothing") == []
    assert client.get(f"{V1}/studies?received_to=0").status_code == 422


def test_a_study_of_another_site_is_as_unknown_as_one_that_does_not_exist(api: Api, actions: Actions) -> None:
    client = api.program("ann", "coordinator@CT_WEST")

    listed = client.get(f"{V1}/studies").json()["studies"]
    answers = [
        client.request(method, f"{V1}/studies/{uid}{path}", json=body)
        for uid in (EAST, "9.9.9")
        for method, path, body in (
            ("GET", "", None),
            ("GET", "/events", None),
            ("GET", "/picture", None),
            ("POST", "/retry", None),
            ("PUT", "/tags/x", None),
            ("POST", "/readings", {"verdict": "AGREE"}),
        )
    ]

    assert [item["study_uid"] for item in listed] == [RECEIVING, WEST]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "STUDY_UNKNOWN")}
    assert client.get(f"{V1}/studies/{WEST}").status_code == 200
    done = [(action, outcome) for action, outcome, _ in actions()]
    assert done == [
        ("STUDIES_LISTED", "SUCCESS"), *[("ACCESS_REFUSED", "REFUSED")] * 6, ("STUDY_VIEWED", "SUCCESS"),
    ]  # fmt: skip


def test_a_study_is_told_as_the_command_tells_it_and_names_the_person(api: Api) -> None:
    from trabecula.domain.uids import StudyUid
    from trabecula.ledger.queries.studies import show_study

    document = api.program("ann", "viewer").get(f"{V1}/studies/{WEST}").json()
    told = show_study(api.desk.engine, StudyUid(WEST))

    assert set(told) <= set(document)
    assert {name: document[name] for name in ("state", "failure", "scanner", "timings", "conflicts")} == {
        name: told[name] for name in ("state", "failure", "scanner", "timings", "conflicts")
    }
    assert document["person"]["patient_id"] == f"P-{WEST}"
    assert document["person"]["name"] == "Doe^Jane"


def test_what_is_done_to_a_study_is_done_and_stands_in_its_trail_and_in_the_audit_log(
    api: Api, actions: Actions
) -> None:
    client = api.program("ann", "coordinator")

    cancelled = client.post(f"{V1}/studies/{RECEIVING}/cancel")
    again = client.post(f"{V1}/studies/{RECEIVING}/retry")
    urgent = client.post(f"{V1}/studies/{RECEIVING}/prioritise", json={"priority": "URGENT"})
    refused = client.post(f"{V1}/studies/{RECEIVING}/reprocess")
    trail = client.get(f"{V1}/studies/{RECEIVING}/events").json()["events"]

    assert (cancelled.json()["state"], again.json()["state"], urgent.status_code) == ("CANCELLED", "RECEIVING", 200)
    assert (refused.status_code, refused.json()["code"]) == (409, "TRANSITION_REFUSED")
    assert [(item["what"], item["who"]) for item in trail] == [
        ("CANCELLED", "ann (token test)"), ("RETRIED", "ann (token test)"), ("PRIORITISED", "ann (token test)"),
    ]  # fmt: skip
    assert [(action, outcome) for action, outcome, _ in actions()] == [
        *[("STUDY_CHANGED", "SUCCESS")] * 3, ("STUDY_CHANGED", "REFUSED"), ("STUDY_VIEWED", "SUCCESS"),
    ]  # fmt: skip


def test_a_change_that_was_refused_is_audited_as_refused(api: Api, actions: Actions) -> None:
    client = api.program("ann", "coordinator")

    answer = client.post(f"{V1}/studies/{WEST}/complete")

    assert answer.status_code == 409
    assert actions() == [("STUDY_CHANGED", "REFUSED", "ann (token test)")]


def test_a_destination_that_there_is_not_is_told_before_anything_is_written(api: Api, actions: Actions) -> None:
    answer = api.program("ann", "coordinator").post(f"{V1}/studies/{WEST}/resend", json={"destination": WEST})

    assert (answer.status_code, answer.json()["code"]) == (404, "DESTINATION_UNKNOWN")
    assert actions() == []


def test_tags_are_put_on_and_taken_off(api: Api) -> None:
    client = api.program("ann", "coordinator")

    on = client.put(f"{V1}/studies/{WEST}/tags/Follow-Up")
    found = client.get(f"{V1}/studies?tag=follow-up").json()["studies"]
    off = client.delete(f"{V1}/studies/{WEST}/tags/follow-up")
    refused = client.put(f"{V1}/studies/{WEST}/tags/%21%21")

    assert (on.json()["tags"], off.json()["tags"]) == (["follow-up"], [])
    assert [item["study_uid"] for item in found] == [WEST]
    assert (refused.status_code, refused.json()["code"]) == (422, "TAG_REFUSED")


def test_who_disagrees_says_why(api: Api, actions: Actions) -> None:
    client = api.program("ann", "coordinator")

    silent = client.post(f"{V1}/studies/{WEST}/readings", json={"verdict": "DISAGREE"})
    told = client.post(f"{V1}/studies/{WEST}/readings", json={"verdict": "DISAGREE", "comment": "L2 is fractured"})
    listed = client.get(f"{V1}/studies/{WEST}/readings").json()["readings"]

    assert (silent.status_code, silent.json()["code"]) == (422, "REASON_MISSING")
    assert told.status_code == 201
    assert [(item["reader"], item["verdict"], item["comment"]) for item in listed] == [
        ("ann", "DISAGREE", "L2 is fractured")
    ]
    assert ("READING_RECORDED", "SUCCESS", "ann") in actions()


def test_a_study_without_a_report_has_no_files(api: Api) -> None:
    client = api.program("ann", "viewer")

    for path in ("picture", "objects/SR", "objects/SEG", "objects/SC"):
        answer = client.get(f"{V1}/studies/{WEST}/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "RESULT_MISSING"), path
    assert client.get(f"{V1}/studies/{WEST}/objects/PDF").json()["code"] == "REQUEST_INVALID"


def test_a_session_needs_the_secret_of_its_form_and_a_token_does_not(api: Api) -> None:
    browser = api.desk.signed_in("ben", "coordinator")
    path = f"{V1}/studies/{RECEIVING}/cancel"

    assert browser.post(path).json()["code"] == "REQUEST_FORGED"
    secret = form_secret(browser, "/account")
    elsewhere = browser.post(path, headers={"x-form-secret": secret, "origin": "http://evil.example"})
    assert elsewhere.json()["code"] == "REQUEST_FORGED"
    assert browser.post(path, headers={"x-form-secret": secret}).status_code == 200


def test_a_token_without_the_scope_is_refused_whatever_its_account_may(api: Api, actions: Actions) -> None:
    client = api.program("ann", "admin", scopes=frozenset({Permission.VIEW_STUDIES}))

    answer = client.post(f"{V1}/studies/{WEST}/retry")

    assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_MISSING")
    assert answer.headers["content-type"] == "application/problem+json"
    assert actions() == [("ACCESS_REFUSED", "REFUSED", "ann (token test)")]
    with api.desk.engine.connect() as connection:
        assert (
            connection.execute(text("SELECT state FROM studies WHERE study_uid = :u"), {"u": WEST}).scalar() == "FAILED"
        )


def test_a_request_that_does_not_fit_says_where_and_never_repeats_what_was_sent(api: Api) -> None:
    answer = api.program("ann", "viewer").get(f"{V1}/studies?limit=5000&state=SECRET&patient_id=a%00b")

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "REQUEST_INVALID")
    assert [item["where"] for item in problem["misfits"]] == ["query.patient_id", "query.state", "query.limit"]
    assert "SECRET" not in answer.text


def test_the_overview_counts_the_sites_that_one_may_see(api: Api) -> None:
    from datetime import UTC, datetime

    api.study("1.2.3.4", "CT_WEST", at=datetime.now(UTC).isoformat())

    here = api.program("ann", "viewer@CT_WEST").get(f"{V1}/overview").json()
    there = api.program("ben", "viewer@CT_EAST").get(f"{V1}/overview").json()

    assert (here["today"]["FAILED"]["count"], there["today"]["FAILED"]["count"]) == (1, 0)
    assert [window["days"] for window in here["windows"]] == [1, 7, 30]
