from __future__ import annotations

import csv
from collections.abc import Callable

import pytest

from tests.web.api.conftest import EAST, RECEIVING, WEST, Api
from trabecula.domain.access.roles import Permission
from trabecula.web.api.studies import export

Actions = Callable[[], list[tuple[str, str, str]]]
PATH = "/api/v1/studies.csv"


def _lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines()))


def test_every_study_of_the_filter_comes_in_batches_each_audited_before_it_goes(
    api: Api, actions: Actions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_BATCH", 2)
    answer = api.program("ann", "coordinator").get(PATH)

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert [line["study_uid"] for line in _lines(answer.text)] == [RECEIVING, EAST, WEST]
    assert _lines(answer.text)[2]["patient_id"] == f"P-{WEST}"
    assert actions() == [("STUDIES_EXPORTED", "SUCCESS", "ann")] * 2


def test_only_what_one_may_export_is_exported(api: Api) -> None:
    client = api.program("ann", "viewer", "coordinator@CT_EAST")

    assert [line["study_uid"] for line in _lines(client.get(PATH).text)] == [EAST]
    assert _lines(client.get(f"{PATH}?site=CT_WEST").text) == []
    assert api.program("ben", "viewer").get(PATH).status_code == 403
    blind = api.program("cid", "admin", scopes=frozenset({Permission.EXPORT_STUDIES}))
    assert _lines(blind.get(PATH).text) == []


def test_a_header_that_a_spreadsheet_would_run_is_text(api: Api) -> None:
    api.study("1.2.3.9", "CT_WEST", patient='=HYPERLINK("http://x")', state="FAILED")

    lines = _lines(api.program("ann", "coordinator").get(f"{PATH}?text=1.2.3.9").text)

    assert lines[0]["patient_id"].startswith("'=HYPERLINK")
