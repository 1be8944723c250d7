from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from tests.web.desk.conftest import Desk, form_secret

CSV = b"patient_id,measured_on,method,site,t_score,value\r\nP-1,2026-01-31,DXA,lumbar spine,-2.6,0.742\r\n"
_CONTENT = re.compile(r'name="content" value="([^"]+)"')
Actions = Callable[[], list[tuple[str, str, str]]]


@pytest.fixture
def coordinator(desk: Desk) -> TestClient:
    with desk.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO studies (study_uid, calling_ae_title, patient_id, study_date) "
                "VALUES ('1.2.3', 'CT1', 'P-1', '20260301')"
            )
        )
    return desk.signed_in("ann", "coordinator")


def _shown(client: TestClient, content: bytes, **form: str) -> str:
    data = form | {"form_secret": form_secret(client, "/references")}
    return client.post("/references/preview", data=data, files={"file": ("dxa.csv", content, "text/csv")}).text


def _rows(desk: Desk) -> int:
    with desk.engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM reference_results")).scalar_one()


def test_a_file_is_shown_line_by_line_with_its_studies_and_then_written(
    desk: Desk, coordinator: TestClient, actions: Actions
) -> None:
    page = _shown(coordinator, CSV)
    before = _rows(desk)
    data = {"form_secret": form_secret(coordinator, "/references"), "content": _CONTENT.findall(page)[0]}
    done = coordinator.post("/references", data=data).text

    assert 'href="/studies/1.2.3">2026-03-01' in page
    assert "g/cm²" in page
    assert before == 0
    assert "1 measurement added" in done
    assert _rows(desk) == 1
    assert [action for action, _, _ in actions()][-2:] == ["STUDIES_LISTED", "REFERENCES_IMPORTED"]


def test_what_is_wrong_is_told_by_line_and_nothing_is_written(desk: Desk, coordinator: TestClient) -> None:
    page = _shown(coordinator, CSV + b"P-1,2026-02-31,DXA,lumbar spine,-2.6,742\r\nP-9,2026-01-31,DXA,hip,-1,0.8\r\n")

    assert "Nothing was written" in page
    assert page.count('<td class="number">3</td>') >= 1
    assert "Write all of them" not in page
    assert _rows(desk) == 0


def test_patients_without_a_study_are_left_out_where_that_was_chosen(desk: Desk, coordinator: TestClient) -> None:
    page = _shown(coordinator, CSV + b"P-9,2026-01-31,DXA,lumbar spine,-1.0,0.9\r\n", unknown="skip")

    assert "1 of patients without a study are left out" in page


def test_a_changed_or_broken_file_is_not_written(desk: Desk, coordinator: TestClient) -> None:
    data = {"form_secret": form_secret(coordinator, "/references"), "content": "not base64!"}

    assert coordinator.post("/references", data=data).status_code == 422
    assert "choose a file that is not empty" in _shown(coordinator, b"")


def test_a_viewer_has_no_place_for_it(desk: Desk) -> None:
    client = desk.signed_in("vic", "viewer")

    assert client.get("/references").status_code == 403
    assert 'href="/references"' not in client.get("/").text
