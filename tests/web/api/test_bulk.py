from __future__ import annotations

from collections.abc import Callable

from tests.web.api.conftest import EAST, RECEIVING, WEST, Api
from trabecula.pipeline.operators.bulk import work_on_bulk

Actions = Callable[[], list[tuple[str, str, str]]]
V1 = "/api/v1/bulk-actions"


def test_an_action_on_a_filter_is_recorded_done_by_workers_and_told_with_what_was_refused(
    api: Api, actions: Actions
) -> None:
    client = api.program("ann", "coordinator")

    begun = client.post(V1, json={"kind": "RETRY", "studies": {"received_from": "2026-01-01"}})
    work_on_bulk(api.desk.parts.services(api.desk.engine), lambda: False, 20.0)
    shown = client.get(f"{V1}/{begun.json()['number']}").json()

    assert (begun.status_code, begun.json()["state"], begun.json()["done"]) == (202, "OPEN", 0)
    assert (shown["state"], shown["done"], shown["refused"]) == ("ENDED", 2, 1)
    assert [(item["study_uid"], item["code"]) for item in shown["refusals"]] == [(RECEIVING, "TRANSITION_REFUSED")]
    assert client.get(f"/api/v1/studies/{WEST}").json()["failure"] is None
    assert actions()[0] == ("STUDY_CHANGED", "SUCCESS", "ann")


def test_it_reaches_the_sites_where_one_may_act_and_no_other(api: Api) -> None:
    client = api.program("ann", "viewer", "coordinator@CT_EAST")

    begun = client.post(V1, json={"kind": "TAG", "argument": "seen", "studies": {}}).json()
    work_on_bulk(api.desk.parts.services(api.desk.engine), lambda: False, 20.0)

    tagged = [item["study_uid"] for item in client.get("/api/v1/studies?tag=seen").json()["studies"]]
    assert tagged == [EAST]
    assert client.get(f"{V1}/{begun['number']}").json()["done"] == 1
    assert len(client.get(V1).json()["bulk_actions"]) == 1
    stranger = api.program("ben", "coordinator@CT_WEST")
    assert stranger.get(f"{V1}/{begun['number']}").status_code == 404
    assert stranger.post(f"{V1}/{begun['number']}/stop").status_code == 404
    assert stranger.get(V1).json()["bulk_actions"] == []


def test_it_can_be_stopped_and_what_cannot_be_done_is_refused_at_once(api: Api) -> None:
    client = api.program("ann", "coordinator")

    begun = client.post(V1, json={"kind": "RETRY", "studies": {"state": "FAILED"}}).json()
    stopped = client.post(f"{V1}/{begun['number']}/stop").json()
    nowhere = client.post(V1, json={"kind": "RESEND", "argument": "NOWHERE", "studies": {}})
    no_tag = client.post(V1, json={"kind": "TAG", "argument": "!!", "studies": {}})

    assert stopped["state"] == "STOPPED"
    assert (nowhere.status_code, nowhere.json()["code"]) == (404, "DESTINATION_UNKNOWN")
    assert (no_tag.status_code, no_tag.json()["code"]) == (422, "TAG_REFUSED")
