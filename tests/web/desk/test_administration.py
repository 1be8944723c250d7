from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.web.desk.conftest import Desk, form_secret

Actions = Callable[[], list[tuple[str, str, str]]]


def test_settings_are_shown_without_secrets(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from trabecula.bootstrap.desk.operation import SettingsOperation
    from trabecula.settings import load_settings

    monkeypatch.setenv("TRABECULA_DATABASE_URL", "postgresql://trabecula:geheim@db/trabecula")
    object.__setattr__(desk.parts, "operation", SettingsOperation(load_settings()))
    client = desk.signed_in("ann", "admin")

    page = client.get("/administration/settings?all=1").text

    assert "geheim" not in page
    assert "trabecula:***@db" in page
    assert "TRABECULA_DATABASE_URL" in page


def test_a_destination_that_does_not_answer_is_told_and_one_can_be_held(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, actions: Actions
) -> None:
    from trabecula.bootstrap.desk.operation import SettingsOperation
    from trabecula.settings import load_settings

    monkeypatch.setenv("TRABECULA_DESTINATIONS", "PACS=PACS@127.0.0.1:1")
    object.__setattr__(desk.parts, "operation", SettingsOperation(load_settings()))
    client = desk.signed_in("ann", "admin")
    data = {"form_secret": form_secret(client, "/administration")}

    echo = client.post("/administration/destinations/PACS/echo", data=data)
    client.post("/administration/destinations/PACS/pause", data=data)
    held = client.get("/administration").text
    client.post("/administration/destinations/PACS/resume", data=data)

    assert 'role="alert"' in echo.text
    assert "by ann" in held
    assert "by ann" not in client.get("/administration").text
    assert client.post("/administration/destinations/NOWHERE/pause", data=data).status_code == 404
    assert [action for action, _, _ in actions()][1:4] == ["DESTINATION_TESTED", "QUEUE_PAUSED", "QUEUE_RESUMED"]


def test_an_administrator_makes_accounts_and_cannot_lock_everybody_out(desk: Desk) -> None:
    client = desk.signed_in("ann", "admin")
    secret = form_secret(client, "/administration/users")

    made = client.post(
        "/administration/users", data={"form_secret": secret, "name": "Ben", "roles": "viewer@CT1, coordinator@CT2"}
    )
    wrong = client.post("/administration/users", data={"form_secret": secret, "name": "cem", "roles": "boss"})
    alone = client.post("/administration/users/ann/roles", data={"form_secret": secret, "roles": "viewer"})

    password = made.text.split('<code class="secret">')[1].split("<")[0]
    assert len(password) > 20
    assert password not in client.get("/administration/users").text
    assert "viewer@CT1" in client.get("/administration/users").text
    assert wrong.status_code == 422
    assert "viewer, coordinator, admin" in wrong.text
    assert alone.status_code == 409
    assert "LAST_ADMINISTRATOR" in alone.text
    assert client.get("/administration/users").status_code == 200


def test_the_page_of_models_says_of_each_whether_it_can_be_believed(desk: Desk) -> None:
    client = desk.signed_in("ann", "admin")

    page = client.get("/models").text

    assert "demonstration: trained on digital phantoms" in page
    name = page.split('href="/models/')[1].split('"')[0]
    assert "has no clinical meaning" in client.get(f"/models/{name}").text
    assert client.get("/models/nothing").status_code == 404


def test_a_model_is_activated_with_a_reason_and_rolled_back(desk: Desk, tmp_path: Path) -> None:
    from trabecula.scoring.activation import read_activation

    client = desk.signed_in("ann", "admin")
    name = client.get("/models").text.split('href="/models/')[1].split('"')[0]
    secret = form_secret(client, f"/models/{name}")

    without = client.post(f"/models/{name}/role", data={"form_secret": secret, "role": "active"})
    done = client.post(f"/models/{name}/role", data={"form_secret": secret, "role": "active", "reason": "a trial"})
    active = read_activation(tmp_path).role(name)
    listed = client.get("/models").text
    client.post("/models/roll-back", data={"form_secret": secret, "reason": "enough"})

    assert (without.status_code, done.status_code, active) == (422, 303, "active")
    assert "a trial" in listed
    assert read_activation(tmp_path).models == {}
