from __future__ import annotations

import pytest
from fastapi.routing import APIRoute

from tests.web.api.conftest import Api
from tests.web.desk.conftest import form_secret
from tests.web.desk.test_door import FITTING
from trabecula.domain.access import roles
from trabecula.domain.access.roles import Permission
from trabecula.web.access.forgery import SAFE_METHODS
from trabecula.web.api.door import Behind
from trabecula.web.desk.app import desk_app


def _routes(api: Api) -> list[tuple[str, str, Behind]]:
    """Return method, path and door of every operation."""
    found = []
    for route in desk_app(api.desk.parts, {}).routes:
        if isinstance(route, APIRoute):
            (door,) = [item.call for item in route.dependant.dependencies if isinstance(item.call, Behind)]
            found += [(method, route.path.format(**FITTING), door) for method in route.methods]
    return found


def test_every_operation_asks_for_the_permission_that_it_names(api: Api) -> None:
    """Somebody with all permissions but one is refused by exactly the operations that name it."""
    client = api.desk.signed_in("ann", "admin")
    headers = {"x-form-secret": form_secret(client, "/account")}
    operations = _routes(api)
    assert len(operations) > 30

    for permission in {door.permission for _, _, door in operations} - {None}:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(roles._PERMISSIONS, roles.Role.ADMIN, frozenset(set(Permission) - {permission}))
            for method, path, door in operations:
                if door.permission is permission:
                    answer = client.request(method, path, headers=headers)
                    assert (answer.status_code, answer.json()["code"]) == (403, "PERMISSION_MISSING"), path


def test_every_change_by_a_session_needs_the_secret_of_its_form(api: Api) -> None:
    client = api.desk.signed_in("ann", "admin")

    for method, path, _ in _routes(api):
        if method not in SAFE_METHODS:
            for headers in ({}, {"x-form-secret": "0" * 64}):
                answer = client.request(method, path, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (403, "REQUEST_FORGED"), path


def test_what_the_api_does_not_take_is_a_problem_document_that_says_what_it_takes(api: Api) -> None:
    client = api.program("ann", "viewer")

    wrong_method, nowhere = client.delete("/api/v1/studies"), client.get("/api/v1/nothing")

    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "GET")
    assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, "application/problem+json")


def test_a_body_that_is_too_large_or_no_json_is_a_problem_document(api: Api) -> None:
    client = api.program("ann", "coordinator")
    path, json = "/api/v1/studies/1.2.3.1/readings", {"content-type": "application/json"}

    broken = client.post(path, content=b"{", headers=json)
    unreadable = client.post(path, content=b"\xff\xfe{", headers=json)
    large = client.post(path, content=(b"x" * 1024 * 1024 for _ in range(70)), headers=json)

    assert [answer.status_code for answer in (broken, unreadable, large)] == [422, 400, 413]
    for answer in (broken, unreadable, large):
        assert answer.headers["content-type"] == "application/problem+json"


def test_without_a_database_the_answer_says_so(api: Api) -> None:
    from trabecula.domain.errors import DatabaseUnavailable

    def nowhere() -> object:
        raise DatabaseUnavailable("it is away")

    object.__setattr__(api.desk.parts, "engine", nowhere)

    answer = api.desk.browser().get("/api/v1/me", headers={"authorization": "Bearer x"})

    assert (answer.status_code, answer.json()["code"]) == (503, "DATABASE_UNAVAILABLE")


def test_a_parameter_that_an_operation_does_not_take_is_refused(api: Api) -> None:
    """A misspelt filter that is ignored answers with everything, and a misspelt cursor with page one for ever."""
    client = api.program("ann", "admin")

    answers = [client.get(f"/api/v1/{path}") for path in ("studies?next=1", "audit?patient=P-1", "overview?foo=1")]

    assert {(item.status_code, item.json()["code"]) for item in answers} == {(422, "CHOICE_INVALID")}
    assert "after" in answers[0].json()["title"]
    assert "it takes none" in answers[2].json()["title"]
