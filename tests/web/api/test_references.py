from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime

import openpyxl
from sqlalchemy import text

from tests.web.api.conftest import WEST, Api

Actions = Callable[[], list[tuple[str, str, str]]]
V1 = "/api/v1/references"
HEADING = "patient_id,measured_on,method,site,t_score,value\n"
GOOD = HEADING + f"P-{WEST},2025-12-20,DXA,lumbar spine,-2.6,0.742\nP-{WEST},2026-02-01,QCT,,,61.5\n"


def _send(client: object, path: str, content: str | bytes, **query: object) -> object:
    return client.post(f"{V1}/{path}", content=content, params=query, headers={"content-type": "text/csv"})


def _rows(api: Api) -> int:
    with api.desk.engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM reference_results")).scalar_one()


def test_a_preview_shows_each_line_with_the_study_it_belongs_to_and_writes_nothing(api: Api, actions: Actions) -> None:
    client = api.program("ann", "coordinator")

    shown = _send(client, "preview", GOOD).json()

    assert [(line["line"], line["study_uid"], line["days"], line["unit"]) for line in shown["lines"]] == [
        (2, WEST, 13, "g/cm2"), (3, WEST, -30, "mg/cm3"),
    ]  # fmt: skip
    assert (shown["written"], shown["added"], shown["matched"], shown["problems"]) == (False, 2, 2, [])
    assert _rows(api) == 0
    assert actions() == [("STUDIES_LISTED", "SUCCESS", "ann")]


def test_a_study_outside_the_window_is_none(api: Api) -> None:
    shown = _send(api.program("ann", "coordinator"), "preview", GOOD, window_days=20).json()

    assert [line["study_uid"] for line in shown["lines"]] == [WEST, None]
    assert (shown["matched"], shown["window_days"]) == (1, 20)


def test_a_density_in_another_unit_is_told_line_by_line(api: Api) -> None:
    content = (
        HEADING + f"P-{WEST},2026-02-01,QCT,,,0.0615\nP-{WEST},2026-02-02,DXA,hip,,742\nNOBODY,2026-02-01,QCT,,,61\n"
    )

    shown = _send(api.program("ann", "coordinator"), "preview", content).json()

    told = {item["line"]: item["found"] for item in shown["problems"]}
    assert "g/cm3 suspected" in told[2]
    assert "742 is not possible" in told[3]
    assert told[4] == "no study of this patient"


def test_an_import_writes_all_lines_or_none(api: Api, actions: Actions) -> None:
    client = api.program("ann", "coordinator")

    refused = _send(client, "import", GOOD + f"P-{WEST},2030-01-01,DXA,hip,-1,\n")
    before = _rows(api)
    done = _send(client, "import", GOOD).json()
    again = _send(client, "import", GOOD).json()

    assert (refused.status_code, refused.json()["code"], before) == (422, "REFERENCES_INVALID", 0)
    assert f"P-{WEST}" not in refused.text
    assert (done["written"], done["added"], again["added"], again["present"]) == (True, 2, 0, 2)
    assert _rows(api) == 2
    assert [action for action, _, _ in actions()] == ["REFERENCES_IMPORTED"]  # the second changed nothing


def _workbook() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["patient_id", "measured_on", "method", "site", "t_score", "value"])
    sheet.append([f"P-{WEST}", date(2025, 12, 20), "DXA", "lumbar spine", -2.6, 0.742])
    sheet.append([])
    sheet.append([f"P-{WEST}", datetime(2026, 2, 1), "QCT", None, None, 61.5])
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


def test_a_workbook_is_read_as_its_csv_would_be(api: Api) -> None:
    client = api.program("ann", "coordinator")

    here = _send(client, "preview", _workbook()).json()
    there = _send(client, "preview", GOOD.replace("0.742\n", "0.742\n\n")).json()

    assert here == there
    assert [line["line"] for line in here["lines"]] == [2, 4]


def test_what_is_no_workbook_or_holds_entities_is_refused(api: Api) -> None:
    import zipfile

    client = api.program("ann", "coordinator")
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_workbook())) as source, zipfile.ZipFile(written, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            head = b'<!DOCTYPE x [<!ENTITY a "b">]>' if name == "xl/workbook.xml" else b""
            target.writestr(name, head + content if head else content)

    for content in (b"", b"PK\x03\x04 and no more", written.getvalue()):
        answer = _send(client, "preview", content)
        assert (answer.status_code, answer.json()["code"]) == (422, "INPUT_UNREADABLE")


def test_a_viewer_imports_nothing(api: Api) -> None:
    assert _send(api.program("ann", "viewer"), "import", GOOD).status_code == 403
    assert _rows(api) == 0
