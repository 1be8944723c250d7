from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.parallel import free_port
from tests.web.api.conftest import Api
from tests.web.desk.conftest import Desk

Actions = Callable[[], list[tuple[str, str, str]]]
V1 = "/api/v1"


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name one destination at an address where nobody listens, before the desk is built."""
    monkeypatch.setenv("TRABECULA_DESTINATIONS", f"PACS=ARCHIVE@127.0.0.1:{free_port()}")


def test_models_are_listed_with_their_verdict_and_figures(desk: Desk) -> None:
    models = Api(desk).program("ann", "viewer").get(f"{V1}/models").json()["models"]

    assert models
    assert all(item["model_id"] and item["role"] == "off" and not item["refused"] for item in models)
    assert any(item["figures"] for item in models)


def test_a_model_gets_a_role_and_the_last_change_is_taken_back(desk: Desk, actions: Actions, tmp_path: Path) -> None:
    client = Api(desk).program("ann", "admin")
    name = client.get(f"{V1}/models").json()["models"][0]["model_id"]

    silent = client.put(f"{V1}/models/{name}/role", json={"role": "challenger", "reason": ""})
    given = client.put(f"{V1}/models/{name}/role", json={"role": "challenger", "reason": "compare for a month"})
    back = client.post(f"{V1}/models/roll-back", json={"reason": "enough seen"})
    unknown = client.put(f"{V1}/models/nothing/role", json={"role": "off", "reason": "x"})

    assert (silent.status_code, given.json()["role"]) == (422, "challenger")
    assert {item["model_id"]: item["role"] for item in back.json()["models"]}[name] == "off"
    assert (unknown.status_code, unknown.json()["code"]) == (404, "BUNDLE_UNKNOWN")
    assert [action for action, _, _ in actions()].count("MODEL_ACTIVATED") == 2
    assert (
        Api(desk).program("ben", "coordinator").post(f"{V1}/models/roll-back", json={"reason": "x"}).status_code == 403
    )


def test_a_destination_is_paused_resumed_and_asked_for_an_echo(peers: None, desk: Desk, actions: Actions) -> None:
    client = Api(desk).program("ann", "admin")

    paused = client.post(f"{V1}/destinations/PACS/pause").json()
    (listed,) = client.get(f"{V1}/destinations").json()["destinations"]
    resumed = client.post(f"{V1}/destinations/PACS/resume").json()
    silent = client.post(f"{V1}/destinations/PACS/echo")
    unknown = client.post(f"{V1}/destinations/NOWHERE/pause")

    assert (paused["paused"], listed["paused"], resumed["paused"]) == (True, True, False)
    assert (listed["name"], listed["ae_title"]) == ("PACS", "ARCHIVE")
    assert (silent.json()["reachable"], silent.json()["code"]) == (False, "DESTINATION_UNREACHABLE")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "DESTINATION_UNKNOWN")
    assert {action for action, _, _ in actions()} >= {"QUEUE_PAUSED", "QUEUE_RESUMED", "DESTINATION_TESTED"}


def test_settings_are_shown_with_their_origin_and_without_secrets(desk: Desk, actions: Actions) -> None:
    client = Api(desk).program("ann", "admin")

    settings = {item["name"]: item for item in client.get(f"{V1}/settings").json()["settings"]}

    assert settings["web_port"]["origin"] == "default"
    assert settings["database_url"]["origin"] != "default"
    assert [action for action, _, _ in actions()] == ["SETTINGS_VIEWED"]
    assert Api(desk).program("ben", "coordinator").get(f"{V1}/settings").status_code == 403
