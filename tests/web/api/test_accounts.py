from __future__ import annotations

from collections.abc import Callable

from tests.web.api.conftest import WEST, Api
from tests.web.desk.conftest import form_secret, sign_in
from trabecula.domain.access.roles import Permission

Actions = Callable[[], list[tuple[str, str, str]]]
V1 = "/api/v1"


def test_a_token_is_made_in_person_shown_once_and_opens_what_its_scopes_say(api: Api) -> None:
    browser = api.desk.signed_in("ann", "coordinator")
    headers = {"x-form-secret": form_secret(browser, "/account")}
    wish = {"name": "nightly", "scopes": ["studies:view"], "days": 30}

    made = browser.post(f"{V1}/tokens", json=wish, headers=headers)
    program = api.desk.browser()
    program.headers["authorization"] = f"Bearer {made.json()['token']}"
    listed = program.get(f"{V1}/tokens").json()["tokens"]

    assert made.status_code == 201
    assert made.json()["token"] not in program.get(f"{V1}/tokens").text
    assert [(item["name"], item["scopes"]) for item in listed] == [("nightly", ["studies:view"])]
    assert program.get(f"{V1}/studies/{WEST}").status_code == 200
    assert program.post(f"{V1}/studies/{WEST}/retry").status_code == 403
    number = listed[0]["number"]
    assert browser.delete(f"{V1}/tokens/{number}", headers=headers).json()["revoked_at"] is not None
    assert program.get(f"{V1}/studies/{WEST}").status_code == 401


def test_a_token_can_neither_make_others_nor_revoke_any(api: Api) -> None:
    """Whoever found a token with one scope would else have one with all of them."""
    program = api.program("ann", "admin", scopes=frozenset({Permission.VIEW_STUDIES}))
    number = program.get(f"{V1}/tokens").json()["tokens"][0]["number"]

    made = program.post(f"{V1}/tokens", json={"name": "more", "scopes": ["users:manage"]})
    revoked = program.delete(f"{V1}/tokens/{number}")

    assert (made.status_code, revoked.status_code) == (403, 403)
    assert len(program.get(f"{V1}/tokens").json()["tokens"]) == 1


def test_a_token_gives_nobody_a_role_beyond_its_scopes(api: Api) -> None:
    """A token limited to users:manage would else make an administrator, password and all."""
    program = api.program("ann", "admin", scopes=frozenset({Permission.MANAGE_USERS}))
    wider = frozenset({Permission.MANAGE_USERS, Permission.VIEW_STUDIES, Permission.VIEW_MODELS})
    provisioner = api.program("bob", "admin", scopes=wider)
    api.desk.account("eve", "viewer")

    made = program.post(f"{V1}/users", json={"name": "evil", "roles": ["admin"]})
    raised = program.put(f"{V1}/users/eve/roles", json={"roles": ["viewer", "admin"]})
    by_page = program.post("/administration/users", data={"name": "evil", "roles": "admin"})
    password = program.post("/administration/users/ann/password")
    allowed = provisioner.post(f"{V1}/users", json={"name": "vic", "roles": ["viewer@CT_WEST"]})
    kept = provisioner.put(f"{V1}/users/eve/roles", json={"roles": ["viewer"]})

    answers = (made, raised, by_page, password)
    assert {(item.status_code, item.json()["code"]) for item in answers} == {(403, "PERMISSION_MISSING")}
    assert (allowed.status_code, kept.status_code) == (201, 200)
    names = [item["name"] for item in program.get(f"{V1}/users").json()["accounts"]]
    assert "evil" not in names


def test_a_token_with_a_scope_that_its_account_lacks_is_not_made(api: Api) -> None:
    browser = api.desk.signed_in("ann", "coordinator")
    headers = {"x-form-secret": form_secret(browser, "/account")}

    answer = browser.post(f"{V1}/tokens", json={"name": "more", "scopes": ["users:manage"], "days": 1}, headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (422, "SCOPE_UNKNOWN")
    assert "ann does not hold users:manage" in answer.json()["title"]


def test_somebody_with_a_first_password_chooses_one_of_their_own_before_anything_else(api: Api) -> None:
    api.desk.account("ann", "admin", must_change=True)
    browser = api.desk.browser()
    sign_in(browser, "ann")

    answer = browser.get(f"{V1}/me")

    assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_MISSING")


def test_somebody_sees_what_they_may_do_where(api: Api) -> None:
    mine = api.program("ann", "viewer@CT_WEST", "coordinator@CT_EAST").get(f"{V1}/me").json()

    assert (mine["account"], mine["token"]) == ("ann", "test")
    assert mine["permissions"]["studies:view"] == ["CT_EAST", "CT_WEST"]
    assert mine["permissions"]["studies:operate"] == ["CT_EAST"]
    assert "users:manage" not in mine["permissions"]


def test_an_administrator_makes_accounts_gives_roles_and_takes_them_away(api: Api, actions: Actions) -> None:
    admin = api.program("rita", "admin")

    made = admin.post(f"{V1}/users", json={"name": "Ben", "full_name": "Ben Ray", "roles": ["viewer@CT_WEST"]})
    twice = admin.post(f"{V1}/users", json={"name": "ben", "roles": ["viewer"]})
    changed = admin.put(f"{V1}/users/ben/roles", json={"roles": ["coordinator"]})
    browser = api.desk.browser()
    entered = sign_in(browser, "ben", made.json()["password"])
    sessions = admin.get(f"{V1}/sessions").json()["sessions"]
    ended = admin.delete(f"{V1}/sessions/{sessions[0]['number']}")
    disabled = admin.post(f"{V1}/users/ben/disable")
    enabled = admin.post(f"{V1}/users/ben/enable")
    last = admin.put(f"{V1}/users/rita/roles", json={"roles": ["viewer"]})

    assert (made.status_code, twice.status_code, changed.status_code) == (201, 409, 200)
    assert made.json()["account"]["must_change_password"] is True
    assert changed.json()["roles"] == [{"role": "coordinator", "site": ""}]
    assert entered.status_code == 303
    assert (ended.status_code, browser.get("/account/password").status_code) == (204, 303)
    assert disabled.json()["disabled_at"] is not None
    assert enabled.json()["disabled_at"] is None
    assert (last.status_code, last.json()["code"]) == (409, "LAST_ADMINISTRATOR")
    assert [item["name"] for item in admin.get(f"{V1}/users").json()["accounts"]] == ["ben", "rita"]
    assert made.json()["password"] not in admin.get(f"{V1}/users").text
    assert [action for action, _, who in actions() if who == "rita"] == [
        "USER_CREATED", "USER_CHANGED", "SESSION_REVOKED", "USER_CHANGED", "USER_CHANGED",
    ]  # fmt: skip


def test_a_coordinator_manages_nobody(api: Api) -> None:
    client = api.program("ann", "coordinator")

    for method, path in (("GET", "/users"), ("POST", "/users"), ("GET", "/sessions"), ("POST", "/users/ann/enable")):
        body = {"name": "x", "roles": ["admin"]} if method == "POST" and path == "/users" else None
        assert client.request(method, f"{V1}{path}", json=body).status_code == 403, path
