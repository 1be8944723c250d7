"""The quarantine through the API, on images that really came twice and a file that is no DICOM."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.builders import image
from tests.pipeline.operators.corrections import NEW, OLD, STUDY, Source, source_at
from tests.web.api.conftest import Api
from tests.web.desk.conftest import Desk

Actions = Callable[[], list[tuple[str, str, str]]]
V1 = "/api/v1/quarantine"


@pytest.fixture
def source(desk: Desk, embedded_database_url: str, tmp_path: Path) -> Iterator[Source]:
    made = source_at(embedded_database_url, tmp_path)
    made.send([1, 2], OLD)
    made.finish()
    made.send([1, 2], NEW)
    made.store(image(5, 5, 5), content=b"no data set")
    yield made
    made.world.engine.dispose()


def test_entries_are_listed_page_by_page_shown_and_deleted(desk: Desk, source: Source, actions: Actions) -> None:
    client = Api(desk).program("ann", "admin")

    first = client.get(f"{V1}?limit=2").json()
    second = client.get(V1, params={"limit": 2, "before": first["next"]}).json()
    copies = [item for item in first["entries"] + second["entries"] if item["code"] == "INSTANCE_CONFLICT"]
    shown = client.get(f"{V1}/{copies[0]['number']}").json()
    silent = client.delete(f"{V1}/{copies[0]['number']}")
    gone = client.delete(f"{V1}/{copies[0]['number']}?reason=sent+twice")
    again = client.delete(f"{V1}/{copies[0]['number']}?reason=sent+twice")

    assert (len(first["entries"]), len(second["entries"]), second["next"]) == (2, 1, None)
    assert len(copies) == 2
    assert shown["conflict"]["study_uid"] == STUDY
    assert {item["name"] for item in shown["conflict"]["differences"]} >= {"Patient ID"}
    assert "spool_key" not in shown
    assert (silent.status_code, gone.json()["outcome"], again.status_code) == (422, "DELETED", 404)
    assert len(client.get(V1).json()["entries"]) == 2
    assert [action for action, _, _ in actions()].count("QUARANTINE_DELETED") == 1


def test_a_copy_of_an_image_in_use_is_not_released(desk: Desk, source: Source) -> None:
    client = Api(desk).program("ann", "admin")
    number = client.get(f"{V1}?code=INSTANCE_CONFLICT").json()["entries"][0]["number"]

    answer = client.post(f"{V1}/{number}/release", json={})

    assert (answer.status_code, answer.json()["code"]) == (409, "RELEASE_REFUSED")


def test_an_entry_of_another_site_is_unknown(desk: Desk, source: Source) -> None:
    client = Api(desk).program("ann", "admin@ELSEWHERE")
    number = Api(desk).program("ben", "admin").get(V1).json()["entries"][0]["number"]

    assert client.get(V1).json()["entries"] == []
    assert client.get(f"{V1}/{number}").status_code == 404
    assert client.delete(f"{V1}/{number}?reason=x").status_code == 404
    assert client.post(f"{V1}/{number}/release", json={}).status_code == 404
