from __future__ import annotations

import re

import pytest
from sqlalchemy import text
from starlette.routing import Route

from tests.web.desk.conftest import Desk, form_secret, sign_in
from trabecula.domain.access.roles import Permission
from trabecula.domain.errors import DatabaseUnavailable
from trabecula.web.desk.app import desk_app
from trabecula.web.desk.routes import ROUTES

_PLACE = re.compile(r"\{(\w+)\}")


def filled(path: str) -> str:
    """Return a path with something in each of its places."""
    return _PLACE.sub(lambda found: "1.2.3" if found[1] == "study_uid" else "1", path)


OPEN = {
    "/sign-in",
    "/sign-in/provider",
    "/sign-in/provider/return",
    "/assets/{digest}/{name}",
    "/favicon.ico",
    "/openapi.json",
}
"""What is answered without login, besides health and metrics."""


FITTING = {
    "study_uid": "1.2.3", "number": "1", "file": "SR.dcm", "action": "retry", "name": "x", "kind": "SR", "tag": "x",
    "model_id": "x",
}  # fmt: skip
"""Values for what paths hold."""


def test_every_route_but_the_open_ones_stands_behind_the_door(desk: Desk) -> None:
    app = desk_app(desk.parts, {})
    client = desk.browser()

    for route in app.routes:
        assert isinstance(route, Route), route
        if route.path in OPEN:
            continue
        path = filled(route.path)
        for method in sorted(route.methods - {"HEAD"}):
            answer = client.request(method, path)
            led = method == "GET" and not path.startswith("/api/")
            expected = (303, "/sign-in") if led else (401, "")
            assert (answer.status_code, answer.headers.get("location", "").split("?")[0]) == expected, (method, path)


def test_every_page_asks_for_the_permission_that_it_names(desk: Desk) -> None:
    """Somebody with all permissions but one is refused by exactly the pages that name it."""
    from trabecula.domain.access import roles

    client = desk.signed_in("ann", "admin")
    secret = form_secret(client, "/account")
    for permission in {route.permission for route in ROUTES} - {None}:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(roles._PERMISSIONS, roles.Role.ADMIN, frozenset(set(Permission) - {permission}))
            for route in ROUTES:
                if route.permission is not permission:
                    continue
                path = filled(route.path)
                answer = client.request(route.methods[0], path, data={"form_secret": secret})
                assert answer.status_code == 403, (permission, path)
                assert "PERMISSION_MISSING" in answer.text


def test_every_change_needs_the_secret_of_its_session(desk: Desk) -> None:
    client = desk.signed_in("ann", "admin")

    for route in ROUTES:
        if "POST" not in route.methods:
            continue
        path = filled(route.path)
        assert client.post(path).status_code == 403, path
        assert client.post(path, data={"form_secret": "0" * 64}).status_code == 403, path


def test_every_answer_carries_a_policy_without_anything_unsafe(desk: Desk) -> None:
    client = desk.signed_in("ann", "admin")

    for path in ("/sign-in", "/account", "/nothing-here", "/openapi.json", "/studies/1.2.3"):
        answer = client.get(path)
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy, path
        assert "default-src 'none'" in policy, path
        assert answer.headers["x-content-type-options"] == "nosniff", path
        assert answer.headers["cache-control"] == "no-store", path


def test_a_page_has_no_inline_script_or_style_and_asks_nothing_of_other_hosts(desk: Desk) -> None:
    client = desk.signed_in("ann", "admin")

    for path in ("/account", "/account/password", "/nothing-here"):
        page = client.get(path).text
        assert "<style" not in page
        assert "style=" not in page
        assert page.count("<script") == page.count('<script src="/assets/')
        assert "http://" not in page.replace("http://www.w3.org", "")
        assert "https://" not in page


def test_assets_are_kept_by_browsers_under_the_hash_of_their_bytes(desk: Desk) -> None:
    from trabecula.web.desk.assets import address_of

    client = desk.browser()

    answer = client.get(address_of("desk.css"))

    assert answer.status_code == 200
    assert "immutable" in answer.headers["cache-control"]
    assert client.get("/assets/0000000000000000/desk.css").status_code == 404
    assert client.get("/assets/0000000000000000/..%2Fapp.py").status_code == 404


def test_a_body_without_end_is_cut_off(desk: Desk) -> None:
    client = desk.signed_in("ann", "admin")

    def endless() -> object:
        for _ in range(80):
            yield b"x" * 1024 * 1024

    answer = client.post(
        "/account/tokens", content=endless(), headers={"content-type": "application/x-www-form-urlencoded"}
    )

    assert answer.status_code == 413


def test_without_a_database_a_page_says_so_and_a_program_gets_a_problem_document(desk: Desk) -> None:
    def nowhere() -> object:
        raise DatabaseUnavailable("it is away")

    object.__setattr__(desk.parts, "engine", nowhere)
    client = desk.browser()
    client.cookies.set("trabecula-session", "x")

    page = client.get("/account")
    program = client.get("/account", headers={"authorization": "Bearer x"})

    assert page.status_code == program.status_code == 503
    assert "The database does not answer" in page.text
    assert program.json()["code"] == "DATABASE_UNAVAILABLE"
    assert program.headers["content-type"] == "application/problem+json"


def test_a_disabled_account_is_out_at_once(desk: Desk) -> None:
    client = desk.signed_in("ann", "viewer")

    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE accounts SET disabled_at = now()"))

    assert client.get("/account").status_code == 303
    assert sign_in(desk.browser(), "ann").status_code == 401


def test_a_role_that_was_taken_away_is_gone_with_the_next_request(desk: Desk) -> None:
    client = desk.signed_in("ann", "viewer")
    before = client.get("/studies/1.2.3").status_code

    with desk.engine.begin() as connection:
        connection.execute(text("DELETE FROM account_grants"))

    assert before == 404
    assert client.get("/studies/1.2.3").status_code == 403


def test_a_zero_byte_is_refused_before_it_reaches_the_database(desk: Desk) -> None:
    browser = desk.signed_in("ann", "admin")

    paths = ("/studies?site=%00", "/studies?tag=%00", "/administration/audit?who=%00", "/studies/1%002")
    answers = [browser.get(path) for path in paths]

    assert [answer.status_code for answer in answers] == [422] * 4
    assert "zero byte" in answers[0].text
